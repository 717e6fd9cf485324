"""How the simulated fleet behaves and which broker it speaks to."""

from typing import Annotated

from msgspec import Meta, Struct

from fleetmon.model.events import Ratio
from fleetmon.model.topics import DEFAULT_PREFIX
from fleetmon.sim.habits import QUIET, Habits


class SimSettings(Struct, frozen=True, forbid_unknown_fields=True):
    """Broker and behaviour. `keep_alive_s` and `connects_per_s` are real time, `sales_per_hour` is scenario time."""

    host: str = "localhost"
    port: Annotated[int, Meta(ge=1, le=65535)] = 1883
    prefix: str = DEFAULT_PREFIX
    username: str | None = None
    password: str | None = None
    keep_alive_s: Annotated[int, Meta(ge=5, le=3600)] = 30
    speed: Annotated[float, Meta(gt=0, le=1000)] = 1.0
    seed: int = 1
    sales_per_hour: Annotated[float, Meta(ge=0, le=3600, description="by each terminal, on average")] = 12.0
    declined: Ratio = 0.03
    clock_spread_ms: Annotated[int, Meta(ge=0, description="how wrong a terminal's clock is at most")] = 1500
    habits: Habits = QUIET
    gateways_above: Annotated[int, Meta(ge=0, description="a larger fleet shares connections")] = 2000
    terminals_per_gateway: Annotated[int, Meta(ge=1, le=5000)] = 500
    connects_per_s: Annotated[float, Meta(gt=0, le=1000, description="how fast the fleet comes up")] = 100.0
