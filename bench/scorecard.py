"""The tables of `make score`: for people, for the README, and as JSON."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final, NamedTuple

from bench import metrics
from bench.figures import COVERED, DIFFICULTIES, Figures, baselines, figures, fleet, headline
from bench.judge import Judged, Watched
from bench.rerun import Pace


class Row(NamedTuple):
    """One line of the table. `most` and `least` are targets."""

    key: str
    text: str
    whole: bool = False
    most: float | None = None
    least: float | None = None

    @property
    def target(self) -> str:
        """As the last column shows it."""
        return f"<= {self.most:g}" if self.most is not None else f">= {self.least:g}" if self.least is not None else ""


ROWS: Final = (
    Row("explanations", "explanations judged", whole=True),
    Row("stories", "stories", whole=True),
    Row("ac1", "AC@1", least=0.9),
    Row("ac1_low", "  95 % interval by story, from"),
    Row("ac1_high", "  to"),
    Row("ac1_stories", "AC@1, every story counting once"),
    Row("ac3", "AC@3", least=0.98),
    Row("avg3", "Avg@3"),
    Row("macro_f1", "macro-F1 over causes", least=0.85),
    *(Row(f"ac1_{level}", f"AC@1, {level}") for level in DIFFICULTIES),
    Row("due_at_exact", "due time exact"),
    Row("state_exact", "state right"),
    Row("stage_exact", "stage right"),
    Row("provisional_exact", "provisional right"),
    Row("evidence", "evidence recall"),
    Row("evidence_facts", "evidence recall, without calendar rules", least=0.9),
    Row("right_with_evidence", "right, and with evidence (same)"),
    Row("missing", "not explained at all", whole=True, most=0),
    Row("confident_wrong", "wrong at a confidence > 0.9", most=0.02),
    Row("ece", "ECE, 10 bins", most=0.05),
    Row("ece_adaptive", "ECE, 10 bins of equal size"),
    Row("brier", "Brier", most=0.1),
    *(Row(f"covered_{part:.0%}", f"accuracy of the surest {part:.0%}") for part in COVERED),
)
FLEET: Final = (
    Row("recordings", "recordings", whole=True),
    Row("messages", "messages", whole=True),
    Row("incidents", "incidents to be found", whole=True),
    Row("incidents_found", "  found in time"),
    Row("incidents_exact", "  found with the right scope"),
    Row("incidents_resolved", "  resolved in time"),
    Row("incidents_forbidden", "forbidden incidents opened", whole=True, most=0),
    Row("incidents_unexpected", "incidents neither wanted nor allowed", whole=True),
    Row("pages", "pages", whole=True),
    Row("pages_most", "  allowed at most", whole=True),
    Row("pages_exceeded", "  recordings with more", whole=True, most=0),
    Row("explained_paid", "explained, but paid", whole=True, most=0),
    Row("explained_unjudged", "explained, and the truth does not say", whole=True),
)
_PUBLISHED: Final = ("ac1", "ac3", "macro_f1", "evidence_facts", "confident_wrong", "ece", "brier", "due_at_exact")


class Scorecard:
    """What was found, by set of recordings."""

    def __init__(self, judged: Sequence[Judged], seen: Sequence[Watched], pace: Pace) -> None:
        self._parts = list(dict.fromkeys(one.part for one in seen))
        self._judged = {part: [one for one in judged if one.part == part] for part in self._parts}
        self._seen = {part: [one for one in seen if one.part == part] for part in self._parts}
        self._pace = pace
        self._figures: dict[tuple[str, str], Figures] = {}
        for part, found in self._judged.items():
            self._figures[part, "headline"], self._figures[part, "all"] = figures(headline(found)), figures(found)

    def text(self) -> str:
        """Everything."""
        main = [("", *(f"{part}, {which}" for part, which in self._figures), "target")]
        main += [(row.text, *(_cell(row, one) for one in self._figures.values()), row.target) for row in ROWS]
        totals = [fleet(seen) for seen in self._seen.values()]
        whole = [("", *self._parts, "target")]
        whole += [(row.text, *(_cell(row, one) for one in totals), row.target) for row in FLEET]
        return "\n\n".join([table(main), table(self._beside()), table(whole), table(self._causes()), self._speed()])

    def markdown(self) -> str:
        """For the README: the unseen seeds where there are any, beside the cheap methods."""
        part = "test" if "test" in self._parts else self._parts[-1]
        ours, others = self._figures[part, "headline"], baselines(headline(self._judged[part]))
        lines = [("figure", "fleetmon", *others, "target")]
        for row in (row for row in ROWS if row.key in _PUBLISHED):
            shown = [_cell(row, one) if row.key in one else "" for one in others.values()]
            value = _cell(row, ours)
            if row.key == "ac1":
                value += f" ({ours['ac1_low']:.3f}-{ours['ac1_high']:.3f})"
            lines.append((row.text, value, *shown, row.target))
        count = f"{ours['explanations']:,} explanations of {ours['stories']:,} stories, {part} seeds"
        return f"{table(lines)}\n\n{count}. {self._speed()}"

    def write(self, path: Path) -> None:
        """For programs."""
        told: dict[str, Any] = {
            part: {
                "headline": self._figures[part, "headline"],
                "all": self._figures[part, "all"],
                "baselines": baselines(headline(self._judged[part])),
                "causes": [one._asdict() for one in metrics.qualities([one.pair for one in self._judged[part]])],
                "fleet": fleet(self._seen[part]),
            }
            for part in self._parts
        }
        text = json.dumps(_rounded({**told, "pace": self._pace._asdict()}), indent=1)
        path.write_text(f"{text}\n", encoding="utf-8")

    def _beside(self) -> list[tuple[str, ...]]:
        """Us and the cheap methods, on the headline."""
        lines = [
            ("headline", *(f"{part}, {figure}" for part in self._parts for figure in ("AC@1", "AC@3", "macro-F1")))
        ]
        found = {part: baselines(headline(judged)) for part, judged in self._judged.items()}
        rows = {"fleetmon": [self._figures[part, "headline"] for part in self._parts]}
        for name in next(iter(found.values())):
            rows[name] = [found[part][name] for part in self._parts]
        for name, columns in rows.items():
            lines.append((name, *(_share(one[key]) for one in columns for key in ("ac1", "ac3", "macro_f1"))))
        return lines

    def _causes(self) -> list[tuple[str, ...]]:
        """Every cause that is true somewhere, over everything judged."""
        columns = ("n", "precision", "recall", "evidence")
        found = {
            part: {one.cause: one for one in metrics.qualities([j.pair for j in judged])}
            for part, judged in self._judged.items()
        }
        lines = [("cause", *(f"{part}, {column}" for part in self._parts for column in columns))]
        for cause in sorted({cause for causes in found.values() for cause in causes}):
            cells: list[str] = []
            for part, causes in found.items():
                one = causes.get(cause)
                grounded = [bool(j.grounded) for j in self._judged[part] if j.cause == cause and j.grounded is not None]
                evidence = _share(metrics.share(grounded))
                cells += (str(one.wanted), _share(one.precision), _share(one.recall), evidence) if one else [""] * 4
            lines.append((cause, *cells))
        return lines

    def _speed(self) -> str:
        pace = self._pace
        each = pace.explanations_s * 1000 / max(pace.explanations, 1)
        stages, messages = pace.stages / max(pace.stages_s, 1e-9), pace.messages / max(pace.messages_s, 1e-9)
        rates = f"{stages:,.0f} transaction stages/s, {messages:,.0f} messages/s in the engine"
        return f"{each:.2f} ms an explanation; {rates}."


def table(lines: Sequence[Sequence[str]]) -> str:
    """Markdown that is readable as it is."""
    widths = [max(len(line[column]) for line in lines) for column in range(len(lines[0]))]
    padded = ["| " + " | ".join(map(str.ljust, line, widths)) + " |" for line in lines]
    return "\n".join([padded[0], "|" + "|".join("-" * (width + 2) for width in widths) + "|", *padded[1:]])


def _cell(row: Row, found: Figures) -> str:
    value = found[row.key]
    return f"{value:,.0f}" if row.whole and value is not None else _share(value)


def _share(value: float | None) -> str:
    return "" if value is None else f"{value:.3f}"


def _rounded(told: Any) -> Any:  # noqa: ANN401 - JSON
    """Four places, so that two runs differ where something did."""
    if isinstance(told, dict):
        return {key: _rounded(value) for key, value in told.items()}
    if isinstance(told, list):
        return [_rounded(value) for value in told]
    return round(told, 4) if isinstance(told, float) else told
