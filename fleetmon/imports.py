"""The work of `fleetmon import`: files become messages, and the daemon takes them like any other producer's.

Settlement files come before bank statements, whatever the order of the arguments, because credits name the
payouts of the files. Then it waits until the daemon has stored what was published: a message that nobody
listens for would be lost without a word. Everything may be repeated; nothing counts twice.
"""

import asyncio
import contextlib
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, Final, Protocol

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from fleetmon.config import Loaded
from fleetmon.ingest.files import aside, settlement, statement
from fleetmon.ingest.files.amounts import countable, shown
from fleetmon.ingest.files.known import Merchants, Payouts, Said
from fleetmon.ingest.files.mapping import Mapping
from fleetmon.ingest.files.outcome import FileError, Outcome
from fleetmon.ingest.files.settlement import Wish
from fleetmon.ingest.files.table import decoded
from fleetmon.ingest.files.unpack import Unpacked, unpack
from fleetmon.ingest.publish import publish
from fleetmon.model.days import day_from
from fleetmon.model.errors import ConfigError
from fleetmon.model.topics import Topics
from fleetmon.store import StoredPayouts

PATIENCE_S: Final = 10.0  # without any new message in the store
SHOWN: Final = 100  # rejected rows of a file that are told one by one; all are in the file aside
_POLL_S: Final = 0.05
_SAID: Final = msgspec.json.Decoder(Said)


class Request(Struct, frozen=True):
    """What the operator asked for."""

    files: list[Path]
    mapping: Mapping | None = None
    dry_run: bool = False
    date: str | None = None
    currency: str = "CNY"
    folder: Path | None = None  # of the rows kept aside; None: beside each file


class FileReport(Struct):
    """What became of one file; `problem` where nothing did."""

    path: Path
    problem: str | None = None
    outcome: Outcome | None = None
    aside: Path | None = None

    @property
    def whole(self) -> bool:
        """Whether all of it was taken, now or before."""
        return self.outcome is not None and not self.outcome.rejected and not self.outcome.notes


class Report(Struct):
    """What became of all files; amounts in minor units."""

    dry_run: bool
    files: list[FileReport]
    published: int = 0
    missing: int = 0  # payouts' events that the broker has and the store has not yet

    @property
    def status(self) -> int:
        """The exit status: 0 all taken, 1 some kept aside or not stored yet, 2 nothing could be done."""
        if all(one.outcome is None or one.outcome.idle for one in self.files):
            return 2
        return int(bool(self.missing) or not all(one.whole for one in self.files))

    def summary(self) -> dict[str, Any]:
        """The same as plain data, for JSON."""
        return {
            "status": self.status,
            "dry_run": self.dry_run,
            "published": self.published,
            "not_stored": self.missing,
            "files": [_file_summary(one) for one in self.files],
        }

    def lines(self) -> Iterator[str]:
        """The same for people."""
        for one in self.files:
            yield from _file_lines(one)
        if self.dry_run:
            yield "dry run: nothing was written or published"
        elif self.missing:
            yield (
                f"{self.missing} payouts are at the broker and not stored after {PATIENCE_S:g} s: is fleetmon running? "
                "Import again when it is; nothing counts twice"
            )
        else:
            yield f"{self.published} messages published and stored"


class Progress(Protocol):
    """Told how far a step is."""

    def __call__(self, what: str, done: int) -> object:
        """`what` names the step, `done` counts its rows or messages."""


def run(loaded: Loaded, request: Request, progress: Progress) -> Report:
    """Import; raises ConfigError, StoreError and SinkError when it cannot begin or go on."""
    _check(request)
    report = Report(request.dry_run, [FileReport(path) for path in request.files])
    with StoredPayouts(loaded.config.store, loaded.store_password) as store:
        _read_all(report, loaded, request, store, progress)
        outcomes = [one.outcome for one in report.files if one.outcome is not None]
        messages = [message for outcome in outcomes for message in outcome.events]
        if request.dry_run or not messages:
            return report
        mqtt, credentials = loaded.config.mqtt, (loaded.username, loaded.password)
        asyncio.run(publish(mqtt, credentials, messages, lambda done: progress("published", done)))
        report.published = len(messages)
        report.missing = _missing(store, [key for outcome in outcomes for key in outcome.payouts], progress)
    return report


