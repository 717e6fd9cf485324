"""The API over real HTTP: what it shows, in pages, with tags."""

import asyncio
import re
import time
from typing import Any

import pytest

from fleetmon.readout.planning import prospects

from .reading import Say, ask, heard, ids, pages

TAMPER = {"at": 1, "boot": 1, "seq": 1, "component": "security", "code": "Tamper", "action": "set"}
BEAT = {"at": 1, "boot": 1, "seq": 1}
BIRTH = {"at": 5, "state": "online", "boot": 3, "session": "s-1", "carrier": "CUCC", "firmware": "2.0", "serial": "SN1"}
JSON_ROUTES = (
    *("/api/v1/terminals", "/api/v1/terminals/noodle-1", "/api/v1/terminals/noodle-1/changes"),
    *("/api/v1/incidents", "/api/v1/audit", "/api/v1/service", "/api/v1/quarantine", "/schema/openapi.json"),
    *("/api/v1/visits", "/api/v1/visits/outcomes"),
)


async def test_every_route_answers(running: Any) -> None:
    for path in (*JSON_ROUTES, "/", "/metrics", "/-/healthy", "/-/ready"):
        answer = await ask(running, path)
        assert answer.status == 200, f"{path}: {answer.text}"
        head = await ask(running, path, "HEAD")
        assert (head.status, head.text) == (200, ""), path
    landing = await ask(running, "/")
    assert 'href="/api/v1/report?format=html"' in landing.text
    for link in re.findall(r'href="([^"]+)"', landing.text):
        assert (await ask(running, link)).status == 200, link


async def test_terminals_are_shown_as_they_are_now(running: Any, mosquitto: Any, say: Say) -> None:
    await say(mosquitto.port, "terminal/noodle-1/heartbeat", BEAT)
    await say(mosquitto.port, "terminal/stranger/heartbeat", BEAT)
    await heard(running, 2)

    async def found(query: str) -> list[str]:
        answer = await ask(running, f"/api/v1/terminals{query}")
        assert answer.status == 200, answer.text
        return ids(answer.json["terminals"])

    everybody = await found("")
    assert (len(everybody), everybody) == (19, sorted(everybody))
    assert await found("?state=up") == ["noodle-1", "stranger"]
    assert await found("?registered=false") == ["stranger"]
    assert await found("?state=up&registered=true&provider=field-1") == ["noodle-1"]
    assert await found("?region=hilltop&carrier=CMCC") == ["books-1", "florist-1"]
    assert await found("?site=books-shop") == await found("?merchant=books") == ["books-1", "books-2"]
    assert await found("?provider=") == ["stranger"]
    assert await found("?state=down") == []
    one = (await ask(running, "/api/v1/terminals?state=up&registered=true")).json["terminals"][0]
    assert one["last_seen"] == one["since"] > 1_700_000_000_000
    assert (one["interval_s"], one["network"], one["serial"]) == (300, "4g", "SN00000")
    await asyncio.to_thread(mosquitto.stop)
    await running.until(lambda: running.daemon.engine.deaf, "the link is lost")
    assert await found("?state=up") == []
    assert await found("?state=unknown") == ["noodle-1", "stranger"]


async def test_pages_of_terminals_repeat_and_miss_nobody_while_others_come(
    running: Any, mosquitto: Any, say: Say
) -> None:
    before = ids((await ask(running, "/api/v1/terminals")).json["terminals"])

    async def others_come() -> None:
        for name in ("aaa", "grill-3x", "zzz"):
            await say(mosquitto.port, f"terminal/{name}/heartbeat", BEAT)
        await heard(running, 3)

    found = ids(await pages(running, "/api/v1/terminals?limit=5", "terminals", others_come))
    assert found == sorted(set(found))
    assert set(found) - set(before) == {"grill-3x", "zzz"}, "those that come before the first page's end are not shown"
    assert set(before) <= set(found)
    assert ids(await pages(running, "/api/v1/terminals?limit=1&registered=false", "terminals")) == [
        *("aaa", "grill-3x", "zzz")
    ]


