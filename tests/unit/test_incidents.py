"""What becomes of the incidents that another one explained."""

from fleetmon.engine.incidents import Incidents

AREA = (("carrier", "CMCC"), ("region", "north"))


def test_when_an_outage_is_over_only_what_has_a_cause_of_its_own_calls() -> None:
    """Money that it made late stays late because of it; a lock that outlasts it has another reason."""
    table = Incidents()
    outage = table.open("carrier_outage", AREA, 0, "silent together")
    table.fire(outage, 15_000, "silent together")
    money = table.open(
        "settlement_overdue", (("business_date", "2026-11-23"), ("merchant", "m")), 20_000, "network",
        suppressed_by=outage.id,
    )  # fmt: skip
    lock = table.open("tamper", (("terminal", "t"),), 20_000, "Tamper", suppressed_by=outage.id)
    table.end(outage, 60_000, "heard again")
    table.take()
    table.release(outage, 60_000, "outlasted the wider outage")
    assert (money.suppressed_by, money.paged_at) == (outage.id, None)
    assert (lock.suppressed_by, lock.paged_at) == (None, 60_000)
    assert [change.incident.kind for change in table.take() if change.calls] == ["tamper"]
