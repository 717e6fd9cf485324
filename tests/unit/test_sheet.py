"""An incident as on-call reads it on a terminal, in the language asked for: why it went on is told in words."""

from typing import Any

import pytest

from fleetmon.desk.sheet import line, sheet
from fleetmon.detect import OF_SIGN
from fleetmon.locale import LANGUAGES, Language, Situation
from fleetmon.web.views import AuditView, IncidentDetail, TransitionView

TOLD_BY_US = (
    "silent together", "went down one by one", "went to sleep", "messages stopped", "messages stopped again and again",
    "messages come again", "it is the same with everybody", "link lost", "lasts", "not_agree", "error", "late",
    "partial", "rejected", "posted as another", "replaced", "SimChanged", "signed off", "does not end its cut-over",
)  # fmt: skip


def incident(reason: str = "signed off", **fields: Any) -> IncidentDetail:
    known: dict[str, Any] = {
        "id": "x", "kind": "host_outage", "scope": {"host": "ACQ"}, "severity": "critical", "status": "firing",
        "opened_at": 1, "silent_since": None, "fired_at": 1, "paged_at": 1, "resolved_at": None, "terminals": 0,
        "evidence": [], "suppressed_by": None, "alternatives": [], "acknowledged_by": None,
        "acknowledged_until": None, "called_again_at": None, "acknowledgement": None, "situation": Situation(1),
        "transitions": [TransitionView(1, "pending", "firing", reason, 0)], "audit": [],
    }  # fmt: skip
    return IncidentDetail(**(known | fields))


@pytest.mark.parametrize("reason", [*OF_SIGN, *TOLD_BY_US])
def test_why_it_went_on_is_told_in_words_of_the_language(reason: str) -> None:
    told = {language: list(sheet(incident(reason), language))[-1] for language in LANGUAGES}
    assert told["zh"] != told["en"]
    assert told["zh"].isascii() is False
    assert "_" not in told["en"]
    assert reason not in told["zh"]


def test_what_a_neighbour_said_stays_as_it_is() -> None:
    assert list(sheet(incident("NoPaper"), "zh"))[-1].endswith("告警中：NoPaper")


@pytest.mark.parametrize(
    ("author", "reason", "zh", "en"),
    [
        ("wang", "acknowledgement withdrawn", "wang：取消认领", "wang: took the acknowledgement back"),
        (None, "acknowledgement expired", "fleetmon：认领结束：已到期", "the acknowledgement ended: its time was over"),
        (None, "worse than when it was acknowledged", "比认领时更严重", "ended: worse than when it was acknowledged"),
    ],
)  # fmt: skip
def test_why_an_acknowledgement_ended_is_told_too(author: str | None, reason: str, zh: str, en: str) -> None:
    action = "lapsed" if author is None else "unacknowledged"
    known = AuditView(2, author, action, "incident", "x", {"before": {}, "after": None, "reason": reason})
    told = {language: list(sheet(incident(audit=[known]), language))[-1] for language in LANGUAGES}
    assert told["zh"].endswith(zh)
    assert told["en"].endswith(en)


@pytest.mark.parametrize(
    ("language", "terminals", "text"),
    [("en", 0, "critical  since"), ("en", 1, "  1 terminal  since"), ("en", 1200, "  1,200 terminals  since"),
     ("zh", 0, "严重  自"), ("zh", 3, "严重  3 台终端  自")],
)  # fmt: skip
def test_terminals_are_counted_where_there_are_any(language: Language, terminals: int, text: str) -> None:
    assert text in next(line(incident(terminals=terminals), language))
