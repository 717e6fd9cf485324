"""Why a technician is sent, and what is taken along, in words."""

from collections.abc import Mapping

from fleetmon.locale.catalogue import Language, fill, texts


def errand(reason: str, language: Language) -> str:
    """The reason; raises KeyError for one without texts."""
    return texts(language)[f"errand.{reason}"]


def spares(parts: Mapping[str, int], language: Language) -> str:
    """What to take along: `card reader (2), paper`."""
    book = texts(language)
    known = {part: {"part": book[f"spare.{part}"]} for part in parts}
    counted = [known[part] | ({"count": str(number)} if number > 1 else {}) for part, number in parts.items()]
    return book["spare.between"].join(fill(book["spare"], said) for said in counted)