def _check(request: Request) -> None:
    problems = []
    if not countable(request.currency):
        problems.append(f"--currency: {request.currency} is no currency that is counted in hundredths")
    try:
        day_from(request.date or "1970-01-01")
    except ValueError:
        problems.append(f'--date: "{request.date}" is no date; write it as 2026-11-20')
    if problems:
        raise ConfigError(problems)


def _read_all(report: Report, loaded: Loaded, request: Request, store: StoredPayouts, progress: Progress) -> None:
    def stored(merchants: Iterable[str]) -> Iterator[tuple[str, Said]]:
        return ((merchant, _SAID.decode(payload)) for merchant, payload in store.of(merchants))

    wish = Wish(
        Topics(loaded.config.mqtt.prefix),
        Merchants(loaded.registry),
        Payouts(stored),
        request.currency,
        request.date,
        request.mapping,
    )
    statements = []
    for one in report.files:
        with _problem_of(one):
            content = unpack(one.path)
            if content.kind == "xml":
                statements.append((one, content))  # credits name the payouts of the other files
            else:
                told = replace(wish, progress=lambda done, one=one: progress(one.path.name, done))
                one.outcome = settlement.read(decoded(content.data), told)
                _keep(one, content, request)
    for one, content in statements:
        with _problem_of(one):
            told = replace(wish, progress=lambda done, one=one: progress(one.path.name, done))
            one.outcome = statement.read(content.data, told)
            _keep(one, content, request)


@contextlib.contextmanager
def _problem_of(one: FileReport) -> Iterator[None]:
    try:
        yield
    except FileError as error:
        one.problem = str(error)


def _keep(one: FileReport, content: Unpacked, request: Request) -> None:
    if one.outcome is not None and not request.dry_run:
        one.aside = aside.keep(one.path, content.digest, one.outcome, request.folder)


def _missing(store: StoredPayouts, keys: Sequence[str], progress: Progress) -> int:
    """How many of these events the daemon has not stored, when no more come."""
    found, since = 0, time.monotonic()
    while found < len(keys) and time.monotonic() - since < PATIENCE_S:
        now = store.count(keys)
        if now > found:
            found, since = now, time.monotonic()
            progress("stored", found)
        else:
            time.sleep(_POLL_S)
    return len(keys) - found


def _file_summary(one: FileReport) -> dict[str, Any]:
    found: dict[str, Any] = {"file": str(one.path), "problem": one.problem}
    if one.outcome is not None:
        outcome = one.outcome
        found |= {
            "kind": outcome.kind,
            "read": outcome.read,
            "taken": outcome.taken,
            "repeated": outcome.repeated,
            "ignored": dict(outcome.ignored),
            "rejected": dict(Counter(row.reason for row in outcome.rejected)),
            "notes": outcome.notes,
            "amount": outcome.amount,
            "messages": len(outcome.events),
            "aside": None if one.aside is None else str(one.aside),
            "rows": [
                {"line": row.line, "reason": row.reason, "detail": row.detail} for row in outcome.rejected[:SHOWN]
            ],
        }
    return found


def _file_lines(one: FileReport) -> Iterator[str]:
    outcome = one.outcome
    if outcome is None:
        yield f"{one.path}: {one.problem}"
        return
    ignored = "".join(f", {number} ignored ({kind})" for kind, number in sorted(outcome.ignored.items()))
    yield (
        f"{one.path}: {outcome.kind}, {outcome.read} rows: {outcome.taken} taken ({shown(outcome.amount)}), "
        f"{outcome.repeated} known already{ignored}, {len(outcome.rejected)} kept aside"
    )
    yield from (f"  {note}" for note in outcome.notes)
    yield from (f"  line {row.line}: {row.reason}: {row.detail}" for row in outcome.rejected[:SHOWN])
    if one.aside is not None:
        again = "to be mended and imported" if outcome.kind == "settlement" else "import the statement again later"
        yield f"  all of them, {again}: {one.aside}"
