"""Why planned work is not to be done so, in words."""

from collections.abc import Mapping
from datetime import timedelta

from babel.dates import format_timedelta

from fleetmon.locale.catalogue import Language, fill, texts
from fleetmon.locale.spoken import LOCALES, span


def objection(rule: str, facts: Mapping[str, int | str], language: Language) -> str:
    """One sentence, and what to do; raises KeyError for a rule without texts."""
    said = {name: str(value) for name, value in facts.items() if value}
    for name in ("length", "most"):
        if f"{name}_s" in facts:
            lasts = timedelta(seconds=int(facts[f"{name}_s"]))
            said[name] = format_timedelta(lasts, threshold=1.5, locale=LOCALES[language])
    if "since_at" in facts:
        said["span"] = span(int(facts["since_at"]), int(facts["until_at"]), language, "seen")
    return fill(texts(language)[f"plan.{rule}"], said)
