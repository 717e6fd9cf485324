"""Who is blamed, whatever requests come: never without witnesses, never for what goes well, in whatever order."""

import random

from hypothesis import given, settings
from hypothesis import strategies as st

from fleetmon.detect import HOST_OUTAGE
from fleetmon.engine.hosts.answers import Known, Request
from fleetmon.engine.hosts.blame import Blame, blamed
from fleetmon.model.detector import Reply
from fleetmon.model.terminal import Cohort, Terminal

TERMINALS = [
    Terminal(f"t{n}", "", f"s{n // 2}", Cohort(carrier="ab"[n % 2], model="m", network="4g"), 60_000, 120_000)
    for n in range(12)
]
REPLIES = st.sampled_from([Reply.WELL, Reply.WELL, Reply.FAILED, Reply.FAILED, Reply.LOST, Reply.ODD])
REQUESTS = st.lists(
    st.builds(
        Request, st.integers(1, 20), st.sampled_from(TERMINALS), REPLIES, st.sampled_from("AB"), st.sampled_from("ijk")
    ),
    max_size=80,
)
KNOWN = st.sampled_from([Known(0.01, None), Known(0.01, 0.02), Known(0.1, None), Known(0.3, 0.3, slow=True)])
SETTINGS = settings(max_examples=200, deadline=None)


def judged(requests: list[Request], known: Known, switch: str = "") -> dict[str, Blame]:
    """Of each quarter of a minute one request a terminal and acquirer counts."""
    kept = {(one.acquirer, one.slot, one.terminal.id): one for one in requests}
    newest = sorted(kept.values(), key=lambda one: -one.slot)
    return blamed({name: [one for one in newest if one.acquirer == name] for name in "AB"}, lambda _: known, (), switch)


@SETTINGS
@given(REQUESTS, KNOWN, st.sampled_from(["", "UP"]))
def test_nobody_is_blamed_without_witnesses(requests: list[Request], known: Known, switch: str) -> None:
    for host, blame in judged(requests, known, switch).items():
        behind = [one for one in requests if host in (one.acquirer, one.issuer, switch)]
        failing = {one.terminal.id for one in behind if one.reply is not Reply.WELL}
        assert len(blame.terminals) >= HOST_OUTAGE.witnesses
        assert failing.issuperset(blame.terminals)
        assert HOST_OUTAGE.lasting(blame.replies)


@SETTINGS
@given(REQUESTS, KNOWN)
def test_what_goes_well_everywhere_blames_nobody(requests: list[Request], known: Known) -> None:
    well = [Request(one.slot, one.terminal, Reply.WELL, one.acquirer, one.issuer) for one in requests]
    assert judged(well, known) == {}


@SETTINGS
@given(REQUESTS, KNOWN, st.integers(0, 2**32))
def test_the_order_within_a_moment_does_not_matter(requests: list[Request], known: Known, seed: int) -> None:
    kept = list({(one.acquirer, one.slot, one.terminal.id): one for one in requests}.values())
    mixed = random.Random(seed).sample(kept, len(kept))
    assert judged(kept, known) == judged(mixed, known)


@SETTINGS
@given(REQUESTS, KNOWN)
def test_who_is_explained_already_is_not_blamed(requests: list[Request], known: Known) -> None:
    newest = sorted(requests, key=lambda one: -one.slot)
    recent = {name: [one for one in newest if one.acquirer == name] for name in "AB"}
    assert "i" not in blamed(recent, lambda _: known, {"i"})
    if "A" in blamed(recent, lambda _: known, ()):
        behind_b = [one for one in newest if one.acquirer == "B"]
        alone = blamed({"B": behind_b}, lambda _: known, ())
        assert blamed(recent, lambda _: known, {"A"}).keys() - {"A"} == alone.keys()
    assert blamed(recent, lambda _: known, {"UP"}, "UP") == {}
