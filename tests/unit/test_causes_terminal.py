"""Every cause in its plainest case: the terminal, its shop and its network (money: `test_causes.py`)."""

from collections.abc import Callable
from typing import Any

import pytest

from fleetmon.model.case import Announcement, Answer, Batch, Case, Pulse, Silence

from .cases import (
    CUTOFF,
    DURING,
    LATER,
    asked,
    case,
    cause,
    cited,
    cut_off,
    first,
    incident,
    kept,
    refused,
    settled,
    so,
    taken,
    unclosed,
)
from .till import DAY, DUE, FRIDAY, HOUR, MINUTE, MONDAY, NOON, Heard, book, paid, sale, stands

ALONE, SHOP, ALL = Silence(1.0, 0.0, 0.0), Silence(1.0, 1.0, 0.0), Silence(1.0, 1.0, 0.9)
DEVICE, STATE = "terminal/t/device", "terminal/t/state"
BROKEN = [
    ("printer", "NoPaper"), ("ped", "KeyStuck"), ("reader", "OutOfOrder"), ("storage", "Full"), ("power", "Adapter"),
]  # fmt: skip


def fault(component: str, code: str = "", span: tuple[int, int] = DURING) -> Any:
    return so(component, span, topic=DEVICE, code=code)


# -- the way to the host ---------------------------------------------------------------------------


def test_terminal_offline() -> None:
    found = first(cut_off(silence=ALONE, incidents=[incident("terminal_offline")]))
    assert (found.cause, found.incident) == ("terminal_offline", "terminal_offline-1")
    assert f"terminal/t/transaction@{NOON} stored" in cited(cut_off(silence=ALONE))
    assert cause(cut_off()) == "terminal_offline", "whoever has no neighbours"


def test_site_outage() -> None:
    assert cause(cut_off(silence=SHOP)) == "site_outage"
    scope = (("site", "shop"),)
    found = first(cut_off(silence=SHOP, incidents=[incident("site_outage", scope=scope)]))
    assert (found.cause, found.incident) == ("site_outage", "site_outage-1")


def test_carrier_outage() -> None:
    assert cause(cut_off(silence=ALL)) == "carrier_outage"
    known = incident("carrier_outage", scope=(("carrier", "CMCC"), ("region", "north")))
    found = first(cut_off(silence=ALL, incidents=[known, incident("terminal_offline")]))
    assert (found.cause, found.incident, found.facts["terminals"]) == ("carrier_outage", "carrier_outage-1", 7)


def test_a_silence_that_came_after_the_upload_explains_nothing() -> None:
    for silence in (Silence(), ALONE, SHOP, ALL):
        later = kept(signs=[so("silent", LATER, topic=STATE)], silence=silence)
        assert cause(later) == "offline_pending"


def test_a_short_silence_does_not_explain_eleven_hours() -> None:
    assert cause(kept(signs=[so("silent", (NOON, NOON + 5 * MINUTE))], silence=ALONE)) == "offline_pending"


def test_weak_signal() -> None:
    assert cause(kept(signs=[so("weak", worst=-112.0)])) == "weak_signal"
    assert cause(asked(signs=[so("weak", worst=2_400.0)])) == "weak_signal"
    assert "terminal/t/heartbeat" in cited(kept(signs=[so("weak")]))
    assert cause(asked(signs=[so("weak", LATER)])) == "one_sided"


def test_sim_problem() -> None:
    known = {"silence": ALONE, "faults": [fault("sim", "SimDeactivated")]}
    assert cause(cut_off(**known)) == "sim_problem"
    assert cause(cut_off(silence=ALONE, faults=[fault("sim", "SimDeactivated", LATER)])) == "terminal_offline"


def test_offline_pending() -> None:
    assert cause(kept()) == "offline_pending"
    assert cause(kept(signs=[so("pending", worst=10_000.0)])) == "offline_pending"
    assert f"terminal/t/transaction@{NOON} stored" in cited(kept())


def test_one_sided() -> None:
    assert cause(asked()) == "one_sided"
    hanging = book([sale("requested", NOON + MINUTE, "x", kind="reversal", original="s")]).sales["t", "x"]
    assert cause(asked(linked=[hanging])) == "one_sided"
    assert cause(asked(signs=[so("reversals", worst=1.0)])) == "one_sided"


