"""Hosts that fail as terminals see it, without a word of their own: who is to blame, how soon, and until when."""

import pytest

from .asking import DOWN, GOOD, ISSUERS, LOST, WELL, Fate, Sold, for_some, trading
from .world import HOUR, MINUTE, second

OUTAGE = ["host_outage ACQ firing"]
RESOLVED = [*OUTAGE, "host_outage ACQ resolved"]


# -- that and when -----------------------------------------------------------------------------------


@pytest.mark.parametrize("fate", [DOWN, LOST, lambda _: ("declined", "96"), lambda _: ("declined", "68")])
@pytest.mark.parametrize("a_minute", [6, 40])
def test_a_host_that_fails_is_seen_soon_and_its_return_too(fate: Fate, a_minute: float) -> None:
    made = trading(a_minute=a_minute)
    began = second(made.now)
    made.deal(10 * MINUTE, fate, a_minute=a_minute)
    ended = second(made.now)
    made.deal(15 * MINUTE, a_minute=a_minute)
    assert made.hosts == RESOLVED
    assert made.pages == ["host_outage ACQ"]
    incident = made.last("host_outage")
    assert began < second(incident.opened_at) <= began + 90
    assert second(incident.fired_at) <= began + (240 if fate is LOST else 150)
    assert ended < second(incident.resolved_at) <= ended + 180
    assert incident.terminals >= 3
    assert set(incident.evidence) <= set(made.lives)


def test_a_shop_with_three_terminals_is_witness_enough() -> None:
    made = trading(3, shop=3, a_minute=3)
    made.deal(10 * MINUTE, DOWN, a_minute=3)
    assert made.hosts == OUTAGE
    made.deal(20 * MINUTE, a_minute=3)
    assert made.hosts == RESOLVED


def test_who_does_not_name_an_acquirer_means_its_own() -> None:
    made = trading()
    made.acquirer = dict.fromkeys(made.lives, "")
    made.deal(5 * MINUTE, DOWN)
    assert made.hosts == OUTAGE


def test_one_bad_half_minute_calls_nobody() -> None:
    made = trading()
    made.deal(25, DOWN)
    made.deal(20 * MINUTE)
    assert made.hosts == []


def test_a_host_that_works_on_and_off_is_one_outage() -> None:
    made = trading()
    for _ in range(5):
        made.deal(3 * MINUTE, DOWN)
        made.deal(45)
    made.deal(10 * MINUTE)
    assert made.hosts == RESOLVED


# -- what is not a host's fault ----------------------------------------------------------------------


def test_declined_cards_are_no_outage() -> None:
    made = trading()
    codes = ["05", "14", "51", "54", "55", "61", "75", "00", "00", "00", "00", "00"]

    def fate(_: Sold) -> tuple[str, str]:
        code = made.chance.choice(codes)
        return ("approved" if code == "00" else "declined", code)

    made.deal(60 * MINUTE, fate)
    assert made.hosts == []


def test_cards_approved_by_their_chip_prove_no_host() -> None:
    made = trading()
    made.deal(10 * MINUTE, DOWN)
    made.deal(10 * MINUTE, lambda _: ("approved", "Y1"))
    assert made.hosts == OUTAGE


@pytest.mark.parametrize("code", ["96", "91"])
def test_a_busy_terminal_that_always_fails_is_not_its_host(code: str) -> None:
    made = trading()
    who = [*made.lives, *["t5"] * 60]
    made.deal(HOUR, for_some(lambda sold: sold.terminal == "t5", lambda _: ("declined", code)), who=who)
    assert made.hosts == []


def test_neither_is_it_as_long_as_nobody_else_sells() -> None:
    made = trading()
    made.deal(30 * MINUTE, DOWN, who=["t5"], a_minute=6)
    assert made.hosts == []


@pytest.mark.parametrize(("code", "shop"), [("92", 10), ("92", 40), (None, 40)])
def test_a_shop_whose_own_network_fails_is_not_its_host(code: str | None, shop: int) -> None:
    made = trading(shop=shop)
    fate: Fate = LOST if code is None else lambda _: ("declined", code)
    made.deal(30 * MINUTE, for_some(lambda sold: int(sold.terminal[1:]) < shop, fate))
    assert made.hosts == []


