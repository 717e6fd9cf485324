"""A recording through the engine with a hand on its parts: for the clock, and for scores before their ranking.

What is judged comes from `fleetmon.replay`; the clock needs the same steps one by one.
"""

import time
from collections.abc import Iterator
from typing import NamedTuple

from bench.corpora import Recording
from fleetmon.engine import Engine
from fleetmon.engine.money.gather import Gather
from fleetmon.explain import CAUSES
from fleetmon.explain.score import Candidate, weigh
from fleetmon.ingest.intake import Intake
from fleetmon.ingest.quarantine import Quarantine
from fleetmon.model.events import Transaction
from fleetmon.model.sale import Sale
from fleetmon.model.topics import Topics
from fleetmon.working_days import working_days


class Pace(NamedTuple):
    """How long it took, in seconds of one core, without decoding and without a store."""

    stages: int
    stages_s: float
    messages: int
    messages_s: float
    explanations: int
    explanations_s: float


def timed(recording: Recording) -> Pace:
    """Feed all lines with a clock at hand, and explain what is unpaid in the end."""
    engine = Engine(recording.registry, working_days(recording.registry.calendar))
    intake, now = Intake(Topics(), Quarantine()), recording.lines[0].t
    stages = messages = 0
    stages_s = messages_s = 0.0
    engine.link_up(now)
    for line in recording.lines:
        now = line.t
        if line.link is not None:
            (engine.link_up if line.link == "up" else engine.link_down)(now)
            continue
        taken = intake.take([line.publication], now)
        began = time.perf_counter()
        engine.observe(taken)
        took = time.perf_counter() - began
        messages += len(taken)
        messages_s += took
        if taken and isinstance(taken[0].event, Transaction):
            stages += 1
            stages_s += took
    began = time.perf_counter()
    count = sum(1 for _ in engine.explainer.unpaid(now))
    return Pace(stages, stages_s, messages, messages_s, count, time.perf_counter() - began)


def candidates(engine: Engine, now: int) -> Iterator[tuple[Sale, list[Candidate]]]:
    """Everything unpaid at `now`, with the causes that are suspected, not yet ranked."""
    explainer = engine.explainer
    ledger = explainer.ledger
    correlator = engine.correlator
    incidents, works, words = correlator.incidents, correlator.works, correlator.hosts.words
    gather = Gather(engine.fleet, ledger.directory, ledger, explainer.timeline, incidents, works, words)
    for sale, standing in ledger.unpaid(now):
        case = gather.case(sale, standing, now)
        suspected = [(cause, found) for cause in CAUSES if (found := cause.suspect(case)) is not None]
        yield sale, [Candidate(cause, found, weigh(found.clues)) for cause, found in suspected]
