"""Explanations as JSON and in words, for replay, the command line and the API alike.

The texts take plain facts by name: those of the finding, and here those of the sale, its standing and its
payout. The span of a fault is its incident's where there is one, else that of the first episode in the
evidence; without either no time is said.
"""

from itertools import zip_longest
from typing import Final

from fleetmon.engine.directory import Directory
from fleetmon.locale import LANGUAGES, Audience, Matter, remedy, tell
from fleetmon.model.cause import Explanation, Finding
from fleetmon.model.days import date_of
from fleetmon.model.payout import History
from fleetmon.model.sale import Sale
from fleetmon.model.standing import Standing
from fleetmon.model.terms import due
from fleetmon.readout.enquiry.remembered import taken_at
from fleetmon.web.explanations import ExplanationView, FindingView, ToldExplanationView

Facts = dict[str, int | str]
LANGUAGE_OF_REPLAY: Final = "en"
_MOMENT: Final = 60_000  # an approval so soon after the swipe is the same time to people


def explanation(found: Explanation) -> ExplanationView:
    """What the contract's *Replay* lists."""
    sale, standing = found.sale, found.standing
    return ExplanationView(
        merchant=sale.merchant,
        terminal=sale.terminal,
        transaction=sale.id,
        batch=sale.batch or None,
        amount=sale.amount,
        state=standing.state,
        stage=standing.stage,
        due_at=standing.due_at,
        provisional=standing.provisional,
        findings=[_finding(one) for one in found.findings],
    )


def _finding(finding: Finding) -> FindingView:
    return FindingView(
        cause=finding.cause,
        confidence=finding.confidence,
        actor=finding.actor,
        incident=finding.incident,
        evidence=[str(said) for said in finding.evidence],
        against=[str(said) for said in finding.against],
        remedy=remedy(finding.cause, LANGUAGE_OF_REPLAY),
    )


class Telling:
    """Tells explanations to one audience, in every language."""

    def __init__(self, directory: Directory, audience: Audience = "merchant") -> None:
        """`directory` knows hosts by name, working days, and what codes mean to single acquirers."""
        self._directory = directory
        self._audience: Audience = audience

    def view(self, found: Explanation, now: int) -> ToldExplanationView:
        """The explanation with its texts."""
        sale, standing = found.sale, found.standing
        plain = explanation(found)
        first = found.findings[0]
        facts = self._facts(found, now)
        matter = Matter(
            first.cause, first.actor, standing.state, standing.stage, standing.provisional, facts, sale.kind == "refund"
        )
        return ToldExplanationView(
            **{name: getattr(plain, name) for name in plain.__struct_fields__},
            kind=sale.kind,
            rrn=sale.rrn or None,
            at=taken_at(sale),
            day=date_of(standing.day) if standing.day else None,
            texts={language: tell(matter, language, self._audience) for language in LANGUAGES},
        )

    def _facts(self, found: Explanation, now: int) -> Facts:
        sale, standing, first = found.sale, found.standing, found.findings[0]
        facts = {**_of_standing(standing, now), **first.facts, **_span(first), **_of_sale(sale)}
        facts["code"] = sale.response if standing.state == "declined" else ""
        handed_in = sale.accepted and standing.stage not in ("terminal", "batch")  # before that it is only foreseen
        if handed_in and standing.settled_from - taken_at(sale) > _MOMENT:
            facts["settled_at"] = standing.settled_from
        facts["again_at"] = due(now, standing.terms, sale.rail, self._directory.days).at + standing.terms.grace
        facts["acquirer"] = self._name(sale.acquirer or self._directory.acquirer(sale.merchant))
        if "host" in facts:
            facts["host"] = self._name(str(facts["host"]))
        if own := self._directory.overlays.get(sale.acquirer, {}).get(sale.response):
            facts["class"] = own
        return facts

    def _name(self, host: str) -> str:
        row = self._directory.hosts.get(host)
        return row.name if row and row.name else host


def _of_sale(sale: Sale) -> Facts:
    return {
        "amount": sale.amount, "currency": sale.currency, "sold_at": taken_at(sale),
        "terminal": sale.terminal, "rrn": sale.rrn, "batch": sale.batch,
    }  # fmt: skip


def _of_standing(standing: Standing, now: int) -> Facts:
    terms, due_at = standing.terms, standing.due_at
    facts: Facts = {"cutoff": terms.cutoff, "cycle": "T+1" if standing.over_limit else terms.cycle}
    if standing.day:
        facts["day"] = standing.day
    if due_at is not None:
        facts |= {"due_at": due_at, "late_at": due_at + terms.grace, "late_by": max(now - due_at, 0)}
    return facts | (_of_payout(standing.payout) if standing.payout else {})


def _of_payout(payout: History) -> Facts:
    credited = payout.first("credited") or payout.first("short_paid")
    return {
        "expected": payout.expected, "missing": payout.missing, "reason": payout.reason(),
        "told_at": payout.last.at, "credited_at": credited.at if credited else 0,
    }  # fmt: skip


def _span(finding: Finding) -> Facts:
    """From when to when the fault was; 0 where that is not told."""
    if finding.incident is not None and "since_at" in finding.facts:
        return {}
    for first, following in zip_longest(finding.evidence, finding.evidence[1:]):
        if first.fact.endswith(" since"):
            over = f"{first.fact.removesuffix('since')}until"
            ended = following is not None and (following.topic, following.fact) == (first.topic, over)
            return {"since_at": first.at, "until_at": following.at if ended else 0}
    return {"since_at": 0, "until_at": 0}