def test_firmware_that_cannot_pay_is_not_its_host() -> None:
    made = trading()
    new = [key for number, key in enumerate(made.lives) if number % 3 == 0]
    for key in made.lives:
        made.birth(key, model="A920", firmware="2.0" if key in new else "1.9")
    made.deal(30 * MINUTE, for_some(lambda sold: sold.terminal in new, lambda _: ("declined", "96")))
    assert made.hosts == []


# -- a network's fault -------------------------------------------------------------------------------


def test_a_carrier_that_swallows_requests_is_not_the_host() -> None:
    """Its terminals are heard, and the requests of others are answered."""
    made = trading()
    made.deal(30 * MINUTE, for_some(lambda sold: made.carrier[sold.terminal] == "CMCC", LOST))
    assert made.hosts == []


@pytest.mark.parametrize("carriers", [("CMCC", "CUCC", "CTCC"), ("CMCC", "CMCC", "CMCC", "CUCC"), ("CMCC",)])
@pytest.mark.parametrize("cut_s", [30, 90, 240, 1200])
@pytest.mark.parametrize("dated", ["then", "now"])
def test_a_carrier_outage_is_no_host_outage(carriers: tuple[str, ...], cut_s: int, dated: str) -> None:
    """When the network is back, every second terminal tells of a request that was not answered meanwhile."""
    made = trading(carriers=carriers, interval_s=60)
    cut = [key for key in made.lives if made.carrier[key] == "CMCC"]
    others = [key for key in made.lives if key not in cut]
    began = made.now
    made.stop(*cut)
    if others:
        made.deal(cut_s, who=others, a_minute=0.4 * len(others))
    else:
        made.run(cut_s)
    made.start(*cut)
    for key in cut[::2]:
        made.birth(key)
        late_s = (made.now - began) / 1000 * made.chance.random() if dated == "then" else 1
        made.end(key, "unanswered", late_s=late_s, issuer=made.chance.choice(ISSUERS))
        made.run(0.2)
    made.deal(20 * MINUTE)
    assert made.hosts == []
    assert made.words == (["carrier_outage CMCC north firing", "carrier_outage CMCC north resolved"] * (cut_s >= 90))


@pytest.mark.parametrize(("network", "shop"), [("4g", 2), ("wifi", 1)])
def test_a_network_that_comes_and_goes_is_not_the_host(network: str, shop: int) -> None:
    """All are on it, and whoever comes back tells of the request that it lost."""
    made = trading(carriers=("CMCC",), network=network, shop=shop)
    for _ in range(8):
        for key in made.lives:
            made.farewell(key, "lost")
        made.run(15)
        for key in made.lives:
            made.birth(key)
        for key in list(made.lives)[::2]:
            made.end(key, "unanswered", late_s=10)
            made.run(0.3)
        made.deal(5)
    assert [one for one in made.transitions if one.incident.kind == "host_outage"] == []


def test_a_shop_that_loses_all_requests_is_not_its_host_when_nobody_else_asks() -> None:
    made = trading(6, shop=6, a_minute=6)
    made.deal(15 * MINUTE, LOST, a_minute=6)
    assert made.hosts == []


def test_what_a_dying_network_takes_is_not_taken_by_the_host() -> None:
    """One network, one acquirer: as the terminals fall silent, the last requests of each are lost."""
    made = trading(carriers=("CMCC",), interval_s=60)
    for key in list(made.lives)[:90]:
        if made.chance.random() < 0.5:
            made.end(key, "unanswered")
        made.stop(key)
        made.run(0.5)
    made.run(30 * MINUTE)
    assert made.hosts == []
    assert "carrier_outage CMCC north firing" in made.words


# -- planned work, cut-over, deafness ----------------------------------------------------------------


@pytest.mark.parametrize("of_whom", ["ACQ", "icbc"])
def test_announced_work_opens_nothing_and_work_that_runs_over_does(of_whom: str) -> None:
    made = trading()
    fate = for_some(lambda sold: of_whom in (sold.acquirer, sold.issuer))
    made.announce(30 * MINUTE, of_whom)
    made.deal(30 * MINUTE, fate)
    assert made.transitions == [] or made.hosts == []
    made.deal(5 * MINUTE, fate)
    assert made.hosts == [f"host_outage {of_whom} firing"]


def test_announced_work_that_ends_in_time_leaves_nothing_behind() -> None:
    made = trading()
    made.announce(30 * MINUTE)
    made.deal(30 * MINUTE, DOWN)
    made.end("t7", "declined", "91")
    made.deal(30 * MINUTE)
    assert made.transitions == []


