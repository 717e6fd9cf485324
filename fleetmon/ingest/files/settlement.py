"""A settlement file becomes payouts, and one word on the file for each acquirer.

There is one payout for each merchant and business date, or for each that the acquirer names.
A row that a payout lists already is not paid again: with the same amounts it is a repetition, with others it is
kept aside. Where it can be wrong: the file does not say when it was made, so its time is that of its last sale.
"""

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence

from msgspec import Struct

from fleetmon.ingest.files import payouts
from fleetmon.ingest.files.amounts import shown
from fleetmon.ingest.files.known import Merchants, Payouts, Said
from fleetmon.ingest.files.mapping import PRESETS, Mapping, preset
from fleetmon.ingest.files.outcome import FileError, Outcome, RowError
from fleetmon.ingest.files.reader import Line, Reader
from fleetmon.ingest.files.table import PREAMBLE, Row, fitted, rows, width
from fleetmon.model.events import SettlementFile
from fleetmon.model.topics import Kind, Topics

_EVERY = 1_000  # rows between two reports of progress


class Wish(Struct, frozen=True):
    """What the operator expects of a file, and what is known besides it."""

    topics: Topics
    merchants: Merchants
    payouts: Payouts
    currency: str = "CNY"
    date: str | None = None
    mapping: Mapping | None = None
    progress: Callable[[int], object] = lambda _: None  # rows read so far


def read(text: str, wish: Wish) -> Outcome:
    """Take a settlement file apart; raises FileError."""
    mapping, head, body = _headed(text, wish.mapping)
    header = head.cells[: width(head.cells)]
    reader = Reader(mapping, header, wish.merchants, wish.currency)
    outcome = Outcome("settlement", header, cut=reader.kept)
    lines = list(_lines(body, reader, outcome, wish.progress))
    if not outcome.read:
        raise FileError("has a header and no rows; is it truncated?")
    if (problem := reader.lacking()) is not None:
        outcome.notes.append(problem)
    wish.payouts.read({line.merchant.id for line in lines})
    accepted: defaultdict[tuple[str, str], list[Line]] = defaultdict(list)
    for group in _groups(_once(lines, outcome)):
        for day, line in _settle(group, mapping.payout_id, wish, outcome):
            accepted[line.merchant.acquirer, day].append(line)
    for (acquirer, day), those in accepted.items():
        if acquirer:
            outcome.publish(
                wish.topics.topic(Kind.FILE, acquirer), _word_on_file(those, day, partial=bool(outcome.notes))
            )
    return outcome


def _headed(text: str, mapping: Mapping | None) -> tuple[Mapping, Row, Iterator[Row]]:
    """The mapping, the header, and the rows behind it; without a mapping the preset that fits."""
    tried = {"this mapping": mapping} if mapping is not None else {name: preset(name) for name in PRESETS}
    nearest: tuple[int, str] | None = None
    for name, one in tried.items():
        found = rows(text, one.delimiter)
        for _, row in zip(range(PREAMBLE), found, strict=False):
            if len(row.cells) < 2:
                continue
            missing = one.missing(row.cells)
            if not missing:
                return one, row, found
            problem = f"has no header for {name}: missing {', '.join(missing)}"
            nearest = min(nearest or (99, ""), (len(missing), problem))
    if nearest is None:
        raise FileError("is no table; is it the right file, and the right delimiter?")
    raise FileError(f"{nearest[1]}; describe its columns with --mapping FILE.yml")


def _lines(body: Iterator[Row], reader: Reader, outcome: Outcome, progress: Callable[[int], object]) -> Iterator[Line]:
    for row in body:
        if reader.is_total(row.cells):
            reader.take_total(row.cells)
            continue
        outcome.read += 1
        if outcome.read % _EVERY == 0:
            progress(outcome.read)
        try:
            cells = fitted(row, len(outcome.header))
        except RowError as error:
            reader.spoil()
            if row.last:
                outcome.notes.append(
                    f"line {row.line}, the last one, ends early: the file is truncated; fetch it again"
                )
            outcome.reject(row.line, row.cells, error)
            continue
        try:
            yield reader.line(row.line, cells)
        except RowError as error:
            outcome.reject(row.line, cells, error)


