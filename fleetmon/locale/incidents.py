"""What an incident is called, what it means and what to do first.

A summary is one static sentence of the kind and its scope, so that it never changes while an incident
lasts; numbers and times stand in the description.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta, timezone
from typing import Final, Literal, NamedTuple

Language = Literal["zh", "en"]
LANGUAGES: Final[tuple[Language, ...]] = ("zh", "en")
_CHINA: Final = timezone(timedelta(hours=8), "Asia/Shanghai")  # no daylight saving since 1991


class Text(NamedTuple):
    """Templates of one kind in one language. Fields: the scope's attributes, `where`, `count`, `since`."""

    summary: str
    description: str


_TEXTS: Final[Mapping[str, Mapping[Language, Text]]] = {
    "terminal_offline": {
        "en": Text(
            "Terminal {terminal} is offline",
            "Silent since {since} while its neighbours are heard. Merchant: check power and network of the terminal.",
        ),
        "zh": Text("终端 {terminal} 离线", "自 {since} 起无心跳，同网点其他终端正常。请商户检查该终端的电源和网络。"),
    },
    "site_outage": {
        "en": Text(
            "Site {site} is offline",
            "All {count} terminals silent since {since}. Merchant: check the shop's power and router first.",
        ),
        "zh": Text("网点 {site} 全部离线", "自 {since} 起 {count} 台终端均无心跳。请商户先检查门店电源和路由器。"),
    },
    "carrier_outage": {
        "en": Text(
            "Carrier {carrier} is down in {where}",
            "{count} terminals silent together since {since}. Call the carrier; sales taken meanwhile are stored "
            "in the terminals and uploaded when the network is back.",
        ),
        "zh": Text(
            "运营商 {carrier} 在 {where} 中断",
            "自 {since} 起 {count} 台终端同时失联。请联系运营商；期间的交易暂存在终端，网络恢复后自动上送。",
        ),
    },
    "tamper": {
        "en": Text(
            "Terminal {terminal} is locked by its tamper protection",
            "Reported at {since}. No card can be taken. Provider: replace the device and keep it for examination.",
        ),
        "zh": Text("终端 {terminal} 触发防拆锁定", "{since} 上报，无法受理银行卡。请服务商派员更换，并保留设备待查。"),
    },
    "device_fault": {
        "en": Text(
            "Terminal {terminal} has a broken part",
            "Reported at {since}. Provider: look up which part, and plan a visit with the spare.",
        ),
        "zh": Text("终端 {terminal} 硬件故障", "{since} 上报。请服务商查看故障部件，携带备件安排上门。"),
    },
    "battery": {
        "en": Text(
            "Terminal {terminal} has no power left",
            "Reported at {since}. Merchant: put the terminal on its charger and check the socket.",
        ),
        "zh": Text("终端 {terminal} 电量耗尽或断电", "{since} 上报。请商户将终端放回充电座，并检查插座。"),
    },
    "host_outage": {
        "en": Text(
            "Host {host} fails",
            "Signed off, or failing requests, since {since}. Acquirer: confirm the outage and its end. "
            "Approved sales are safe; do not swipe again before a reversal is settled.",
        ),
        "zh": Text(
            "机构 {host} 系统故障",
            "自 {since} 起签退或大量请求失败。请收单机构确认故障和恢复时间。"
            "已批准的交易不受影响；冲正完成前请勿重复刷卡。",
        ),
    },
    "ingest_impaired": {
        "en": Text(
            "fleetmon is deaf: its link to the broker is lost",
            "Nothing heard since {since}. The state of the fleet is unknown; no terminal is reported silent. "
            "Check the broker and the network between it and fleetmon.",
        ),
        "zh": Text(
            "fleetmon 失聪：与消息服务器的连接中断",
            "自 {since} 起收不到任何消息。终端状态未知，不会误报离线。请检查消息服务器及其与 fleetmon 之间的网络。",
        ),
    },
}
_EVERYWHERE: Final[Mapping[Language, str]] = {"zh": "全网", "en": "all regions"}


def describe(kind: str, scope: Mapping[str, str], terminals: int, since_ms: int, language: Language) -> tuple[str, str]:
    """Summary and description of an incident; raises KeyError for a kind without texts."""
    text = _TEXTS[kind][language]
    fields = {
        **scope,
        "where": scope.get("region", _EVERYWHERE[language]),
        "count": terminals,
        "since": local_time(since_ms),
    }
    return text.summary.format_map(fields), text.description.format_map(fields)


def local_time(at_ms: int) -> str:
    """Date and time of day in Asia/Shanghai."""
    return datetime.fromtimestamp(at_ms / 1000, _CHINA).strftime("%Y-%m-%d %H:%M:%S")