def test_work_on_payouts_excuses_no_request() -> None:
    made = trading()
    made.announce(HOUR, services=["payout"])
    made.deal(5 * MINUTE, DOWN)
    assert made.hosts == OUTAGE


def test_the_cut_over_of_a_day_is_no_outage_unless_it_does_not_end() -> None:
    made = trading()
    made.report(GOOD, cutover="start")
    made.deal(10 * MINUTE, DOWN)
    assert made.hosts == []
    made.deal(10 * MINUTE, DOWN)
    assert made.hosts == OUTAGE


def test_after_we_were_deaf_nothing_old_counts() -> None:
    """The broker kept what was said meanwhile, and hands it over when we are back."""
    made = trading()
    made.link_down()
    made.run(10 * MINUTE)
    made.link_up()
    for number, key in enumerate(made.lives):
        made.end(key, "declined", "91", late_s=1 + number * 6)
        made.run(0.05)
    made.deal(20 * MINUTE)
    assert [one for one in made.transitions if one.incident.kind == "host_outage"] == []


def test_a_host_that_fails_when_we_are_back_is_told_after_the_grace() -> None:
    made = trading()
    made.link_down()
    made.run(10 * MINUTE)
    made.link_up()
    back = second(made.now)
    made.deal(10 * MINUTE, DOWN)
    assert made.hosts == OUTAGE
    assert second(made.last("host_outage").opened_at) >= back + 180


# -- messages that come twice, late, out of order ----------------------------------------------------


def test_late_messages_tell_the_same() -> None:
    found = []
    for late_s in (0, 30):
        made = trading()
        began = second(made.now)
        made.run(late_s)
        made.deal(10 * MINUTE, DOWN)
        made.deal(10 * MINUTE, WELL)
        found.append(made.hosts)
        assert second(made.last("host_outage").opened_at) <= began + late_s + 60
    assert found == [RESOLVED, RESOLVED]


def test_what_is_told_minutes_later_is_no_evidence() -> None:
    made = trading()
    for key in [*made.lives, *made.lives, *made.lives]:
        made.end(key, "unanswered", late_s=150)
        made.run(1)
    assert made.hosts == []
    for key in [*made.lives, *made.lives, *made.lives]:
        made.end(key, "unanswered", late_s=90)
        made.run(1)
    assert made.hosts == OUTAGE


# -- what it explains --------------------------------------------------------------------------------


@pytest.mark.parametrize(("of_whom", "response"), [("ACQ", "91"), ("icbc", "91"), ("ACQ", None)])
def test_sales_that_failed_are_explained_by_the_incident_of_their_host(of_whom: str, response: str | None) -> None:
    made = trading()
    fate: Fate = DOWN if response else LOST
    made.deal(10 * MINUTE, for_some(lambda sold: of_whom in (sold.acquirer, sold.issuer), fate))
    assert made.hosts == [f"host_outage {of_whom} firing"]
    incident = made.last("host_outage")
    found = [one for one in made.engine.explainer.unpaid(made.now) if not one.sale.accepted]
    assert len(found) > 50
    named = [one for one in found if one.findings[0].incident == incident.id]
    assert {one.findings[0].cause for one in named} == {"host_outage"}
    assert {one.findings[0].facts["host"] for one in named} == {of_whom}
    assert len(named) > 0.95 * len(found)


# -- hosts that terminals make up --------------------------------------------------------------------


def test_hosts_that_a_liar_makes_up_fill_no_memory_and_hide_no_outage() -> None:
    made = trading(a_minute=20)
    for number in range(3_000):
        made.end("t0", "declined", "91", acquirer=f"fake{number}", issuer=f"bank{number}")
        made.run(0.4)
    answers = made.engine.correlator.hosts.answers
    assert len(answers._slots) <= 66
    assert len(answers._odd) <= 300
    assert made.hosts == []
    made.deal(10 * MINUTE, DOWN)
    assert made.hosts == OUTAGE


def test_a_host_that_the_registry_lacks_is_watched_as_well() -> None:
    made = trading(acquirers=("A",))
    for key in made.lives:
        made.acquirer[key] = "stranger"
    made.deal(20 * MINUTE)
    made.deal(5 * MINUTE, DOWN)
    assert made.hosts == ["host_outage stranger firing"]
