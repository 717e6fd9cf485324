"""Planned work as somebody wrote it down: local times, a rule, for whom, and who answers for it.

Only what was written, no reckoning: an edge works out the occurrences (`fleetmon.planning`). Times of day are
those of clocks on the wall in `zone`. The rule for days on which clocks are changed is in docs/adr/023.
"""

from typing import Annotated, Final, Literal

from msgspec import Meta, Struct

from fleetmon.model.events import Id, Selector

CHINA: Final = "Asia/Shanghai"
LEAD_S: Final = 3600
_LOCAL = r"^[0-9]{4}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])T([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9]"
Local = Annotated[str, Meta(pattern=_LOCAL + r"$(?!\n)", description="2026-11-24T01:00:00, by the clocks of the zone")]
Stamp = Annotated[str, Meta(pattern=_LOCAL + r"Z?$(?!\n)", description="the same, or with a Z in UTC")]
_PLAIN = r"^[^\x00-\x1f\x7f]*$(?!\n)"
Line = Annotated[str, Meta(max_length=200, pattern=_PLAIN, description="one line of text")]
Text = Annotated[str, Meta(max_length=1000, pattern=r"^[^\x00-\x08\x0b-\x1f\x7f]*$(?!\n)")]
Length = Annotated[int, Meta(ge=1, le=366 * 86_400, description="seconds")]
Millis = Annotated[int, Meta(ge=0, le=2**53)]

EntryState = Literal["proposed", "approved", "cancelled"]


class Change(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """One time of recurring work that is other than its rule says. Times in milliseconds."""

    of: Millis  # when it would have begun
    start: Millis = 0
    end: Millis = 0  # 0: it does not happen


class Schedule(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """When and for whom. Either `ends` or `duration_s` is given; how long it lasts is the same every time."""

    starts: Local
    owner: Line = ""
    ends: Local | None = None
    duration_s: Length | None = None
    zone: Line = CHINA
    rrule: Annotated[str, Meta(max_length=500, pattern=_PLAIN)] = ""
    rdate: Annotated[list[Stamp], Meta(max_length=1000)] = []
    exdate: Annotated[list[Stamp], Meta(max_length=1000)] = []
    changes: Annotated[list[Change], Meta(max_length=1000)] = []
    selector: Selector = {}
    host: Annotated[str, Meta(pattern=r"^[A-Za-z0-9._-]{0,64}$(?!\n)")] = ""  # whose own work it is
    everything: bool = False  # a selector that means the whole fleet has to be said twice
    flexible_s: Length | None = None  # begins with the first fault inside, and lasts so long
    lead_s: Annotated[int, Meta(ge=0, le=30 * 86_400)] = LEAD_S  # people are told so long before it begins
    reason: Text = ""
    reference: Line = ""  # what the writer's own system calls it; the same again replaces what was written


class Entry(Struct, frozen=True, omit_defaults=True):
    """A schedule in the books. What was in force before `since` stays as it was, whatever the schedule now says."""

    id: Id
    schedule: Schedule
    state: EntryState
    version: int
    since: Millis  # of this version
    author: Line  # of this version
    created_at: Millis
    created_by: Line
    approved_by: Line = ""
    calendar: Line = ""  # the calendar that it came from, and its UID there
    uid: Text = ""
    sequence: int = 0
    told: str = ""  # a digest of what the calendar said last

    @property
    def in_force(self) -> bool:
        """Whether its times to come count."""
        return self.state == "approved"
