"""One replay beside its truth: every explanation judged, and the incidents and pages counted.

An answer is right when it is the truth's cause or one of its accepted alternatives; a transaction that the
replay does not list is a wrong answer without a confidence. States, stages, due times and `provisional` are
judged on the listed ones, where the truth says anything about them.

*Evidence*: the first finding cites at least one message of the truth's terminals, sent within the truth's
span or ten minutes around it. Where the truth names no terminal, or the fact is one of a merchant or a host
(`FAR`), any message cited from within that span will do. What is not listed has no evidence.

*Incidents*: one that must be found is found when one of its kinds opened within its window; it is found
*exactly* when also the scope is the truth's, or selects the same terminals. An incident is *forbidden* as
the truth says, and *unexpected* when it is neither wanted nor allowed; `settlement_overdue` is allowed for a
merchant of whom the truth lists something overdue, or kept from it.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

from msgspec import Struct

from bench.baselines import Baselines
from bench.corpora import Recording
from bench.metrics import Point, credited
from fleetmon.model.events import Attribute
from fleetmon.model.registry import selects
from fleetmon.sim.roster import attributes

SLACK_MS: Final = 600_000
ORDINARY: Final = frozenset({"not_due", "card_declined"})  # left out of the headline: they are many, and easy
CALENDAR: Final = frozenset({"not_due", "after_cutoff", "holiday", "instant_limit"})  # rules, which no message tells
FAR: Final = frozenset(
    {
        "host_maintenance", "host_outage", "interface_fault", "merchant_suspended", "backoffice_backlog",
        "account_invalid", "account_frozen", "account_limit", "risk_hold", "deposit_hold", "carried_over",
        "provider_unlicensed", "short_paid", "credit_missing", "merchant_rewritten", "unknown",
    }
)  # fmt: skip
_OWED: Final = frozenset({"overdue", "held", "returned", "short_paid", "carried_over"})
_CITED: Final = re.compile(r"([^@\s]+)@(\d+)")
_NAMED: Final = re.compile(r"terminal/([^/]+)/")
_EXACT: Final = (("due_at", "due_at"), ("state", "state"), ("stage", "stage"))


class Judged(Struct, frozen=True):
    """What was said of one transaction, beside what is true."""

    part: str
    recording: str
    story: str
    difficulty: str
    where: tuple[str, str, str]  # merchant, terminal, transaction
    cause: str
    right: frozenset[str]
    why: str
    said: tuple[tuple[str, float], ...]  # ranked causes with confidences; empty when it is not listed
    exact: dict[str, bool]
    grounded: bool | None
    guesses: Mapping[str, tuple[str, ...]]

    @property
    def ranked(self) -> tuple[str, ...]:
        """The causes alone."""
        return tuple(cause for cause, _ in self.said)

    @property
    def is_right(self) -> bool:
        """Whether the first finding is a right answer."""
        return bool(self.said) and self.said[0][0] in self.right

    @property
    def point(self) -> Point:
        """Confidence of the first finding, and whether it is right."""
        return self.said[0][1], self.is_right

    @property
    def pair(self) -> tuple[str, str]:
        """Truth and answer, an accepted alternative counting as the truth."""
        return self.cause, credited(self.ranked, self.cause, self.right)


class Watched(Struct, frozen=True):
    """What one replay said of the fleet as a whole."""

    part: str
    recording: str
    wanted: int
    missed: list[str]
    exact: int
    resolved: tuple[int, int]  # in time, of so many
    forbidden: list[str]
    unexpected: list[str]
    pages: int
    most_pages: int | None
    stray: list[tuple[str, str]]  # explained, and paid in truth: transaction and cause
    unjudged: int  # listed, and the truth says nothing of it
    messages: int


def explanations(part: str, label: str, out: dict[str, Any], recording: Recording) -> Iterator[Judged]:
    """All that the truth lists."""
    said = {(one["terminal"], one["transaction"]): one for one in out["explanations"]}
    baselines = Baselines(recording)
    for wanted in recording.truth["explanations"]:
        where = (wanted["merchant"], wanted["terminal"], wanted["transaction"])
        found = said.get(where[1:])
        yield Judged(
            part=part,
            recording=label,
            story=f"{label} {where[0] if wanted['group'] == 'ordinary' else wanted['group']}",
            difficulty=wanted.get("difficulty", "unrated"),
            where=where,
            cause=wanted["cause"],
            right=frozenset([wanted["cause"], *(other["cause"] for other in wanted["accept"])]),
            why=wanted["why"],
            said=tuple((one["cause"], one["confidence"]) for one in found["findings"]) if found else (),
            exact=_exact(wanted, found) if found else {},
            grounded=_grounded(wanted, found) if wanted.get("evidence") else None,
            guesses=baselines.guesses(*where),
        )


def _exact(wanted: dict[str, Any], found: dict[str, Any]) -> dict[str, bool]:
    judged = {name: found[key] in wanted[name] for name, key in _EXACT if wanted.get(name) is not None}
    if wanted.get("provisional") is not None:
        judged["provisional"] = found["provisional"] is wanted["provisional"]
    return judged


def _grounded(wanted: dict[str, Any], found: dict[str, Any] | None) -> bool:
    if found is None:
        return False
    evidence = wanted["evidence"]
    start, stop = evidence["from"] - SLACK_MS, evidence["to"] + SLACK_MS
    anybody = wanted["cause"] in FAR or not evidence["terminals"]
    for text in found["findings"][0]["evidence"]:
        cited = _CITED.match(text)
        if cited is not None and start <= int(cited[2]) <= stop:
            named = _NAMED.match(cited[1])
            if anybody or (named is not None and named[1] in evidence["terminals"]):
                return True
    return False


def watched(part: str, label: str, out: dict[str, Any], recording: Recording) -> Watched:
    """Incidents, pages, and what should not have been explained."""
    truth, fleet = recording.truth, attributes(recording.registry)
    must = [one for one in truth["incidents"] if one.get("must", True)]
    pairs = [(one, _found(one, out["incidents"])) for one in must]
    closing = [one for one, opened in pairs if opened and one["resolved"]]
    listed = {(one["terminal"], one["transaction"]): one["findings"][0]["cause"] for one in out["explanations"]}
    paid = {(terminal, transaction) for terminal, transaction in truth["paid"]}
    judged = {(one["terminal"], one["transaction"]) for one in truth["explanations"]}
    wrong = [one for one in out["incidents"] if _matches(one, truth["forbidden"], fleet)]
    allowed = [*truth["allowed"], *({"kinds": one["kinds"], "terminals": None} for one in truth["incidents"])]
    late = {one["merchant"] for one in truth["explanations"] if not _OWED.isdisjoint(one["state"] or ())}
    return Watched(
        part=part,
        recording=label,
        wanted=len(must),
        missed=[f"{one['kinds'][0]} {one['scope']}" for one, opened in pairs if not opened],
        exact=sum(any(_same_scope(one, other, fleet) for other in opened) for one, opened in pairs),
        resolved=(
            sum(any(_in_time(one, other) for other in _found(one, out["incidents"])) for one in closing),
            len(closing),
        ),
        forbidden=[f"{one['kind']} {one['scope']}" for one in wrong],
        unexpected=[
            f"{one['kind']} {one['scope']}"
            for one in out["incidents"]
            if one not in wrong and one["scope"].get("merchant") not in late and not _matches(one, allowed, fleet)
        ],
        pages=sum(page["status"] == "firing" for page in out["pages"]),
        most_pages=truth.get("max_pages"),
        stray=[(where[1], cause) for where, cause in listed.items() if where in paid],
        unjudged=len(listed.keys() - paid - judged),
        messages=len(recording.lines),
    )


def _found(wanted: dict[str, Any], opened: list[dict[str, Any]]) -> list[dict[str, Any]]:
    low, high = wanted["opened"]
    return [one for one in opened if one["kind"] in wanted["kinds"] and low <= one["opened_at"] <= high]


def _in_time(wanted: dict[str, Any], found: dict[str, Any]) -> bool:
    low, high = wanted["resolved"]
    return found["resolved_at"] is not None and low <= found["resolved_at"] <= high


def _same_scope(wanted: dict[str, Any], found: dict[str, Any], fleet: dict[str, dict[Attribute, str]]) -> bool:
    if found["scope"] in (wanted["scope"], *wanted["scopes"]):
        return True
    members = set(wanted["members"])
    return bool(members) and members == _members(found["scope"], fleet)


def _members(scope: dict[Any, str], fleet: dict[str, dict[Attribute, str]]) -> set[str]:
    return {terminal for terminal, row in fleet.items() if selects(dict(scope), row)}


def _matches(found: dict[str, Any], rules: list[dict[str, Any]], fleet: dict[str, dict[Attribute, str]]) -> bool:
    """Whether a rule names its kind, and one of its terminals if it names any."""
    named = [rule for rule in rules if found["kind"] in rule["kinds"]]
    anybody = any(rule.get("terminals") is None for rule in named)
    return anybody or any(not _members(found["scope"], fleet).isdisjoint(rule["terminals"]) for rule in named)
