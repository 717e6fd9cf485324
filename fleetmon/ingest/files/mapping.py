"""How an acquirer's columns are called: presets in this package, or the operator's own YAML of the same form."""

import re
from collections.abc import Sequence
from importlib import resources
from pathlib import Path
from typing import Annotated, Final, Literal

from msgspec import Meta, Struct, field

from fleetmon import strict
from fleetmon.ingest.files.table import folded
from fleetmon.model.errors import ConfigError

PRESETS: Final = ("cn-acquirer", "adyen")
Names = list[str]
Role = Literal["sale", "refund", "fee", "deposit", "payout", "carried", "ignore"]
Offset = Annotated[str, Meta(pattern=r"^[+-][0-9]{2}:[0-9]{2}$(?!\n)")]
_REQUIRED: Final = ("merchant", "time")
_EITHER: Final = (("amount", "credit"), ("net", "net_credit", "fee"))


class Columns(Struct, frozen=True, forbid_unknown_fields=True):
    """For each thing the names that its column may have, the first that is there counts; `currency`: all of them.

    Amounts stand in one column (`amount`, `net`) or in a pair (`credit` and `debit`, `net_credit` and `net_debit`).
    """

    merchant: Names
    time: Names
    rrn: Names
    day: Names = []  # where the date stands beside the time
    date: Names = []  # business date
    zone: Names = []
    type: Names = []
    amount: Names = []
    credit: Names = []
    debit: Names = []
    fee: Names = []
    net: Names = []
    net_credit: Names = []
    net_debit: Names = []
    currency: Names = []
    card: Names = []
    mcc: Names = []
    refund: Names = []  # a refund's own number, where `rrn` is that of its sale
    payout: Names = []  # what rows that are paid together share
    reference: Names = []  # what the acquirer calls the payout


class Mapping(Struct, frozen=True, forbid_unknown_fields=True):
    """One kind of settlement file."""

    columns: Columns
    types: dict[str, Role] = {}  # what the type column says -> what it is; left out: every row is a sale
    delimiter: Literal[",", ";", "|", "\t"] = ","
    time_formats: list[str] = field(default_factory=lambda: ["%Y-%m-%d %H:%M:%S"])
    offset: Offset = "+08:00"  # of the times in the file from UTC
    zones: dict[str, Offset] = {}  # what the zone column says -> its offset
    cutoff: Literal["registry", "none"] = "registry"  # whether a card sale after the cut-off counts as the next day
    total: str = ""  # how the line of totals begins
    payout_id: str = ""  # regular expression: where the payout's id is within `reference`

    def places(self, header: Sequence[str]) -> dict[str, list[int]]:
        """Where each thing stands under this header; without what has no column."""
        at = {folded(name): place for place, name in reversed(list(enumerate(header)))}
        found = {}
        for thing in Columns.__struct_fields__:
            here = [at[folded(name)] for name in getattr(self.columns, thing) if folded(name) in at]
            if here:
                found[thing] = here if thing == "currency" else here[:1]
        return found

    def missing(self, header: Sequence[str]) -> list[str]:
        """The first name of each column that has to be there and is not."""
        found = self.places(header)
        lacking = [thing for thing in (*_REQUIRED, "rrn") if thing not in found]
        lacking += [things[0] for things in _EITHER if not any(thing in found for thing in things)]
        return [next(iter(getattr(self.columns, thing)), thing) for thing in lacking]

    def problems(self) -> list[str]:
        """What contradicts itself, as `path: what`."""
        claimed: dict[str, str] = {}
        found = []
        for thing in Columns.__struct_fields__:
            for name in getattr(self.columns, thing):
                if "card" in (thing, claimed.get(folded(name))) and folded(name) in claimed:
                    found.append(f'columns.{thing}: "{name}" is columns.{claimed[folded(name)]} too; one of them is')
                claimed.setdefault(folded(name), thing)
        try:
            re.compile(self.payout_id)
        except re.error as error:
            found.append(f"payout_id: not a regular expression: {error}")
        if not self.columns.payout and not set(self.types.values()) <= {"sale", "refund", "ignore"}:
            found.append(
                "types: fee, deposit, payout and carried need columns.payout, which says what belongs together"
            )
        return found


def preset(name: str) -> Mapping:
    """A mapping of this package; raises ConfigError naming those there are."""
    if name not in PRESETS:
        raise ConfigError([f'--preset: "{name}" is none; there are {", ".join(PRESETS)}'])
    text = (resources.files(__package__) / "presets" / f"{name}.yml").read_text(encoding="utf-8")
    return strict.convert(strict.parse(text, name), Mapping, name)


def load(path: Path) -> Mapping:
    """The operator's own mapping; raises ConfigError with every problem found."""
    found = strict.read(path, Mapping)
    if problems := found.problems():
        raise ConfigError([f"{path}: {problem}" for problem in problems])
    return found
