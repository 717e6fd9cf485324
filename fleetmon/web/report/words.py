"""A report in one language: what each line says, for text and page alike.

What is estimated says so, and on what it rests; what is not known is never told as good.
"""

import math
from collections.abc import Iterator
from datetime import datetime
from typing import Final, NamedTuple

from fleetmon.locale import Language, fill, moment, money, name, number, summary, texts
from fleetmon.web.report.views import GapView, HappenedView, MerchantRiskView, PlannedView, ReportView

MARKED: Final = 6  # incidents that are numbered, and shown in the picture


class Verdict(NamedTuple):
    """One of the three questions."""

    level: str
    question: str
    answer: str
    evidence: str


class Item(NamedTuple):
    """Something, and what there is to say of it."""

    head: str
    lines: list[str]
    mark: int = 0  # its number in the picture


class Section(NamedTuple):
    """A part of the report; `none` is said where it has no items, `notes` after them."""

    title: str
    items: list[Item]
    none: str
    notes: list[str]


class Words(NamedTuple):
    """All of it."""

    title: str
    span: str
    verdicts: list[Verdict]
    sections: list[Section]


def words(found: ReportView, language: Language) -> Words:
    """The report in words."""
    speaker = _Speaker(found, language)
    begin, end = speaker.stamp(found.begin), speaker.stamp(found.end)
    known = {"provider": found.provider} if found.provider else {}
    return Words(
        speaker.say("title"),
        speaker.say("span", begin=begin, end=end, zone=found.zone, **known),
        [speaker.payments(), speaker.money(), speaker.data()],
        [*speaker.gaps(), speaker.happened(), speaker.open(), speaker.at_risk(), speaker.planned()],
    )


def portion(part: float) -> str:
    """A part of a whole, 0..1, to a tenth of a percent and never more than is true."""
    return f"{math.floor(part * 1000) / 10:g}%"


