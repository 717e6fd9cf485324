"""The explanation corpus: recordings in which money is late for reasons that are known, because they were planted.

`generate(seed)` makes one: a fleet over some days, a story for each family, what a listener would have heard,
and what a correct explanation has to say at the end. It is written from the contract alone and shares no
code with the explanations it is to judge.
Where it can be wrong: its stories are as physical as their author's knowledge of payments; real faults come
in more shapes, and rarely one at a time.
"""

from fleetmon.sim.corpus.families import FAMILIES
from fleetmon.sim.corpus.generate import CALIBRATION, DEVELOPMENT, MIX, TEST, Corpus, generate
from fleetmon.sim.corpus.writing import write

__all__ = ["CALIBRATION", "DEVELOPMENT", "FAMILIES", "MIX", "TEST", "Corpus", "generate", "write"]