def test_a_reversal_that_was_answered_leaves_nobody_debited() -> None:
    told = [sale("requested", NOON), sale("approved", NOON + MINUTE, "x", kind="reversal", original="s")]
    made = book(told)
    back = case(made.sales["t", "s"], stands(made, NOON + HOUR), (NOON, NOON), linked=[made.sales["t", "x"]])
    assert cause(back) == "cancelled"


# -- its day ---------------------------------------------------------------------------------------


def test_batch_not_closed() -> None:
    assert cause(unclosed()) == "batch_not_closed"
    late = Batch("b1", closed_at=MONDAY, told_at=MONDAY)
    assert cause(unclosed(closed_at=MONDAY, batch=late)) == "batch_not_closed"
    assert f"terminal/t/batch@{MONDAY} closed" in cited(unclosed(closed_at=MONDAY, batch=late))


def test_a_day_that_could_not_be_closed_was_not_forgotten() -> None:
    gone = so("silent", (CUTOFF - HOUR, CUTOFF + HOUR), topic=STATE)
    assert cause(unclosed(signs=[gone], silence=ALONE)) == "terminal_offline"
    assert cause(unclosed(signs=[so("silent", (NOON, NOON + HOUR), topic=STATE)])) == "batch_not_closed"


def test_batch_mismatch() -> None:
    differs = Batch("b1", closed_at=FRIDAY + 22 * HOUR, result="not_agree", count=12, uploaded_count=11)
    assert cause(settled(batch=differs)) == "batch_mismatch"
    assert f"terminal/t/batch@{FRIDAY + 22 * HOUR} not_agree" in cited(settled(batch=differs))
    failed = Batch("b1", failed_at=FRIDAY + 22 * HOUR)
    assert cause(unclosed(batch=failed)) == "batch_mismatch"
    agreed_on = Batch("b1", closed_at=FRIDAY + 22 * HOUR, result="agree", count=12, uploaded_count=12)
    assert cause(settled(batch=agreed_on)) == "unknown"


# -- its parts -------------------------------------------------------------------------------------


@pytest.mark.parametrize(("component", "code"), BROKEN)
def test_device_fault(component: str, code: str) -> None:
    assert cause(kept(faults=[fault(component, code)])) == "device_fault"
    assert f"{DEVICE}@{DURING[0]} {component} {code}" in cited(kept(faults=[fault(component, code)]))
    assert cause(kept(faults=[fault(component, code, LATER)])) == "offline_pending"
    before = (NOON - DAY, NOON - HOUR)
    assert cause(kept(faults=[fault(component, code, before)])) == "offline_pending", "it was repaired"


def test_battery() -> None:
    flat = [fault("battery", "BatteryLow", (NOON + MINUTE, CUTOFF + HOUR))]
    assert cause(cut_off(faults=flat, silence=ALONE)) == "battery"
    assert cause(cut_off(faults=[fault("power", "PowerLost")], silence=ALONE)) == "battery"
    low = so("low_battery", (NOON - 10 * MINUTE, NOON - MINUTE))
    assert cause(cut_off(signs=[so("silent", topic=STATE), low], silence=ALONE)) == "battery"
    assert cause(cut_off(faults=[fault("battery", "BatteryLow", LATER)], silence=ALONE)) == "terminal_offline"


def test_tamper() -> None:
    assert cause(kept(faults=[fault("security", "Tamper")])) == "tamper"
    assert cause(refused("99", faults=[fault("security", "Tamper")])) == "tamper"
    assert cause(asked(signs=[so("insecure")])) == "tamper"
    assert cause(kept(faults=[fault("security", "Tamper", LATER)])) == "offline_pending"


def test_keys() -> None:
    assert cause(refused("99")) == "keys"
    assert cause(refused("A0", signs=[so("unsigned")])) == "keys"
    assert cause(kept(faults=[fault("keys", "Expired")])) == "keys"
    assert cause(refused("51", signs=[so("unsigned", LATER)])) == "card_declined"