class _Speaker:
    """Says the parts."""

    def __init__(self, found: ReportView, language: Language) -> None:
        self._found = found
        self._language: Language = language
        self._book = texts(language)

    def say(self, key: str, **known: str) -> str:
        """The text `report.{key}`."""
        return fill(self._book[f"report.{key}"], known)

    def stamp(self, at: datetime) -> str:
        """Day and time."""
        return moment(at, self._language, "stamp")

    # -- verdicts ----------------------------------------------------------------------------------

    def payments(self) -> Verdict:
        """Is the fleet taking payments?"""
        told = self._found.payments
        evidence = []
        if told.expected:
            idle = {name: self._number(count) for name, count in (("idle", told.idle), ("quiet", told.quiet)) if count}
            paying, expected = self._number(told.paying), self._number(told.expected)
            share = portion(told.paying / told.expected)
            evidence.append(self.say("taking.now", paying=paying, expected=expected, share=share, **idle))
        else:
            evidence.append(self.say("taking.deaf" if told.level == "unknown" else "taking.closed"))
        if told.availability is None:
            evidence.append(self.say("taking.nothing"))
        else:
            lost = {"minutes": self._minutes(told.lost_s), "terminals": self._number(told.lost_terminals)}
            planned = {"planned": self._minutes(told.planned_s)} if told.planned_s else {}
            share = portion(told.availability)
            time = self.say("taking.watched" if self._found.data.gaps else "taking.whole")
            evidence.append(self.say("taking.span", time=time, share=share, **(lost if told.lost_s else {}), **planned))
        return self._verdict("taking", told.level, evidence)

    def money(self) -> Verdict:
        """Is money late?"""
        told, evidence = self._found.money, list[str]()
        if told.overdue_days:
            causes = [
                self.say("money.cause", cause=self._cause(one.cause), amount=self._money(one.amount))
                for one in told.causes
            ]
            joined = self._book["join"].join(causes)
            days = self._number(told.overdue_days)
            evidence.append(self.say("money.late", amount=self._money(told.overdue), days=days, causes=joined))
        if told.at_risk_merchants:
            merchants = self._number(told.at_risk_merchants)
            evidence.append(self.say("money.risk", amount=self._money(told.at_risk), merchants=merchants))
        if not told.complete:
            evidence.append(self.say("money.incomplete"))
        return self._verdict("money", told.level, evidence or [self.say("money.safe")])

    def data(self) -> Verdict:
        """Is the data fresh?"""
        told, evidence = self._found.data, list[str]()
        if told.trouble is not None:
            evidence.append(self.say("data.trouble", trouble=told.trouble))
        if told.last_message_at is not None:
            evidence.append(self.say("data.last", at=self.stamp(told.last_message_at)))
        if told.canary_age_s is not None:
            evidence.append(self.say("data.canary", seconds=self._number(math.ceil(max(told.canary_age_s, 0)))))
        if told.deaf_s:
            evidence.append(self.say("data.deaf", minutes=self._minutes(told.deaf_s)))
        if told.unwatched_s:
            evidence.append(self.say("data.unwatched", minutes=self._minutes(told.unwatched_s)))
        if any(gap.provider for gap in told.gaps) and not told.deaf_s:
            evidence.append(self.say("data.partly"))
        if not told.gaps:
            evidence.append(self.say("data.whole"))
        return self._verdict("data", told.level, evidence)

    def _verdict(self, key: str, level: str, evidence: list[str]) -> Verdict:
        gap = "" if self._language == "zh" else " "
        return Verdict(level, self.say(key), self.say(f"{key}.{level}"), gap.join(evidence))

    # -- sections ----------------------------------------------------------------------------------

    def gaps(self) -> Iterator[Section]:
        """What we did not see, if there is any."""
        if self._found.data.gaps:
            yield Section(self.say("gaps"), [Item(self._gap(one), []) for one in self._found.data.gaps], "", [])

    def happened(self) -> Section:
        """The incidents, the worst first."""
        told, notes = self._found.happened, list[str]()
        if self._found.happened_left_out:
            notes.append(self.say("happened.more", count=self._number(self._found.happened_left_out)))
        if self._found.payments.unexplained_s >= 60:
            notes.append(self.say("happened.rest", minutes=self._minutes(self._found.payments.unexplained_s)))
        if any(one.missed is not None for one in told):
            notes.append(self.say("happened.estimate"))
        items = [
            Item(self._summary(one), list(self._costs(one)), number if number <= MARKED else 0)
            for number, one in enumerate(told, 1)
        ]
        none = self.say("happened.gaps" if self._found.data.gaps else "happened.none")
        return Section(self.say("happened"), items, none, notes)

    def open(self) -> Section:
        """What is not over."""
        items = [
            Item(self.say("open.one", summary=self._summary(one), begin=self.stamp(one.begin)), [])
            for one in self._found.happened
            if one.end is None
        ]
        more = self._found.open_left_out
        notes = [self.say("open.more", count=self._number(more))] if more else []
        return Section(self.say("open"), items, "" if more else self.say("open.none"), notes)

    def at_risk(self) -> Section:
        """Merchants."""
        told = self._found.at_risk
        more = self._found.money.at_risk_merchants - len(told)
        notes = [self.say("risk.more", count=self._number(more))] if more > 0 else []
        return Section(self.say("risk"), [self._merchant(one) for one in told], self.say("risk.none"), notes)

    def planned(self) -> Section:
        """Work of today."""
        items = [Item(self._work(one), []) for one in self._found.planned]
        more = self._found.planned_left_out
        notes = [self.say("planned.more", count=self._number(more))] if more else []
        return Section(self.say("planned"), items, self.say("planned.none"), notes)

    def _gap(self, one: GapView) -> str:
        known = {"provider": one.provider} if one.provider else {}
        return self.say(f"gaps.{one.why}", begin=self.stamp(one.begin), end=self.stamp(one.end), **known)

    def _costs(self, one: HappenedView) -> Iterator[str]:
        end = self.say("happened.open") if one.end is None else self.stamp(one.end)
        known = {"explains": self._number(one.explains)} if one.explains else {}
        known |= {"planned": self.say("happened.planned")} if one.planned else {}
        known |= {"failing": how} if (how := self._book.get(f"step.{one.failing}")) else {}
        known |= {"terminals": self._number(one.terminals)} if one.terminals else {}
        severity = self._book[f"severity.{one.severity}"]
        yield self.say("happened.when", severity=severity, begin=self.stamp(one.begin), end=end, **known)
        if costs := list(self._prices(one)):
            yield self._book["report.happened.join"].join(costs)
        who = fill(self._book[f"who.{one.actor}"], one.scope)
        if one.acknowledged_by is None and one.paged and one.end is None:
            yield self.say("happened.nobody", who=who)
        else:
            author = {"author": one.acknowledged_by} if one.acknowledged_by else {}
            yield self.say("happened.who", who=who, **author)

    def _prices(self, one: HappenedView) -> Iterator[str]:
        if one.lost_s is not None:
            yield self.say(
                "happened.lost", minutes=self._minutes(one.lost_s), terminals=self._number(one.lost_terminals)
            )
            if one.missed_sales is None or one.missed is None:
                yield self.say("happened.unjudged")
            else:
                left = {"unjudged": self._number(one.unjudged)} if one.unjudged else {}
                sales, amount = number(one.missed_sales, self._language), self._money(one.missed)
                yield self.say("happened.missed", sales=sales, amount=amount, **left)
        if one.waiting:
            yield self.say("happened.waiting", amount=self._money(one.waiting))
        if one.late is not None:
            yield self.say("happened.late", amount=self._money(one.late)) if one.late else self.say("happened.paid")

    def _merchant(self, one: MerchantRiskView) -> Item:
        known = {"name": one.name, "id": one.merchant} if one.name else {"id": one.merchant}
        today = {"today": self.say("risk.today")} if one.today else {}
        merchant, due = fill(self._book["desk.merchant"], known), self.stamp(one.due_at)
        head = self.say("risk.one", merchant=merchant, amount=self._money(one.amount), due=due, **today)
        held = [self.say(f"reason.{reason}", amount=self._money(amount)) for reason, amount in one.reasons.items()]
        cause = {"cause": self._cause(one.cause)} if one.cause else {}
        why = self.say("risk.why", held=self._book["report.happened.join"].join(held), **cause)
        who = fill(self._book[f"who.{one.actor}"], {})
        return Item(head, [why, self.say("risk.next", who=who, step=one.next_step[self._language])])

    def _work(self, one: PlannedView) -> str:
        return self.say(
            "planned.one", begin=self.stamp(one.begin), end=self.stamp(one.end), owner=one.owner,
            reason=one.reason or self.say("planned.work"), whom=one.whom or self._book["desk.window.all"],
        )  # fmt: skip

    def _summary(self, one: HappenedView) -> str:
        try:
            return summary(one.kind, one.scope, one.names, self._language)
        except KeyError:  # of a daemon that knows more kinds than we do
            return " ".join([one.kind, *one.scope.values()])

    def _cause(self, cause: str) -> str:
        return name(cause, self._language) if f"{cause}.name" in self._book else self.say("cause.none")

    def _minutes(self, seconds: float) -> str:
        """In whole minutes; what is less than one is not nothing."""
        minutes = round(seconds / 60)
        return self._number(minutes) if minutes else number(seconds / 60, self._language)

    def _number(self, value: int) -> str:
        return number(value, self._language)

    def _money(self, amount: int) -> str:
        return money(amount, self._language)
