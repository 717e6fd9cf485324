"""Who takes part: hosts, providers, regions and carriers, drawn so that no name tells of the story behind it."""

from dataclasses import dataclass, field
from typing import Final

from fleetmon.model.registry import Host, Provider
from fleetmon.sim.chance import Chance
from fleetmon.sim.corpus.device import Fields

CARRIERS: Final = ("CMCC", "CUCC", "CTCC", "CBN")
MODELS: Final = ("A920", "A80", "N5", "P2", "S90", "V2")
_CITIES: Final = ("changsha", "wuhan", "chengdu", "xian", "nanjing", "hefei", "dalian", "suzhou", "guiyang", "jinan")
_WARDS: Final = ("east", "west", "old-town", "harbour")


@dataclass
class Spike:
    """A host answers otherwise for a while: shares of response codes, and how slowly."""

    start: int
    end: int
    codes: dict[str, float]
    p95_ms: int = 9000
    signed_on: bool = True
    cutover: str | None = None


@dataclass
class HostPlan:
    """A host and what it tells of itself."""

    row: Host
    health: bool
    files: bool
    requests: int
    spikes: list[Spike] = field(default_factory=list)
    filed: dict[str, list[tuple[int, Fields]]] = field(default_factory=dict)  # instead of an ordinary file


class Estate:
    """The pools from which merchants draw, and fresh things for stories that need them alone."""

    def __init__(self, chance: Chance) -> None:
        self._chance = chance
        self.hosts: dict[str, HostPlan] = {}
        self._numbers = chance.sample(range(100, 1000), 900)
        self._regions = [f"{city}-{ward}" for city in _CITIES for ward in _WARDS]
        chance.shuffle(self._regions)
        self.regions = [self._regions.pop() for _ in range(7)]
        self.acquirers = [self.host("acquirer").row.id for _ in range(3)]
        self.plain_acquirers = [self.host("acquirer", files=False).row.id for _ in range(2)]
        self.issuers = [self.host("issuer").row.id for _ in range(4)]
        self.providers = [Provider(f"prov-{self.number()}", "Field service") for _ in range(3)]

    def number(self) -> int:
        """A number nobody else has."""
        return self._numbers.pop()

    def region(self) -> str:
        """A region of one's own, as long as there are any."""
        return self._regions.pop() if self._regions else f"ward-{self.number()}"

    def host(self, kind: str, *, files: bool = True, health: bool = True, licensed: bool = True) -> HostPlan:
        """A host of one's own."""
        number = self.number()
        row = Host(
            id=f"{kind[:3]}-{number}",
            kind=kind,  # type: ignore[arg-type] # the callers name one of the contract's
            name=f"{kind.capitalize()} {number}",
            licence=f"Z{number}4410" if licensed else "",
            licence_valid_to=f"20{self._chance.randint(28, 34)}-12-31" if licensed else None,
        )
        plan = HostPlan(row, health, files, self._chance.randint(40, 900))
        self.hosts[row.id] = plan
        return plan

    def provider(self) -> str:
        """A provider of one's own."""
        self.providers.append(Provider(f"prov-{self.number()}", "Field service"))
        return self.providers[-1].id