def _once(lines: Sequence[Line], outcome: Outcome) -> Iterator[Line]:
    """The lines that count, without those whose sale an earlier line has claimed."""
    first: dict[tuple[str, str, str], int] = {}
    for line in lines:
        key = (line.merchant.id, "" if line.payout else line.day, line.rrn)
        if line.role == "ignore":
            outcome.ignored["by_type"] += 1
        elif line.rrn and first.setdefault(key, line.line) != line.line:
            error = RowError("claimed", f"line {first[key]} has the reference number {line.rrn} already")
            outcome.reject(line.line, line.cells, error)
        else:
            yield line


def _groups(lines: Iterator[Line]) -> list[list[Line]]:
    found: defaultdict[tuple[str, str], list[Line]] = defaultdict(list)
    for line in lines:
        found[line.merchant.id, line.payout or f"day {line.day}"].append(line)
    return list(found.values())


def _settle(group: list[Line], payout_id: str, wish: Wish, outcome: Outcome) -> list[tuple[str, Line]]:
    """Make a payout of the lines that belong together, or keep them aside; what is settled, by business date."""
    sold = [line for line in group if line.rrn]
    if not sold:  # a payout without its sales would speak for all sales of the day
        outcome.ignored["without_sales"] += len(group)
        return []
    day = max(line.day for line in sold)
    try:
        settled, fresh, events = _events(group, day, payout_id, wish, outcome)
    except RowError as error:
        if error.reason == "unbalanced":
            outcome.notes.append(error.detail)
        for line in group:
            outcome.reject(line.line, line.cells, error)
        return []
    merchant = group[0].merchant.id
    for event in events:
        wish.payouts.add(merchant, event)
        outcome.publish(wish.topics.topic(Kind.SETTLEMENT, merchant), event)
        outcome.payouts.append(f"{merchant}/{event.id}/{event.event}")
    outcome.taken += len(fresh)
    outcome.repeated += len(settled) - len(fresh)
    outcome.amount += sum(event.amount for event in events)
    return [(day, line) for line in settled]


def _events(
    group: list[Line], day: str, payout_id: str, wish: Wish, outcome: Outcome
) -> tuple[list[Line], list[Line], list[Said]]:
    """The lines that are settled, those of them that are news, and the events of these."""
    if wish.date not in (None, day):
        raise RowError("date", f"the business date is {day} and not {wish.date}")
    if not group[0].payout:
        settled, fresh = _unclaimed(group, wish.payouts, outcome)
        return settled, fresh, payouts.unnamed(fresh, day) if fresh else []
    events = payouts.named(group, day, wish.payouts, payout_id)
    if left := sum(line.net for line in group):
        outcome.notes.append(f"payout {group[0].payout}: {shown(left)} are left over: rows are missing")
    return group, group if events else [], events


def _unclaimed(lines: list[Line], known: Payouts, outcome: Outcome) -> tuple[list[Line], list[Line]]:
    """The lines that are settled, and those of them that no payout lists yet; others are kept aside."""
    settled, fresh = [], []
    for line in lines:
        claim = known.claim(line.merchant.id, line.day, line.rrn)
        if claim is None:
            fresh.append(line)
        elif (claim.amount, claim.fee) != (line.row.amount, line.row.fee):
            said = f"payout {claim.payout} has {line.rrn} with {shown(claim.amount)}, this row {shown(line.amount)}"
            outcome.reject(line.line, line.cells, RowError("claimed", f"{said}; ask the acquirer which is right"))
            continue
        settled.append(line)
    return settled, fresh


def _word_on_file(lines: Sequence[Line], day: str, *, partial: bool) -> SettlementFile:
    return SettlementFile(
        at=max(line.at for line in lines),
        business_date=day,
        event="partial" if partial else "ready",
        records=sum(1 for line in lines if line.rrn),
        amount=sum(line.net for line in lines if line.rrn),
    )
