"""When the report is sent by itself, and of how long a time it tells."""

import re
from typing import Annotated, Final, Literal

from msgspec import Meta, Struct

from fleetmon.locale import Language
from fleetmon.model.schedule import CHINA

SPAN: Final = r"^[1-9][0-9]{0,3}[hd]$(?!\n)"
Since = Annotated[str, Meta(pattern=SPAN, description="Hours or days, 31 days at most.")]
_HOURS: Final = {"h": 1, "d": 24}
LONGEST_H: Final = 31 * 24


class ReportSettings(Struct, frozen=True, forbid_unknown_fields=True):
    """With `at` it is sent once a day at that time of day in `zone`; on working days alone where that is said."""

    at: (
        Annotated[
            str, Meta(pattern=r"^([01][0-9]|2[0-3]):[0-5][0-9]$(?!\n)", description="hours and minutes, as 08:00")
        ]
        | None
    ) = None
    days: Literal["every", "working"] = "every"
    since: Since = "24h"
    zone: str = CHINA
    language: Language = "en"

    def problems(self) -> list[str]:
        """What each field allows and makes no sense, one line each: `path: what and what to do`."""
        return [] if hours(self.since) else [f"report.since: {self.since} is longer than 31 days; ask for less"]


def is_span(said: str) -> bool:
    """Whether somebody wrote hours or days."""
    return re.match(SPAN, said) is not None


def hours(since: str) -> int | None:
    """How many hours that is; None for more than can be told."""
    found = int(since[:-1]) * _HOURS[since[-1]]
    return found if found <= LONGEST_H else None