async def test_one_terminal_tells_what_is_known_and_since_when(running: Any, mosquitto: Any, say: Say) -> None:
    await say(mosquitto.port, "terminal/noodle-1/state", BIRTH, retain=True)
    await say(mosquitto.port, "terminal/noodle-1/device", {**TAMPER, "boot": 3})
    await running.until(lambda: running.told == ["tamper firing"], "the incident")
    await say(mosquitto.port, "terminal/noodle-1/state", {**BIRTH, "state": "offline", "reason": "shutdown"})
    await running.until(lambda: running.daemon.engine.fleet.terminals["noodle-1"].liveness.name == "ASLEEP", "asleep")
    async with asyncio.timeout(10):
        while len((one := (await ask(running, "/api/v1/terminals/noodle-1")).json)["changes"]) < 2:
            await asyncio.sleep(0.02)
    assert (one["state"], one["epoch"], one["boot"], one["session"], one["session_at"]) == ("asleep", 0, 3, "s-1", 5)
    assert (one["carrier"], one["firmware"], one["registered"]) == ("CUCC", "2.0", True)
    tampers = [found for found in one["incidents"] if found["kind"] == "tamper"]
    assert [found["evidence"] for found in tampers] == [["noodle-1"]]
    known = {found["what"]: found for found in one["known"]}
    assert (known["link"]["value"], known["state"]["value"]) == ("up", "asleep")
    assert known["fault/tamper/Tamper"]["since"] == tampers[0]["opened_at"]
    assert [(change["before"], change["after"]) for change in one["changes"]] == [
        ("up", "asleep"),
        ("never_seen", "up"),
    ]
    assert known["state"]["since"] == one["since"] == one["changes"][0]["at"]
    assert await pages(running, "/api/v1/terminals/noodle-1/changes?limit=1", "changes") == one["changes"]
    neighbour = (await ask(running, "/api/v1/terminals/noodle-2")).json
    assert "tamper" not in [found["kind"] for found in neighbour["incidents"]]
    assert (neighbour["changes"], neighbour["boot"]) == ([], None)


async def test_a_terminal_s_reach_and_its_three_clocks(running: Any, mosquitto: Any, say: Say) -> None:
    async def one() -> Any:
        return (await ask(running, "/api/v1/terminals/noodle-1")).json

    assert (await one())["reach"] == "unknown"
    assert (await one())["clocks"] == {"session": None, "heartbeat": None, "business": None}
    await say(mosquitto.port, "terminal/noodle-1/state", BIRTH)
    sale = {"at": 1, "boot": 3, "seq": 1, "id": "s1", "kind": "sale", "stage": "approved", "amount": 100}
    await say(mosquitto.port, "terminal/noodle-1/transaction", sale)
    await running.until(lambda: running.daemon.engine.fleet.terminals["noodle-1"].usage, "the sale")
    sold = await one()
    assert (sold["clocks"]["session"], sold["clocks"]["heartbeat"]) == (5, None)
    assert 0 <= sold["last_seen"] - sold["clocks"]["business"] < 1000, "to the second"
    for seq, (net, reach) in enumerate(
        [({"internet": False}, "link"), ({"host": False}, "internet"), ({"host": True}, "host")], 2
    ):
        await say(mosquitto.port, "terminal/noodle-1/heartbeat", {**BEAT, "boot": 3, "seq": seq, "net": net})
        await running.until(lambda want=seq: running.daemon.engine.fleet.terminals["noodle-1"].seq == want, "the beat")
        assert (await one())["reach"] == reach
    assert (await one())["clocks"]["heartbeat"] == (await one())["last_seen"]
    assert (await one())["not_paying"] is None
    text = (await ask(running, "/metrics")).text
    assert 'fleetmon_terminals_not_paying{reason="keys"} 0.0' in text


