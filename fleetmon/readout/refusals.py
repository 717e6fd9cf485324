"""Refused messages with everything that is wrong with them, for whoever programs terminals.

A decoder stops at the first mistake. Where the whole message was kept, all of its fields are looked at when somebody
asks, which costs nothing on the way in. Where it can be wrong: of a message longer than what is kept only the first is
told, as before.
"""

from itertools import islice
from typing import Final

import msgspec

from fleetmon import strict
from fleetmon.model.cards import masked
from fleetmon.model.topics import Topics
from fleetmon.store import QuarantineRow
from fleetmon.web.views import RefusedView

_LONGEST: Final = 500  # characters of one
_MOST: Final = 20


def view(row: QuarantineRow, topics: Topics) -> RefusedView:
    """What the API shows."""
    problems = _problems(row, topics) if row.reason == "field" else []
    return RefusedView(
        row.id, row.received_at, row.topic, row.reason, row.detail, row.size, row.payload, problems or [row.detail]
    )


def _problems(row: QuarantineRow, topics: Topics) -> list[str]:
    """Nothing where they cannot be found out any more."""
    route = topics.route(row.topic)
    if route is None or row.payload is None:
        return []
    try:
        content = msgspec.json.decode(row.payload)
    except (msgspec.DecodeError, RecursionError):
        return []
    return [masked(one)[:_LONGEST] for one in islice(strict.problems(content, route.kind.struct, wire=True), _MOST)]
