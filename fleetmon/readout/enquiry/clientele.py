"""The merchants, as people know them: by id, by the acquirer's number, or by a part of the name.

Those of the registry, and others for whom something was told. Whoever is confined to a provider sees the
merchants in whose shops that provider's terminals stand.
"""

from fleetmon.engine import Engine
from fleetmon.engine.directory import Directory
from fleetmon.readout.slices import in_order, slowly
from fleetmon.web.explanations import MerchantView


class Clientele:
    """Looks merchants up for one engine."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._served: dict[str, set[str]] = {}  # by provider, as the registry has it
        self._served_by: Directory | None = None

    async def find(self, provider: str | None, key: str) -> MerchantView | None:
        """One merchant, if there is one to be seen."""
        found = self._party(key)
        return found if found is not None and await self._may_see(provider, key) else None

    async def page(self, provider: str | None, said: str, after: str | None, limit: int) -> list[MerchantView]:
        """The first `limit` merchants after an id whom somebody may mean."""
        names = [one.id for one in await self.meant(said)] if said.strip() else self._everybody()
        found: list[MerchantView] = []
        async for name in slowly(await in_order(names, after or "")):
            party = self._party(name) if name != after else None
            if party is not None and await self._may_see(provider, name):
                found.append(party)
                if len(found) == limit:
                    break
        return found

    async def meant(self, said: str) -> list[MerchantView]:
        """Whom somebody means: one who is named in full stands alone."""
        word = said.strip().casefold()
        exact, part = list[MerchantView](), list[MerchantView]()
        async for name in slowly(self._everybody() if word else ()):
            if (party := self._party(name)) is None:
                continue
            known = (party.id.casefold(), party.number.casefold(), party.name.casefold())
            if word in known:
                exact.append(party)
            elif word in known[0] or word in known[2]:
                part.append(party)
        return exact or part

    def _everybody(self) -> list[str]:
        explainer = self._engine.explainer
        known = explainer.ledger.directory.merchants
        return [*known, *[name for name in explainer.ledger.books if name and name not in known]]

    def _party(self, key: str) -> MerchantView | None:
        ledger = self._engine.explainer.ledger
        row = ledger.directory.merchants.get(key)
        if row is not None:
            return MerchantView(key, row.name, row.number, row.acquirer, registered=True)
        return MerchantView(key, "", "", "", registered=False) if key and key in ledger.books else None

    async def _may_see(self, provider: str | None, key: str) -> bool:
        if provider is None:
            return True
        directory = self._engine.explainer.ledger.directory
        if self._served_by is not directory:
            self._served, self._served_by = {}, directory
        if provider not in self._served:
            served: set[str] = set()
            async for terminal in slowly(list(self._engine.fleet.terminals.values())):
                if terminal.cohort.provider == provider:
                    served.add(terminal.merchant)
            self._served[provider] = served
        return key in self._served[provider]
