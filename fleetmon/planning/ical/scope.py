"""Whom an event is for: `site=S1,S2; carrier=CMCC`, within what its calendar may touch."""

from typing import get_args

from fleetmon.model.events import Attribute, Selector
from fleetmon.model.window import values

_ATTRIBUTES: tuple[Attribute, ...] = get_args(Attribute)


def selector_from(text: str) -> Selector:
    """The selector that a text says; raises ValueError."""
    found: Selector = {}
    for part in filter(None, (part.strip() for part in text.split(";"))):
        name, equals, said = part.partition("=")
        attribute = next((one for one in _ATTRIBUTES if one == name.strip()), None)
        if attribute is None or not equals:
            raise ValueError(f'"{part[:64]}" is no selector; write e.g. site=S1,S2 with {", ".join(_ATTRIBUTES)}')
        wanted = [value.strip() for value in said.split(",") if value.strip()]
        if not wanted or attribute in found:
            raise ValueError(f'"{part[:64]}" names no value, or {attribute} stands twice')
        found[attribute] = wanted[0] if len(wanted) == 1 else wanted
    return found


def selector_text(selector: Selector) -> str:
    """The text of a selector."""
    return "; ".join(f"{name}={','.join(values(wanted))}" for name, wanted in sorted(selector.items()))


def narrowed(allowed: Selector, own: Selector) -> Selector:
    """What both say; raises ValueError where nothing can be left."""
    found = dict(allowed)
    for name, wanted in own.items():
        both = [value for value in values(wanted) if name not in allowed or value in values(allowed[name])]
        if not both:
            raise ValueError(
                f"{name} {', '.join(values(wanted))[:64]} is not what this calendar may touch "
                f"({selector_text(allowed)})"
            )
        found[name] = both[0] if len(both) == 1 else both
    return found
