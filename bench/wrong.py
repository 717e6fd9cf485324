"""What is mistaken for what, most frequent first, with one example each to look into."""

from collections import defaultdict
from collections.abc import Sequence

from bench.judge import Judged, Watched


def confusions(judged: Sequence[Judged], most: int) -> str:
    """Truth and answer, how often and at how many stories, and the most confident example."""
    groups: dict[tuple[str, str], list[Judged]] = defaultdict(list)
    for one in judged:
        if not one.is_right:
            groups[one.pair].append(one)
    ordered = sorted(groups.items(), key=lambda group: (-len(group[1]), group[0]))
    return "\n".join(_shown(*group) for group in ordered[:most]) or "no wrong answers"


def _shown(pair: tuple[str, str], found: Sequence[Judged]) -> str:
    example = max(found, key=lambda one: one.said[0][1] if one.said else 0.0)
    merchant, terminal, transaction = example.where
    ranked = ", ".join(f"{cause} {confidence:.2f}" for cause, confidence in example.said) or "not listed"
    also = ", ".join(sorted(example.right - {example.cause}))
    return "\n".join(
        [
            f"{pair[0]} -> {pair[1]}: {len(found)} in {len({one.story for one in found})} stories",
            f"    story {example.story} ({example.difficulty}): {merchant} {terminal} {transaction}",
            f"    truth: {example.why}{also and f' (also right: {also})'}",
            f"    said:  {ranked}",
        ]
    )


def strays(seen: Sequence[Watched], most: int) -> str:
    """Incidents missed, forbidden or unexpected, and paid transactions that were explained: the first few of each."""
    lists = {
        "missed": [f"{one.recording}: {text}" for one in seen for text in one.missed],
        "forbidden": [f"{one.recording}: {text}" for one in seen for text in one.forbidden],
        "unexpected": [f"{one.recording}: {text}" for one in seen for text in one.unexpected],
        "explained, but paid": [f"{one.recording}: {name} as {cause}" for one in seen for name, cause in one.stray],
    }
    return "\n".join(
        f"{name}: {len(found)}\n" + "\n".join(f"    {text}" for text in found[:most]) for name, found in lists.items()
    )
