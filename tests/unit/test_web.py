"""The parts of the API that need no server: cursors, entity tags, tokens, and who concerns whom."""

import contextlib
import hashlib
from pathlib import Path
from typing import Any

import msgspec
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from litestar.exceptions import ClientException

from fleetmon import config
from fleetmon.engine import Engine
from fleetmon.model.errors import ConfigError
from fleetmon.model.incident import Incident, Scope
from fleetmon.model.registry import Registry, Site, Terminal
from fleetmon.readout.roster import PIECE, Roster
from fleetmon.readout.sight import Sight, concerns
from fleetmon.web import paging, problems
from fleetmon.web.access import Token, Tokens
from fleetmon.web.caching import with_tags
from fleetmon.web.ports import Place
from fleetmon.web.settings import WebSettings

PLACES = msgspec.json.Decoder(Place)
REGISTRY = Registry(
    sites=[Site("mall"), Site("kiosk")],
    terminals=[
        Terminal("a1", site="mall", region="north", carrier="CUCC", provider="A", acquirer="ACQ", network="4g"),
        Terminal("a2", site="mall", region="north", carrier="CUCC", provider="A", network="wifi"),
        Terminal("b1", site="kiosk", region="south", carrier="CMCC", provider="B", network="4g"),
        Terminal("b2", site="mall", region="north", carrier="CUCC", provider="B", network="wifi"),
    ],
)


@given(st.integers(0, 2**63 - 1), st.text())
def test_a_cursor_gives_back_the_place(number: int, text: str) -> None:
    assert paging.decode(paging.encode(Place(number, text)), PLACES) == (number, text)
    assert paging.decode(paging.encode(text), paging.IDS) == text


def test_a_number_that_no_database_takes_is_refused() -> None:
    forgeries: list[tuple[Any, object]] = [(paging.NUMBERS, 2**63), (paging.NUMBERS, -1), (PLACES, [2**63, "x"])]
    for decoder, forged in forgeries:
        with pytest.raises(ClientException, match="cursor"):
            paging.decode(paging.encode(forged), decoder)


@given(st.text())
def test_whatever_else_is_sent_as_a_cursor_is_refused_or_harmless(text: str) -> None:
    decoders: list[tuple[Any, type]] = [(paging.NUMBERS, int), (paging.IDS, str), (PLACES, Place)]
    for decoder, kind in decoders:
        with contextlib.suppress(ClientException):
            assert isinstance(paging.decode(text, decoder), kind)