async def test_who_is_due_for_service_is_told_with_reasons_the_likeliest_first(
    running: Any, mosquitto: Any, say: Say, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(prospects, "AGAIN", 0)
    said = [("noodle-1", "reader", "Jam"), ("noodle-2", "reader", "Jam"), ("noodle-2", "ped", "KeyStuck")]
    for seq, (key, component, code) in enumerate(said, 1):
        word = {"at": time.time_ns() // 10**6, "boot": 1, "seq": seq, "component": component, "code": code}
        await say(mosquitto.port, f"terminal/{key}/device", {**word, "action": "oneshot"})
    await say(mosquitto.port, "terminal/grill-1/device", {**TAMPER, "at": time.time_ns() // 10**6})
    await heard(running, 3)
    found = (await ask(running, "/api/v1/service")).json["terminals"]
    assert [(row["terminal"], round(row["probability"], 2)) for row in found] == [
        ("grill-1", 1.0),
        ("noodle-2", 0.79),
        ("noodle-1", 0.27),
    ]
    assert found[0]["failed_at"] is not None
    assert [reason["code"] for reason in found[1]["reasons"]] == ["ped/KeyStuck", "reader/Jam"]
    assert await pages(running, "/api/v1/service?limit=1", "terminals") == found
    providers = {row["terminal"]: row["provider"] for row in found}
    for provider in set(providers.values()):
        mine = (await ask(running, f"/api/v1/service?provider={provider}")).json["terminals"]
        assert [row["terminal"] for row in mine] == [key for key in ids_of(found) if providers[key] == provider]
    assert (await ask(running, "/api/v1/service?cursor=MTI")).status == 400


def ids_of(rows: list[Any]) -> list[str]:
    return [row["terminal"] for row in rows]


async def test_incidents_come_in_pages_while_others_open(running: Any, mosquitto: Any, say: Say) -> None:
    names = [f"noodle-{number}" for number in range(1, 7)]
    for name in names:
        await say(mosquitto.port, f"terminal/{name}/device", TAMPER)
    await running.until(lambda: len(running.told) == 6, "all six")

    async def another_opens() -> None:
        await say(mosquitto.port, "terminal/noodle-7/device", TAMPER)
        await running.until(lambda: len(running.told) == 7, "the seventh")

    found = await pages(running, "/api/v1/incidents?limit=2&kind=tamper", "incidents", another_opens)
    assert sorted(one["scope"]["terminal"] for one in found) == names
    assert found == sorted(found, key=lambda one: (-one["opened_at"], one["id"]))
    newest = (await ask(running, "/api/v1/incidents?limit=1&kind=tamper")).json["incidents"][0]
    assert newest["scope"] == {"terminal": "noodle-7"}


async def test_one_incident_tells_how_it_came_about(running: Any, mosquitto: Any, say: Say) -> None:
    await say(mosquitto.port, "terminal/noodle-1/device", TAMPER)
    await say(mosquitto.port, "terminal/noodle-1/device", {**TAMPER, "seq": 2, "action": "clear"})
    await running.until(lambda: running.told == ["tamper firing", "tamper resolved"], "the end")
    key = running.transitions[-1].incident.id
    one = (await ask(running, f"/api/v1/incidents/{key}")).json
    assert (one["id"], one["status"], one["evidence"]) == (key, "resolved", ["noodle-1"])
    assert [(change["before"], change["after"]) for change in one["transitions"]] == [
        *(("pending", "firing"), ("firing", "resolved"))
    ]
    assert one["transitions"][-1]["at"] == one["resolved_at"]
    assert one["situation"]["names"] == {"terminal": ["Noodle", "noodle-shop", "harbour"]}
    assert (one["situation"]["silent"], one["situation"]["heard_at"]) == (None, None), "it is over"


async def test_a_pending_incident_is_shown_before_anybody_stored_it(running: Any, mosquitto: Any) -> None:
    await asyncio.to_thread(mosquitto.stop)
    await running.until(lambda: running.daemon.engine.deaf, "the link is lost")
    pending = (await ask(running, "/api/v1/incidents?status=pending")).json["incidents"]
    assert [one["kind"] for one in pending] == ["ingest_impaired"]
    one = (await ask(running, f"/api/v1/incidents/{pending[0]['id']}")).json
    assert (one["status"], one["transitions"]) == ("pending", [])
    assert (await ask(running, "/api/v1/incidents?status=firing")).json == {"incidents": [], "next": None}
    concerned = (await ask(running, "/api/v1/terminals/noodle-1")).json["incidents"]
    assert [found["kind"] for found in concerned] == ["ingest_impaired"], "why it is unknown"


async def test_refused_messages_by_reason_in_pages(running: Any, mosquitto: Any, say: Say) -> None:
    for number in range(5):
        await say(mosquitto.port, "terminal/noodle-1/device", f"no json {number}".encode())
        await say(mosquitto.port, "terminal/noodle-1/device", {"at": number})
    await running.until(lambda: running.daemon.quarantine.counts.total() == 10, "ten are refused")
    async with asyncio.timeout(10):
        while len(found := await pages(running, "/api/v1/quarantine?limit=3", "messages")) < 10:
            await asyncio.sleep(0.02)
    assert ids(found) == sorted(ids(found), reverse=True)
    broken = await pages(running, "/api/v1/quarantine?limit=2&reason=json", "messages")
    assert [one["payload"] for one in broken] == [f"no json {number}" for number in range(4, -1, -1)]
    assert {one["reason"] for one in found} == {"json", "field"}
    missing = ("boot", "seq", "component", "code", "action")
    assert found[0]["problems"] == [f"{name}: is missing" for name in missing]


async def test_all_that_is_wrong_with_a_message_is_told_at_once(running: Any, mosquitto: Any, say: Say) -> None:
    sale = {"at": "2026-11-28", "boot": 1, "seq": 2, "id": "x", "kind": "Sale", "stage": "approved", "ammount": 1.5}
    await say(mosquitto.port, "terminal/noodle-1/transaction", {**sale, "note": "ours", "posted": {"mcc": 5812}})
    beat = {"at": 1, "boot": 1, "seq": 1}
    await say(mosquitto.port, "terminal/noodle-1/heartbeat", {**beat, "net": {"rssi_dbm": "strong"}, "x": "y" * 2_000})
    await running.until(lambda: running.daemon.quarantine.counts.total() == 2, "both are refused")
    async with asyncio.timeout(10):
        while len(found := await pages(running, "/api/v1/quarantine", "messages")) < 2:
            await asyncio.sleep(0.02)
    long, short = found
    assert short["problems"] == [
        "at: must be a whole number, not a text",
        "kind: 'Sale' is not known; allowed are sale, void, refund, preauth, completion, reversal",
        'ammount: unknown key; did you mean "amount"?',
        "posted.mcc: must be a text, not a whole number",
        "amount: is missing",
    ]
    assert long["problems"] == [long["detail"]], "of what was not kept whole the first is told"


async def test_what_has_not_changed_is_not_sent_again(running: Any) -> None:
    for path in JSON_ROUTES:
        first = await ask(running, path)
        tag = first.headers["ETag"]
        assert "no-cache" in first.headers["Cache-Control"]
        for known in (tag, f'"other", W/{tag}', "*"):
            again = await ask(running, path, **{"If-None-Match": known})
            assert (again.status, again.text, again.headers["ETag"]) == (304, "", tag), path
            assert "Content-Length" not in again.headers
        assert (await ask(running, path, **{"If-None-Match": '"other"'})).status == 200
        assert (await ask(running, path, "HEAD")).headers["ETag"] == tag


async def test_a_change_changes_the_tag(running: Any, mosquitto: Any, say: Say) -> None:
    tag = (await ask(running, "/api/v1/terminals")).headers["ETag"]
    await say(mosquitto.port, "terminal/noodle-1/heartbeat", BEAT)
    await heard(running, 1)
    assert (await ask(running, "/api/v1/terminals", **{"If-None-Match": tag})).status == 200
