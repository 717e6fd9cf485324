"""A plausible fleet out of nothing: a city's shops with their terminals.

Places and networks are dealt out in turn, not drawn, so that even a small fleet has every carrier in
every district; the same arguments give the same fleet. Shops have no opening hours unless asked for: a
demonstration at night shall not find everybody asleep. Where it can be wrong: names and numbers are
invented, and merchant numbers only look like real ones.
"""

import random
from itertools import count, cycle
from typing import Final, NamedTuple

from msgspec.structs import replace

from fleetmon.model.registry import Calendar, Host, Merchant, Network, Provider, Registry, Site, Terminal

_CENTRES: Final = {
    "changsha-yuhua": (28.137, 113.036),
    "changsha-tianxin": (28.113, 112.990),
    "changsha-yuelu": (28.235, 112.931),
    "changsha-kaifu": (28.256, 112.986),
}
# Two of five shops are in Yuhua.
_DISTRICTS: Final = ("changsha-yuhua", "changsha-tianxin", "changsha-yuelu", "changsha-yuhua", "changsha-kaifu")
_CARRIERS: Final = ("CMCC", "CUCC", "CMCC", "CTCC")
_SIZES: Final = (3, 2, 4, 1, 3)  # terminals in a shop
_NETWORKS: Final[tuple[Network, ...]] = ("4g", "4g", "4g", "4g", "wifi")  # of the shops of a district
_MODELS: Final = ("A920", "N910", "P2000")
_BRANDS: Final = ("湘江", "岳麓", "橘洲", "芙蓉", "潇湘", "洞庭", "坡子街", "天心阁", "麓山", "星沙", "火宫", "浏阳河")
_TRADES: Final = (
    ("5812", "湘菜馆"), ("5411", "超市"), ("5912", "大药房"), ("5814", "茶饮"), ("5541", "加油站"), ("7011", "酒店"),
    ("5651", "服饰"), ("5942", "书店"), ("5462", "烘焙"), ("5732", "数码"), ("7230", "美发"), ("5992", "花店"),
)  # fmt: skip
_HOSTS: Final = [
    Host("ACQ-XIANG", "acquirer", "湘江收单", "Z2001243000014", "2031-12-31"),
    Host("ACQ-LU", "acquirer", "麓山支付", "Z2005443000017", "2030-06-30"),
    Host("ACQ-FURONG", "acquirer", "芙蓉银行", "B0345H243010001", "2032-12-31"),
]
_PROVIDERS: Final = [Provider("SP-1", "长沙收付通服务"), Provider("SP-2", "三湘终端服务")]
_KNOWN_TO: Final = "2027-12-31"  # invented as the fleet is: holidays are published for one year at a time
_CITY_CODE: Final = "5510"
_OPEN: Final = {
    "5812": ["Mo-Su 10:00-22:00"], "5411": ["Mo-Su 07:30-22:30"], "5912": ["Mo-Su 08:30-21:30"],
    "5814": ["Mo-Th,Su 09:30-22:00", "Fr,Sa 09:30-23:30"], "5651": ["Mo-Su 10:00-22:00"],
    "5942": ["Tu-Su 09:30-21:00"], "5462": ["Mo-Su 07:00-21:00"], "5732": ["Mo-Su 10:00-21:30"],
    "7230": ["Tu-Su 10:00-22:00"], "5992": ["Mo-Sa 08:30-20:00", "Su 09:00-18:00"],
}  # fmt: skip


class _Shop(NamedTuple):
    merchant: Merchant
    site: Site
    network: Network
    size: int


def synthesise(terminals: int, seed: int = 1, interval_s: int = 60, *, hours: bool = False) -> Registry:
    """A registry with this many terminals, which promise a heartbeat every `interval_s` seconds.

    With `hours` shops open and close as their trade does; filling stations and hotels never do.
    """
    rng = random.Random(seed)  # noqa: S311 - a play, no secrets
    shops = _shops(terminals, rng)
    carriers = {district: cycle(_CARRIERS) for district in _CENTRES}
    numbers = count(1)
    rows = [
        _terminal(shop, next(numbers), next(carriers[shop.site.region]) if shop.network == "4g" else "", interval_s)
        for shop in shops
        for _ in range(shop.size)
    ]
    merchants = {shop.merchant.id: shop.merchant for shop in shops}
    return Registry(
        hosts=list(_HOSTS),
        providers=list(_PROVIDERS),
        merchants=list(merchants.values()),
        sites=[_opening(shop) if hours else shop.site for shop in shops],
        terminals=rows,
        calendar=Calendar(known_to=_KNOWN_TO),
    )


def _shops(terminals: int, rng: random.Random) -> list[_Shop]:
    networks = {district: cycle(_NETWORKS) for district in _CENTRES}
    shops: list[_Shop] = []
    sizes: list[int] = []
    left = terminals
    while left > 0:
        sizes = sizes or rng.sample(_SIZES, len(_SIZES))
        number = len(shops) + 1
        district = _DISTRICTS[number % len(_DISTRICTS)]
        network = next(networks[district])
        chain = bool(shops) and rng.random() < 0.25  # a further shop of a merchant known already
        merchant = rng.choice(shops).merchant if chain else _merchant(number, district, rng)
        size = min(sizes.pop(), left)
        shops.append(_Shop(merchant, _site(number, merchant, district, network, rng), network, size))
        left -= size
    return shops


def _merchant(number: int, district: str, rng: random.Random) -> Merchant:
    mcc, trade = rng.choice(_TRADES)
    acquirer = rng.choice(_HOSTS)
    # With a letter, as some have, so that it is never taken for a card number.
    identity = f"{898 + _HOSTS.index(acquirer)}{_CITY_CODE}{mcc}{chr(65 + number % 26)}{number // 26 % 1000:03d}"
    return Merchant(
        id=f"M{number:05d}",
        name=f"{rng.choice(_BRANDS)}{trade}",
        number=identity,
        mcc=mcc,
        region=district,
        acquirer=acquirer.id,
        provider=rng.choice(_PROVIDERS).id,
        cycle=rng.choice(("T+1", "T+1", "D+1", "D+0")),
        language="zh",
    )


def _site(number: int, merchant: Merchant, district: str, network: Network, rng: random.Random) -> Site:
    lat, lng = _CENTRES[district]
    return Site(
        id=f"S{number:05d}",
        merchant=merchant.id,
        region=district,
        lat=round(lat + rng.uniform(-0.02, 0.02), 5),
        lng=round(lng + rng.uniform(-0.02, 0.02), 5),
        ssid=f"shop-{number}" if network == "wifi" else "",
    )


def _opening(shop: _Shop) -> Site:
    return replace(shop.site, hours=_OPEN.get(shop.merchant.mcc, []))


def _terminal(shop: _Shop, number: int, carrier: str, interval_s: int) -> Terminal:
    merchant, site = shop.merchant, shop.site
    return Terminal(
        id=f"T{number:06d}",
        merchant=merchant.id,
        site=site.id,
        region=site.region,
        carrier=carrier,
        acquirer=merchant.acquirer,
        provider=merchant.provider,
        model=_MODELS[number % len(_MODELS)],
        serial=f"SN{number:08d}",
        interval_s=interval_s,
        network=shop.network,
    )