@given(st.sets(st.integers(0, 1000)), st.integers(1, 20))
def test_pages_put_together_are_the_list(numbers: set[int], limit: int) -> None:
    rows, found, cursor, pages = sorted(numbers), list[int](), None, 0
    while True:
        after = paging.decode(cursor, paging.NUMBERS)
        page, cursor = paging.cut([row for row in rows if after is None or row > after][: limit + 1], limit, int)
        found += page
        pages += 1
        if cursor is None:
            break
    assert found == rows
    assert pages == max(1, -(-len(rows) // limit)), "no empty page at the end"


async def answered(status: int, content_type: str, body: bytes, known: str = "", method: str = "GET") -> list[Any]:
    async def application(_scope: Any, _receive: Any, send: Any) -> None:
        headers = [(b"content-type", content_type.encode()), (b"content-length", str(len(body)).encode())]
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": body, "more_body": False})

    sent: list[Any] = []

    async def send(message: Any) -> None:
        sent.append(message)

    scope: Any = {"type": "http", "method": method, "headers": [(b"if-none-match", known.encode())]}
    await with_tags(application)(scope, None, send)  # type: ignore[arg-type]
    return sent


async def test_only_good_json_that_was_asked_for_gets_a_tag() -> None:
    head, _ = await answered(200, "application/json", b"{}")
    assert any(name == b"etag" for name, _ in head["headers"])
    for status, kind, method in (
        (404, "application/json", "GET"),
        (200, "text/plain", "GET"),
        (200, "application/json", "POST"),
    ):
        head, body = await answered(status, kind, b"{}", "*", method)
        assert (head["status"], body["body"]) == (status, b"{}")
        assert not any(name == b"etag" for name, _ in head["headers"])


@pytest.mark.parametrize(
    ("known", "status"), [('"T"', 304), ('W/"T"', 304), ('"x", "T"', 304), ("*", 304), ("T", 200), ("", 200)]
)
async def test_tags_are_compared_as_rfc_9110_says(known: str, status: int) -> None:
    tag = hashlib.sha256(b"{}").hexdigest()[:32]
    head, body = await answered(200, "application/json", b"{}", known.replace("T", tag))
    assert (head["status"], body["body"]) == (status, b"" if status == 304 else b"{}")


def test_a_token_is_found_by_its_secret_alone() -> None:
    digests = [hashlib.sha256(secret).hexdigest() for secret in (b"one", b"two")]
    tokens = Tokens([Token("first", digests[0], "viewer"), Token("second", digests[1], "admin")])
    assert tokens.find("two") == tokens.tokens[1]
    assert tokens.find("three") is None
    assert tokens.find(digests[0]) is None


@pytest.mark.parametrize("host", ["127.0.0.1", "::1", "localhost"])
def test_loopback_needs_no_tokens(host: str) -> None:
    assert WebSettings(host=host).problems() == []


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.1", "fleetmon.example"])
def test_any_other_host_does(host: str) -> None:
    assert host in WebSettings(host=host).problems()[0]
    assert WebSettings(host=host, tokens_file="tokens.yml").problems() == []


def load(folder: Path, web: dict[str, Any], tokens: str = "") -> config.Loaded:
    (folder / "registry.yml").write_text("providers: [{id: P1}]")
    (folder / "tokens.yml").write_text(tokens)
    (folder / "fleetmon.yml").write_text(yaml.safe_dump({"registry": "registry.yml", "web": web}))
    return config.load(folder / "fleetmon.yml", {})


def wrong(folder: Path, web: dict[str, Any], tokens: str = "") -> list[str]:
    with pytest.raises(ConfigError) as caught:
        load(folder, web, tokens)
    return caught.value.problems


@pytest.mark.parametrize(
    ("tokens", "problems"),
    [
        ("{name: a, sha256: my-plain-token, role: viewer}", ["tokens[0].sha256:"]),
        (
            "{name: '', role: boss, sha: x}",
            ["tokens[0].name:", "tokens[0].role:", 'sha: unknown key; did you mean "sha256"', "sha256: is missing"],
        ),
        ("{name: b, sha256: DIGEST}", ["tokens[0].role: is missing"]),
        ("{name: a, sha256: DIGEST, role: admin, provider: P1}", ["tokens[0].provider: an admin"]),
        (
            "{name: a, sha256: DIGEST, role: viewer}, {name: a, sha256: DIGEST, role: viewer}",
            ['tokens[1].name: "a" is there twice', "tokens[1].sha256: is there twice"],
        ),
        ("{name: a, sha256: DIGEST, role: viewer, provider: P2}", ['tokens[0].provider: "P2" is in no list']),
        ("", ["length >= 1 - at `$.tokens`"]),
    ],
)
def test_every_problem_of_the_tokens_is_named_and_no_token_shown(
    tmp_path: Path, tokens: str, problems: list[str]
) -> None:
    digest = hashlib.sha256(b"secret").hexdigest()
    said = wrong(tmp_path, {"tokens_file": "tokens.yml"}, f"tokens: [{tokens.replace('DIGEST', digest)}]")
    assert len(said) == len(problems)
    for problem in problems:
        assert problem in "\n".join(said)
    assert "my-plain-token" not in str(said)


def test_a_host_that_strangers_reach_needs_a_file_of_tokens_that_is_there(tmp_path: Path) -> None:
    assert "web.host: 0.0.0.0 can be reached" in wrong(tmp_path, {"host": "0.0.0.0"})[0]
    assert "none.yml: cannot be read" in wrong(tmp_path, {"host": "0.0.0.0", "tokens_file": "none.yml"})[0]
    digest = hashlib.sha256(b"secret").hexdigest()
    good = f"tokens: [{{name: a, sha256: {digest}, role: viewer, provider: P1}}]"
    loaded = load(tmp_path, {"host": "0.0.0.0", "tokens_file": "tokens.yml"}, good)
    assert loaded.tokens == Tokens([Token("a", digest, "viewer", "P1")])
    assert loaded.config.web.tokens_file == str(tmp_path / "tokens.yml")


@pytest.mark.parametrize(
    ("kind", "scope", "terminals", "providers"),
    [
        ("terminal_offline", (("terminal", "a1"),), {"a1"}, {"A"}),
        ("terminal_offline", (("terminal", "gone"),), set(), set()),
        ("site_outage", (("site", "mall"),), {"a1", "a2", "b2"}, {"A", "B"}),
        ("site_outage", (("site", "kiosk"),), {"b1"}, {"B"}),
        ("carrier_outage", (("carrier", "CUCC"),), {"a1"}, {"A"}),  # the others there are on WiFi
        ("carrier_outage", (("carrier", "CUCC"), ("region", "south")), set(), set()),
        ("carrier_outage", (("carrier", "CMCC"), ("region", "south")), {"b1"}, {"B"}),
        ("flapping", (("site", "mall"),), {"a1", "a2", "b2"}, {"A", "B"}),
        ("flapping", (("carrier", "CMCC"), ("region", "south")), {"b1"}, {"B"}),
        ("flapping", (("terminal", "a1"),), {"a1"}, {"A"}),
        ("host_outage", (("host", "ACQ"),), {"a1"}, {"A"}),
        ("ingest_impaired", (), {"a1", "a2", "b1", "b2"}, {"A", "B"}),
        ("something_new", (("colour", "red"),), set(), set()),
    ],
)
def test_whom_an_incident_concerns(kind: str, scope: Scope, terminals: set[str], providers: set[str]) -> None:
    fleet = Engine(REGISTRY).fleet
    incident = Incident("i", kind, scope, "warning", pages=False, opened_at=1, evidence=("a1", "b1"))
    assert {key for key, one in fleet.terminals.items() if concerns(incident, one)} == terminals
    assert {name for name in ("A", "B", "C") if Sight(fleet, name).concerned(incident)} == providers
    assert Sight(fleet, None).concerned(incident)
    owners = {name for name in ("A", "B", "C") if Sight(fleet, name).owns(incident)}
    assert owners == (providers if len(providers) == 1 else set()), "what concerns others, too, is nobody's own"
    assert Sight(fleet, None).owns(incident)
    assert Sight(fleet, None).view(incident, {}).evidence == ["a1", "b1"]
    assert Sight(fleet, "B").view(incident, {}).evidence == ["b1"]


async def test_the_roster_follows_the_fleet() -> None:
    fleet = Engine(Registry(terminals=[Terminal("m"), Terminal("c")])).fleet
    roster = Roster(fleet.terminals)

    async def listed(after: str | None = None) -> list[str]:
        return [one.id for one in await roster.page(after, 10, lambda _: True)]

    assert await listed() == ["c", "m"]
    fleet.find("a")
    assert await listed() == ["a", "c", "m"]
    fleet.register(Registry(terminals=[Terminal("m"), Terminal("x"), Terminal("y")]))
    assert await listed() == ["a", "m", "x", "y"], "who never was more than a row is gone with it"
    assert await listed("m") == ["x", "y"]
    fleet.find("b")
    assert await listed() == ["a", "b", "m", "x", "y"]
    fleet.register(Registry())
    assert await listed() == ["a", "b"]


async def test_a_walk_through_a_great_fleet_goes_on_past_the_first_piece() -> None:
    registry = Registry(terminals=[Terminal(f"t{number:06}") for number in range(PIECE + 10)])
    roster = Roster(Engine(registry).fleet.terminals)
    last = f"t{PIECE + 9:06}"
    assert [one.id for one in await roster.page(None, 5, lambda one: one.id == last)] == [last]


def test_the_key_in_the_address_of_a_feed_never_reaches_a_log() -> None:
    class Asked:
        class url:  # noqa: N801 - as Starlette and Litestar call it
            path = "/feeds/abc234secret/site/S1.ics"

    assert problems._path(Asked()) == "/feeds/.../site/S1.ics"  # type: ignore[arg-type]