def test_software_fault() -> None:
    updated = so("updated", (NOON - HOUR, NOON - HOUR), topic=STATE, code="1->2")
    assert cause(refused("30", signs=[updated])) == "software_fault"
    assert cause(kept(faults=[fault("software", "Crash")])) == "software_fault"
    loop = [so("crashed", (NOON + number * 10 * MINUTE,) * 2) for number in range(-2, 3)]
    assert cause(asked(signs=loop)) == "software_fault"
    assert cause(refused("51", signs=[updated])) == "card_declined"


def test_terminal_moved() -> None:
    away = so("moved", (FRIDAY, NOON + HOUR), worst=42.0)
    held = paid("held", MONDAY, reason="risk_review")
    found = first(settled("held", held, signs=[away]))
    assert (found.cause, found.facts["km"]) == ("terminal_moved", 42)
    assert cause(settled("held", held)) == "risk_hold"


def test_clock_skew() -> None:
    wrong = so("skewed", worst=-7_200.0)
    late = Batch("b1", closed_at=CUTOFF + 2 * HOUR, told_at=CUTOFF - MINUTE)
    found = unclosed(closed_at=CUTOFF + 2 * HOUR, signs=[wrong], batch=late)
    assert cause(found) == "clock_skew"
    assert "skewed" in cited(found)
    over = so("skewed", (FRIDAY, NOON), worst=-7_200.0)
    assert cause(unclosed(signs=[over])) == "batch_not_closed"


def test_terminal_maintenance() -> None:
    mark = so("mark", topic="terminal/t/maintenance")
    assert cause(cut_off(works=[mark], silence=ALONE)) == "terminal_maintenance"
    assert "terminal/t/maintenance" in cited(cut_off(works=[mark]))
    notice = Announcement("PRO", "provider", "n1", NOON - HOUR, CUTOFF + HOUR, frozenset())
    assert cause(kept(announced=[notice])) == "terminal_maintenance"
    assert cause(kept(works=[so("mark", LATER, topic="terminal/t/maintenance")])) == "offline_pending"


# -- who else --------------------------------------------------------------------------------------


def test_several_shops_that_stored_at_once_were_not_alone() -> None:
    assert cause(kept(pulse={"ACQ": Pulse(requests=4, failures=4, stored=9, storing=3)})) == "host_outage"
    assert cause(kept(pulse={"ACQ": Pulse(requests=90, failures=1, stored=9, storing=3)})) == "offline_pending"


def test_faults_of_a_terminal_do_not_explain_money_that_left_it() -> None:
    everything = {
        "faults": [fault(component, code) for component, code in BROKEN] + [fault("security", "Tamper")],
        "signs": [so("silent", topic=STATE), so("weak"), so("low_battery"), so("unsigned")],
        "silence": ALL,
    }
    assert cause(settled(**everything)) == "unknown"
    assert cause(settled("overdue", paid("instructed", MONDAY), **everything)) == "credit_missing"


def test_nothing_that_was_told_of_the_terminal_outranks_a_date() -> None:
    told: list[Heard] = [sale("approved", NOON)]
    calm = case(taken(told), stands(told, NOON + 1), (NOON, DUE), faults=[fault("security", "Tamper")], silence=ALL)
    calm.now = NOON + 1
    assert cause(calm) == "not_due"


def test_a_no_of_the_card_s_bank_stays_one_whatever_others_heard() -> None:
    others = [Answer(NOON + number, "approved", "00") for number in range(3)]
    assert cause(refused("51", answers=others, signs=[so("weak")])) == "card_declined"


@pytest.mark.parametrize(
    ("kind", "made"),
    [
        ("keys", lambda known: refused("A0", **known)),
        ("software_fault", lambda known: refused("30", **known)),
        ("tamper", lambda known: refused("", signs=[so("insecure")], **known)),
        ("device_fault", lambda known: refused("", signs=[so("no_reader")], **known)),
        ("offline_pending", lambda known: kept(signs=[so("pending")], **known)),
        ("batch_not_closed", lambda known: unclosed(**known)),
    ],
)
def test_the_incident_that_was_announced_for_it_is_named(kind: str, made: Callable[[dict[str, Any]], Case]) -> None:
    found = first(made({"incidents": [incident(kind), incident("terminal_moved")]}))
    assert (found.cause, found.incident) == (kind, f"{kind}-1")
