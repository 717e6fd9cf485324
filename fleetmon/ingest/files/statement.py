"""Credits of a bank statement become `credited` events of the payouts they name; nothing is guessed.

A credit names a payout by its id (in a reference or in the text), by a batch number of it, or by the merchant's
number together with the exact amount and a business date of the last days. What names none, or more than one, is
kept aside. A payment that came back makes its payout `returned`, and never `credited`.
"""

import hashlib
import re
from collections import Counter
from collections.abc import Mapping
from typing import Final, Literal

from fleetmon.ingest.files import camt
from fleetmon.ingest.files.amounts import shown
from fleetmon.ingest.files.known import Group, Said
from fleetmon.ingest.files.outcome import Outcome, RowError
from fleetmon.ingest.files.settlement import Wish
from fleetmon.model.days import date_of
from fleetmon.model.topics import Kind

WINDOW: Final = 15  # days from a business date to its credit: the longest holidays are nine
_EVERY: Final = 1_000  # entries between two reports of progress
_WORD: Final = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]*[A-Za-z0-9_]")
_SHORTEST: Final = 6  # of a word in a free text that can name a payout; shorter ones stand there by chance
_LETTERS: Final = str.maketrans("0123456789", "ghijklmnop")  # so that no fingerprint looks like a card number
# ISO 20022 external return reasons that the contract has a word for.
_RETURNED: Final[dict[str, Literal["account_invalid", "account_frozen", "account_limit"]]] = {
    "AC01": "account_invalid", "AC03": "account_invalid", "AC04": "account_invalid", "AC07": "account_invalid",
    "AC06": "account_frozen", "AG01": "account_frozen", "AM02": "account_limit", "AM14": "account_limit",
}  # fmt: skip


def read(data: bytes, wish: Wish) -> Outcome:
    """Take a bank statement apart; raises FileError, and then nothing of the file counts."""
    outcome = Outcome("statement", list(camt.HEADER))
    found = list(camt.entries(data))
    wish.payouts.read(wish.merchants.ids())
    twins: Counter[str] = Counter()
    for entry in found:
        outcome.read += 1
        if outcome.read % _EVERY == 0:
            wish.progress(outcome.read)
        if isinstance(entry, camt.Unusable):
            outcome.reject(entry.line, entry.cells, entry.error)
            continue
        try:
            _take(entry, wish, outcome, twins)
        except RowError as error:
            outcome.reject(entry.line, entry.cells, error)
    return outcome


def _take(entry: camt.Entry, wish: Wish, outcome: Outcome, twins: Counter[str]) -> None:
    if (kind := _moves_nothing(entry)) is not None:
        outcome.ignored[kind] += 1
        return
    if entry.currency != wish.currency:
        raise RowError("currency", f'"{entry.currency}" is not {wish.currency}; see --currency')
    if wish.date not in (None, date_of(entry.day)):
        raise RowError("date", f"booked on {date_of(entry.day)} and not on {wish.date}")
    content = entry.bank_reference or f"{entry.day}/{sorted(entry.references)}/{entry.text}"
    twins[f"{content}/{entry.amount}"] += 1
    source = _fingerprint(f"{content}/{entry.amount}/{twins[f'{content}/{entry.amount}']}")
    if source in wish.payouts.sources:
        outcome.repeated += 1
        return
    group = _named(entry, wish)
    event: Literal["credited", "returned"] = "credited" if entry.returned is None else "returned"
    if event in group.events:
        _repeat(entry, group, event)
        outcome.repeated += 1
        return
    for part in _said(entry, group, event, source):
        wish.payouts.add(group.merchant, part)
        outcome.publish(wish.topics.topic(Kind.SETTLEMENT, group.merchant), part)
        outcome.payouts.append(f"{group.merchant}/{part.id}/{part.event}")
    outcome.taken += 1
    outcome.amount += entry.amount


def _moves_nothing(entry: camt.Entry) -> str | None:
    if not entry.booked:
        return "not_booked"
    if not entry.amount:
        return "zero"
    return None if entry.credit or entry.returned is not None else "debit"


def _fingerprint(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:24].translate(_LETTERS)


def _named(entry: camt.Entry, wish: Wish) -> Group:
    """The one payout that an entry names; raises RowError for none and for several."""
    words = set(_WORD.findall(entry.text)) | {word for text in entry.references for word in _WORD.findall(text)}
    long = {word for word in words if len(word) >= _SHORTEST}
    named = {merchant.id for word in words if (merchant := wish.merchants.find(word)) is not None}
    by_name = [group for name in long | entry.references for group in wish.payouts.by_name.get(name, ())]
    found = _one(by_name, named)
    if found is None and entry.returned is None:
        found = _one(_waiting(entry, wish.payouts.by_batch, words), named)
    if found is None and entry.returned is None:
        found = _one(_waiting(entry, wish.payouts.by_merchant, named), named)
    if found is None:
        raise RowError("unmatched", "names no payout that is known; is its settlement file imported?")
    return found


def _one(groups: list[Group], merchants: set[str]) -> Group | None:
    """The only one, also by the merchant that is named besides."""
    found = {group.key: group for group in groups}
    if len(found) > 1:
        found = {key: group for key, group in found.items() if group.merchant in merchants} or found
    if len(found) > 1:
        names = ", ".join(sorted(f"{merchant}/{name}" for merchant, name in found))
        raise RowError("ambiguous", f"may be any of the payouts {names[:200]}; nothing is guessed")
    return next(iter(found.values()), None)


def _waiting(entry: camt.Entry, groups: Mapping[str, list[Group]], keys: set[str]) -> list[Group]:
    """The payouts under these keys that wait for just this credit."""
    return [
        group
        for key in keys
        for group in groups.get(key, ())
        if group.amount == entry.amount
        and 0 <= entry.day - group.day <= WINDOW
        and not group.events & {"credited", "carried_over"}
    ]


def _repeat(entry: camt.Entry, group: Group, event: str) -> None:
    """Another word on what is known; raises RowError where it may be a second payment."""
    if group.told_by_bank or group.amount != entry.amount:
        said = f"payout {group.name} is {event} already"
        raise RowError("claimed", f"{said}, by another entry or with another amount; ask the bank")


def _said(entry: camt.Entry, group: Group, event: Literal["credited", "returned"], source: str) -> list[Said]:
    """The events of all parts; raises RowError where the amount does not fit the payout."""
    parts = sorted(group.parts.values(), key=lambda part: part.id)
    if entry.amount > group.amount or (entry.amount < group.amount and len(parts) > 1):
        raise RowError(
            "changed", f"{shown(entry.amount)} for payout {group.name} of {shown(group.amount)}; ask the bank"
        )
    return [
        Said(
            at=max(entry.at, part.at),
            id=part.id,
            business_date=part.business_date,
            event=event,
            amount=part.amount if len(parts) > 1 else entry.amount,
            expected=part.expected if part.expected is not None else part.amount,
            reason=_RETURNED.get(entry.returned or "") if event == "returned" else part.reason,
            payer=part.payer,
            source=source,
        )
        for part in parts
    ]
