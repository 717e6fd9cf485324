"""Half-open spans of time, as sets: what is in them, and what is left of one without others."""

from collections.abc import Iterable, Sequence

Span = tuple[int, int]


def merged(spans: Iterable[Span]) -> list[Span]:
    """The same time as spans that follow each other with gaps between."""
    found: list[Span] = []
    for begin, end in sorted(spans):
        if found and begin <= found[-1][1]:
            found[-1] = found[-1][0], max(end, found[-1][1])
        elif begin <= end:
            found.append((begin, end))
    return found


def within(span: Span, spans: Sequence[Span]) -> list[Span]:
    """What of a span is in any of these, which are merged."""
    cut = [(max(begin, span[0]), min(end, span[1])) for begin, end in spans]
    return [(begin, end) for begin, end in cut if begin < end]


def without(span: Span, holes: Sequence[Span]) -> list[Span]:
    """What is left of a span without these, which are merged."""
    found, reached = [], span[0]
    for begin, end in within(span, holes):
        if reached < begin:
            found.append((reached, begin))
        reached = end
    return [*found, (reached, span[1])] if reached < span[1] else found


def length(spans: Iterable[Span]) -> int:
    """How long all of them are."""
    return sum(end - begin for begin, end in spans)
