"""The shops that planned work would touch: people know whom to tell by a shop's name, and not by a selector.

Where it can be wrong: a shop is named after its merchant, so one that several merchants share goes by its id alone.
"""

from collections import Counter
from typing import Final

from fleetmon.engine import Engine
from fleetmon.engine.work.windows import candidates
from fleetmon.model.window import Window
from fleetmon.readout.names import names
from fleetmon.readout.sight import Sight
from fleetmon.readout.slices import slowly
from fleetmon.web.windows import ShopView

SHOWN: Final = 10  # shops


async def touched(engine: Engine, provider: str | None, window: Window) -> tuple[int, list[ShopView]]:
    """How many shops, and those of most terminals; of terminals that are to be seen, in short steps."""
    sight = Sight(engine.fleet, provider)
    shops: Counter[str] = Counter()
    async for terminal in slowly(list(candidates(engine.fleet, window))):
        if window.covers(terminal) and sight.sees(terminal):
            shops[terminal.site] += 1
    largest = sorted(shops, key=lambda site: (-shops[site], site))[:SHOWN]
    return len(shops), [ShopView(one, shops[one], names(engine, (("site", one),)).get("site", [])) for one in largest]
