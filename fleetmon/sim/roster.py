"""The registry seen from a terminal: what it is, where the shop or the merchant says so for it."""

from fleetmon.model.events import Attribute
from fleetmon.model.registry import Registry

FIRMWARE = "7.1.4"  # one for all


def attributes(registry: Registry) -> dict[str, dict[Attribute, str]]:
    """What a selector can ask for, by terminal."""
    merchants = {merchant.id: merchant for merchant in registry.merchants}
    sites = {site.id: site for site in registry.sites}
    known: dict[str, dict[Attribute, str]] = {}
    for row in registry.terminals:
        site, merchant = sites.get(row.site), merchants.get(row.merchant)
        known[row.id] = {
            "terminal": row.id,
            "merchant": row.merchant,
            "site": row.site,
            "region": row.region or (site.region if site else "") or (merchant.region if merchant else ""),
            "carrier": row.carrier,
            "acquirer": row.acquirer or (merchant.acquirer if merchant else ""),
            "provider": row.provider or (merchant.provider if merchant else ""),
            "model": row.model,
            "firmware": FIRMWARE,
            "network": row.network or "",
        }
    return known
