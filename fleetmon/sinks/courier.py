"""Carries a message to one receiver, through Apprise: mail, PagerDuty, WeCom, DingTalk, Feishu, a webhook.

Text is plain everywhere, so nothing in it can be taken for markup. Apprise is synchronous, so each message has a
thread of its own, and a receiver that hangs holds up nobody else. An address holds keys: it is never shown, and of
what Apprise says of a failure only a number or a few words of our own are.
WeCom and DingTalk refuse with status 200 and an `errcode`, which Apprise 2.3 takes for success (and it encodes
DingTalk's signature twice), so those two are posted to by ourselves.
Where it can be wrong: what is given up after a minute may still arrive, and is sent again.
"""

import asyncio
import contextlib
import logging
import re
import threading
from collections.abc import Callable
from functools import partial
from typing import Any, Final

import apprise
import requests
from apprise.plugins.custom_json import NotifyJSON
from apprise.plugins.dingtalk import NotifyDingTalk
from apprise.plugins.pagerduty import NotifyPagerDuty, PagerDutyAction
from apprise.plugins.wecombot import NotifyWeComBot

from fleetmon.model.errors import SinkError
from fleetmon.sinks.message import Kind, Message

PATIENCE_S: Final = 60.0  # Apprise itself waits four seconds for an answer, fifteen for a mail server
_ANSWER_S: Final = 10.0
_WECOM_BYTES: Final = 2_048
_DINGTALK_BYTES: Final = 18_000
_PAGERDUTY_SUMMARY: Final = 1_024
_NO_PICTURES: Final[dict[str, Any]] = {"image_url_mask": "", "image_url_logo": "", "image_path_mask": ""}
_TYPES: Final[dict[Kind, apprise.NotifyType]] = {
    "call": apprise.NotifyType.FAILURE,
    "again": apprise.NotifyType.FAILURE,
    "end": apprise.NotifyType.SUCCESS,
    "note": apprise.NotifyType.INFO,
}
_STATUS: Final = re.compile(r"error=(\d{3})\b")
_LOGGERS: Final = ("apprise", "urllib3")  # whose lines may hold keys


class Courier:
    """Brings messages to one address."""

    def __init__(self, url: str) -> None:
        """Raises SinkError for what is no address; never shows it."""
        self._receiver = _receiver(url)
        self._busy = threading.Lock()  # while one that was given up is still at it

    async def carry(self, message: Message) -> None:
        """Send it; raises SinkError when the receiver has not taken it within a minute."""
        try:
            async with asyncio.timeout(PATIENCE_S):
                await _aside(partial(self._in_turn, message))
        except TimeoutError:
            raise SinkError("no answer in time", retryable=True) from None

    @property
    def takes_single_ones(self) -> bool:
        """Whether each incident has to be told by itself, as the receiver keeps track of them."""
        return isinstance(self._receiver, NotifyPagerDuty)

    def _in_turn(self, message: Message) -> None:
        if not self._busy.acquire(timeout=PATIENCE_S):
            raise SinkError("has not answered the last message yet", retryable=True)
        try:
            self._send(message)
        except SinkError:
            raise
        except Exception as error:  # noqa: BLE001 - whatever a plugin of Apprise stumbles over; its words may hold a key
            raise SinkError(f"cannot be sent: {type(error).__name__}", retryable=True) from None
        finally:
            self._busy.release()

    def _send(self, message: Message) -> None:
        receiver = self._receiver
        if isinstance(receiver, NotifyPagerDuty):
            _call(receiver, message)
        elif isinstance(receiver, NotifyWeComBot):
            _post(receiver.api_url, {"msgtype": "text", "text": {"content": _whole(message, _WECOM_BYTES)}})
        elif isinstance(receiver, NotifyDingTalk):
            _to_dingtalk(receiver, message)
        else:
            if isinstance(receiver, NotifyJSON):
                receiver.payload_extras = {"id": message.key, "kind": message.kind}
            kind = _TYPES[message.kind]
            if message.html is not None and _reads_html(receiver):
                _notify(receiver, message.html, kind, message.title, apprise.NotifyFormat.HTML)
            else:
                _notify(receiver, message.text, kind, message.title)


