"""The families: for every cause of the contract a way in which it comes about, and the levels it can be told at."""

from collections.abc import Callable
from typing import Final

from fleetmon.sim.corpus.families import batches, calendar, ended, outages, parts, payouts, pending, riddles, works
from fleetmon.sim.corpus.plot import Plot

Story = Callable[[Plot], None]
_ALL: Final = ("clean", "confounded", "partial")
_TOLD: Final = ("clean", "confounded")

FAMILIES: Final[dict[str, tuple[Story, tuple[str, ...]]]] = {
    "not_due": (calendar.not_due, _ALL),
    "after_cutoff": (calendar.after_cutoff, _ALL),
    "holiday": (calendar.holiday, _ALL),
    "instant_limit": (calendar.instant_limit, _ALL),
    "cancelled": (ended.cancelled, _ALL),
    "entry_error": (ended.entry_error, _ALL),
    "card_declined": (ended.card_declined, _ALL),
    "terminal_offline": (outages.terminal_offline, _ALL),
    "site_outage": (outages.site_outage, _ALL),
    "carrier_outage": (outages.carrier_outage, _ALL),
    "sim_problem": (outages.sim_problem, _ALL),
    "weak_signal": (outages.weak_signal, _ALL),
    "offline_pending": (pending.offline_pending, _ALL),
    "backoffice_backlog": (pending.backoffice_backlog, _ALL),
    "one_sided": (pending.one_sided, _ALL),
    "batch_not_closed": (batches.batch_not_closed, _ALL),
    "batch_mismatch": (batches.batch_mismatch, _ALL),
    "clock_skew": (batches.clock_skew, _ALL),
    "device_fault": (parts.device_fault, _ALL),
    "battery": (parts.battery, _ALL),
    "tamper": (parts.tamper, _ALL),
    "keys": (parts.keys, _ALL),
    "software_fault": (parts.software_fault, _ALL),
    "terminal_moved": (parts.terminal_moved, _ALL),
    "terminal_maintenance": (works.terminal_maintenance, _ALL),
    "host_maintenance": (works.host_maintenance, _ALL),
    "host_outage": (works.host_outage, _ALL),
    "interface_fault": (works.interface_fault, _ALL),
    "merchant_suspended": (payouts.merchant_suspended, _ALL),
    "account_invalid": (payouts.stopped("account_invalid", "returned", ("account_invalid",), "invalid"), _ALL),
    "account_frozen": (payouts.stopped("account_frozen", "returned", ("account_frozen",), "frozen"), _ALL),
    "account_limit": (payouts.account_limit, _ALL),
    "carried_over": (payouts.stopped("carried_over", "carried_over", ("net_negative", "below_minimum")), _ALL),
    "risk_hold": (payouts.stopped("risk_hold", "held", ("risk_review",)), _ALL),
    "deposit_hold": (payouts.deposit_hold, _TOLD),
    "short_paid": (payouts.short_paid, _ALL),
    "credit_missing": (payouts.credit_missing, _ALL),
    "merchant_rewritten": (payouts.merchant_rewritten, _ALL),
    "provider_unlicensed": (payouts.provider_unlicensed, _ALL),
    "unknown": (riddles.nothing_paid, ("undecidable",)),
    "unknown_rows": (riddles.left_out, ("undecidable",)),
    "unknown_acquirer": (riddles.whole_acquirer, ("undecidable",)),
    "unknown_code": (riddles.strange_code, ("undecidable",)),
}
