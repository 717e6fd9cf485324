"""How true to life a simulated fleet is: losses, opening hours, trade, wear and what else happens by itself.

The defaults are published or measured figures as far as there are any; what is only judged says so. The
preset `QUIET` is a fleet of which nothing but the scenario's steps disturbs the peace: for tests and
demonstrations. A YAML file names what differs from the defaults:

    line: {bad_share: 0.1}
    shops: {on_at_night: 1.0}

Spans `[low, high]` are drawn once for each terminal, shop or event, log-uniformly unless it says otherwise.
Where it can be wrong: the figures of different sources need not fit together; the losses were measured
on sensors and not on card terminals, and the shares that are judged are guesses.
"""

from pathlib import Path
from typing import Annotated, Final

from msgspec import Meta, Struct, field

from fleetmon import strict
from fleetmon.model.events import Ratio

Rate = Annotated[float, Meta(ge=0, le=1e6)]
Span = tuple[Rate, Rate]
_REFUSALS: Final = {"51": 55.0, "55": 20.0, "61": 10.0, "05": 10.0, "54": 5.0}


class _Strict(Struct, frozen=True, forbid_unknown_fields=True):
    def __post_init__(self) -> None:
        for name in self.__struct_fields__:
            value = getattr(self, name)
            if isinstance(value, tuple) and value[0] > value[1]:
                raise ValueError(f"{name}: a span goes from low to high")


class Line(_Strict, frozen=True):
    """The way from a terminal to us. Sources: two public heartbeat traces, mobile broadband studies."""

    loss: Span = (0.002, 0.05)  # of the heartbeats
    bad_share: Ratio = 0.03  # of the terminals have `bad_loss` instead
    bad_loss: Span = (0.10, 0.35)
    again: Span = (0.16, 0.41)  # the chance that the next one is lost, too, after a loss; uniform
    swing: Ratio = 0.4  # by so much more is lost at the busiest hour and less at the quietest
    jitter_p99_s: Span = (0.1, 2.0)
    fades_per_day: Rate = 0.02  # the line is gone for a while
    poor_share: Ratio = 0.2  # of the cellular terminals have `poor_fades_per_day` instead
    poor_fades_per_day: Rate = 2.0  # so that a fifth is away for more than ten minutes a day
    fade_s: Span = (120.0, 1800.0)
    storms_per_day: Rate = 0.3  # of each carrier: its whole network loses more (the rate is judged)
    storm_s: Span = (300.0, 1800.0)
    storm_loss: Span = (0.1, 0.3)
    will_after_s: Span = (15.0, 45.0)  # until the broker notices a dead connection; uniform, recordings only
    back_within_s: Span = (1.0, 45.0)  # from the return of the network to the new connection; uniform


class Shops(_Strict, frozen=True):
    """How opening hours are kept, by shops that have any. All judged; minutes are uniform."""

    kept: bool = True
    opens_before_min: Span = (2.0, 25.0)
    closes_after_min: Span = (2.0, 30.0)
    on_at_night: Ratio = 0.2  # of the shops leave the terminals on
    power_off: Ratio = 0.3  # of the others use the main switch: no farewell
    late_share: Ratio = 0.01  # of the mornings
    late_min: Span = (25.0, 180.0)
    early_share: Ratio = 0.01  # of the evenings
    early_min: Span = (5.0, 60.0)


class Sales(_Strict, frozen=True):
    """Trade. The daily and weekly course is the trades' own (`demand.py`), the shares are judged."""

    course: bool = True  # by hour and weekday, and only while the shop is open
    frailty: Rate = 2.0  # shape of the gamma distribution of merchants' trade around the mean; 0: all the same
    qr: Ratio = 0.45
    unanswered: Ratio = 0.002  # of the requests, times one plus a hundred times the loss of the line
    reverses: bool = True  # a sale whose request died with the network is reversed afterwards, not stored
    refusals: dict[str, Rate] = field(default_factory=lambda: dict(_REFUSALS))  # weights of response codes


class Wear(_Strict, frozen=True):
    """Paper, reader, battery and age. Sources: terminal and printer makers; shares are judged."""

    roll: Span = (130.0, 200.0)  # receipts; 0: paper without end
    restock_s: Span = (60.0, 900.0)
    read_errors: Span = (0.002, 0.02)  # of the card reads
    worn_share: Ratio = 0.02  # of the readers err ten times as often
    portable: Ratio = 0.4  # of the terminals run on batteries
    use_h: Span = (6.0, 8.0)
    charge_h: Rate = 3.5
    forgotten: Ratio = 0.02  # of the times a low battery is not noticed before it is flat
    life_h: Rate = 100_000.0  # mean time to a failure of a part; 0: eternal
    repair_h: Span = (4.0, 72.0)
    crashes_per_day: Rate = 0.01  # of each terminal; judged
    swaps_per_day: Rate = 0.0005  # of each terminal; judged


class Faults(_Strict, frozen=True):
    """What takes many at once. Durations from published outages, rates are judged."""

    carrier_per_day: Rate = 0.015  # for each carrier in each region
    carrier_s: Span = (1920.0, 8460.0)  # p10 to p90, median 51 min
    site_line_per_day: Rate = 0.005  # for each shop: all its networks
    site_power_per_day: Rate = 0.005
    site_s: Span = (600.0, 7200.0)  # median half an hour to an hour
    host_per_day: Rate = 0.0  # for each acquirer
    host_s: Span = (3600.0, 21600.0)


class Delivery(_Strict, frozen=True):
    """What becomes of messages under way, in recordings; with a real broker it is the broker's business."""

    latency_ms: Span = (30.0, 400.0)  # of each terminal
    repeated: Ratio = 0.01  # of the messages of QoS 1
    late: Ratio = 0.005  # of the messages of QoS 1
    late_s: Rate = 30.0  # at most; uniform


class Clocks(_Strict, frozen=True):
    """Clocks that are wrong by more than `clock_spread_ms`; judged."""

    wrong_share: Ratio = 0.005
    wrong_s: Span = (300.0, 28_800.0)


class Habits(_Strict, frozen=True):
    """All of it."""

    line: Line = Line()
    shops: Shops = Shops()
    sales: Sales = Sales()
    wear: Wear = Wear()
    faults: Faults = Faults()
    delivery: Delivery = Delivery()
    clocks: Clocks = Clocks()


_NONE: Final = (0.0, 0.0)
REAL: Final = Habits()
QUIET: Final = Habits(
    Line(
        loss=_NONE,
        bad_share=0,
        swing=0,
        jitter_p99_s=_NONE,
        fades_per_day=0,
        poor_share=0,
        storms_per_day=0,
        will_after_s=(0.2, 0.2),
        back_within_s=(0.5, 4.0),
    ),
    Shops(kept=False),
    Sales(course=False, frailty=0, qr=0, unanswered=0, reverses=False, refusals={"51": 1}),
    Wear(roll=_NONE, read_errors=_NONE, worn_share=0, portable=0, life_h=0, crashes_per_day=0, swaps_per_day=0),
    Faults(carrier_per_day=0, site_line_per_day=0, site_power_per_day=0),
    Delivery(latency_ms=_NONE, repeated=0, late=0),
    Clocks(wrong_share=0),
)
PRESETS: Final = {"quiet": QUIET, "real": REAL}


def load(path: Path) -> Habits:
    """Read a habits file; raises ConfigError with every problem found."""
    return strict.read(path, Habits)