def _call(receiver: NotifyPagerDuty, message: Message) -> None:
    """PagerDuty opens and closes an incident of its own by the key."""
    receiver.dedup, receiver.details = message.key or None, {"text": message.text}
    if message.kind in ("end", "again"):  # of a key that is open people are told nothing new
        receiver.action = PagerDutyAction.RESOLVE
        _notify(receiver, message.title, apprise.NotifyType.SUCCESS)
    if message.kind != "end":
        receiver.action = PagerDutyAction.TRIGGER
        _notify(receiver, message.title[:_PAGERDUTY_SUMMARY], _TYPES[message.kind])


def _to_dingtalk(receiver: Any, message: Message) -> None:  # noqa: ANN401 - part of it has no types
    url = receiver.notify_url.format(token=receiver.token)
    if receiver.secret:
        timestamp, signature = receiver.get_signature()
        url = f"{url}&timestamp={timestamp}&sign={signature}"
    at = {"atMobiles": receiver.targets, "isAtAll": False}
    _post(url, {"msgtype": "text", "at": at, "text": {"content": _whole(message, _DINGTALK_BYTES)}})


def _receiver(url: str) -> apprise.NotifyBase:
    for name in _LOGGERS:
        logger = logging.getLogger(name)
        logger.handlers, logger.propagate = [_EAR], False
    asset = apprise.AppriseAsset(app_id="fleetmon", app_desc="fleetmon", app_url="", **_NO_PICTURES)
    found = apprise.Apprise.instantiate(url, asset=asset)
    if not isinstance(found, apprise.NotifyBase):
        raise SinkError("not an address that Apprise knows; see https://appriseit.com/services/", retryable=False)
    if isinstance(found, NotifyPagerDuty) and found.source == NotifyPagerDuty.template_tokens["source"]["default"]:
        found.source = "fleetmon"
    found.request_rate_per_sec = 0  # how much is sent in a minute is seen to by the route
    return found


def _reads_html(receiver: apprise.NotifyBase) -> bool:
    form: Any = receiver.notify_format  # one, or several in order of preference
    return bool((form if isinstance(form, str) else form[0]) == apprise.NotifyFormat.HTML)


def _notify(
    receiver: apprise.NotifyBase,
    text: str,
    kind: apprise.NotifyType,
    title: str = "",
    form: apprise.NotifyFormat = apprise.NotifyFormat.TEXT,
) -> None:
    """Raises SinkError when it was not taken."""
    _EAR.heard.last = ""
    if not receiver.notify(body=text, title=title, notify_type=kind, body_format=form):
        status = _STATUS.search(_EAR.heard.last)
        raise SinkError(f"status {status[1]}" if status else "not reached, or not taken", retryable=True)


def _post(url: str, body: dict[str, Any]) -> None:
    """For those who refuse with status 200."""
    try:
        answer = requests.post(url, json=body, timeout=_ANSWER_S, allow_redirects=False)
        code = answer.json().get("errcode") if answer.status_code == requests.codes.ok else None
    except (requests.RequestException, ValueError, AttributeError) as error:
        raise SinkError(f"not reached, or no answer of theirs: {type(error).__name__}", retryable=True) from None
    if code != 0:
        raise SinkError(f"errcode {code}" if code else f"status {answer.status_code}", retryable=True)


def _whole(message: Message, most: int) -> str:
    """Title and text, in so many bytes at most."""
    raw = f"{message.title}\n{message.text}".encode()
    return raw.decode() if len(raw) <= most else raw[: most - 3].decode(errors="ignore") + "\u2026"


class _Ear(logging.Handler):
    """Keeps to itself what is logged, the last line for whoever is in the same thread."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.heard = threading.local()

    def emit(self, record: logging.LogRecord) -> None:
        self.heard.last = record.getMessage()


_EAR: Final = _Ear()


async def _aside(do: Callable[[], None]) -> None:
    """Do it in a thread that nobody has to wait for, neither the loop nor the end of the process."""
    loop = asyncio.get_running_loop()
    done = loop.create_future()

    def tell(error: Exception | None) -> None:
        if done.done():
            return
        if error is None:
            done.set_result(None)
        else:
            done.set_exception(error)

    def run() -> None:
        failure: Exception | None = None
        try:
            do()
        except SinkError as error:
            failure = error
        with contextlib.suppress(RuntimeError):  # the loop has ended
            loop.call_soon_threadsafe(tell, failure)

    threading.Thread(target=run, name="courier", daemon=True).start()
    await done
