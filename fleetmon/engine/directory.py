"""What the operator knows about merchants, hosts and places, by id."""

from collections.abc import Mapping

from fleetmon.model.days import EVERY_DAY, WorkingDays
from fleetmon.model.registry import Registry
from fleetmon.model.responses import Meaning
from fleetmon.model.terms import Terms, terms

Overlays = Mapping[str, Mapping[str, Meaning]]


class Directory:
    """Looked up whenever money is judged; made anew with every registry."""

    def __init__(
        self,
        registry: Registry,
        days: WorkingDays = EVERY_DAY,
        overlays: Overlays | None = None,
    ) -> None:
        """`overlays`: what codes mean to single acquirers, where they differ from the base table."""
        self.days = days
        self.overlays = overlays or {}
        self.fees = registry.fee_classes
        self.merchants = {row.id: row for row in registry.merchants}
        self.hosts = {row.id: row for row in registry.hosts}
        self.switches = tuple(row.id for row in registry.hosts if row.kind == "switch")  # which serve everybody
        self.providers = {row.id: row.name for row in registry.providers}
        self.places = {
            row.id: (row.lat + 0.0, row.lng + 0.0)
            for row in registry.sites
            if row.lat is not None and row.lng is not None
        }
        self._defaults = registry.defaults
        self._terms: dict[str, Terms] = {}

    def terms(self, merchant: str) -> Terms:
        """What this merchant agreed on; the defaults for one that nobody knows."""
        found = self._terms.get(merchant)
        if found is None:
            found = self._terms[merchant] = terms(self.merchants.get(merchant), self._defaults)
        return found

    def acquirer(self, merchant: str) -> str:
        """The acquirer that pays this merchant; empty when nobody knows."""
        row = self.merchants.get(merchant)
        return row.acquirer if row else ""
