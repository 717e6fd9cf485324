"""What really leaves by each kind of address, and what counts as taken: receivers on real sockets.

WeCom, DingTalk, Feishu and PagerDuty have fixed addresses; their own are put in their place, without TLS.
"""

import asyncio
import base64
import email
import email.policy
import hashlib
import hmac
import json
import logging
import socketserver
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from apprise.plugins import pagerduty
from apprise.plugins.dingtalk import NotifyDingTalk
from apprise.plugins.feishu import NotifyFeishu
from apprise.plugins.wecombot import NotifyWeComBot

from fleetmon.model.errors import SinkError
from fleetmon.sinks import courier
from fleetmon.sinks.courier import Courier
from fleetmon.sinks.message import Message

KEY = "s3cr3tk3y"
PAGE = Message("告警：*终端* <T1>", "第一行\nsecond _line_ & more", key="tamper-1", kind="call")
END = Message("Over", "all is well", key="tamper-1", kind="end")


class Receiver:
    """An HTTP server that keeps what it was sent, and answers as it is told to."""

    def __init__(self) -> None:
        self.heard: list[tuple[str, Any]] = []
        self.status = 200
        self.answer: bytes = b'{"errcode": 0, "code": 0}'
        self.let_go = threading.Event()
        self.let_go.set()
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                receiver.heard.append((self.path, json.loads(body)))
                receiver.let_go.wait(30)
                self.send_response(receiver.status)
                self.send_header("Content-Length", str(len(receiver.answer)))
                self.end_headers()
                self.wfile.write(receiver.answer)

            def log_message(self, *_: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.host = f"127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()


@pytest.fixture
def receiver(monkeypatch: pytest.MonkeyPatch) -> Iterator[Receiver]:
    found = Receiver()
    url = f"http://{found.host}"
    monkeypatch.setattr(NotifyWeComBot, "notify_url", url + "/wecom?key={key}")
    monkeypatch.setattr(NotifyDingTalk, "notify_url", url + "/dingtalk?access_token={token}")
    monkeypatch.setattr(NotifyFeishu, "notify_url", url + "/feishu/{token}/")
    monkeypatch.setitem(pagerduty.PAGERDUTY_API_LOOKUP, pagerduty.PagerDutyRegion.US, url + "/pagerduty")
    yield found
    found.let_go.set()
    found.server.shutdown()
    found.server.server_close()


def address(scheme: str, receiver: Receiver) -> str:
    return {
        "json": f"json://{receiver.host}/{KEY}", "wecombot": f"wecombot://{KEY}", "feishu": f"feishu://{KEY}",
        "dingtalk": f"dingtalk://{KEY}", "pagerduty": f"pagerduty://{KEY}@{KEY}",
    }[scheme]  # fmt: skip


SCHEMES = ("json", "wecombot", "dingtalk", "feishu", "pagerduty")


async def test_a_webhook_gets_title_text_and_what_to_know_it_by(receiver: Receiver) -> None:
    one = Courier(address("json", receiver))
    await one.carry(PAGE)
    await one.carry(END)
    (path, said), (_, end) = receiver.heard
    assert path == f"/{KEY}"
    assert (said["title"], said["message"], said["type"]) == (PAGE.title, PAGE.text, "failure")
    assert (said["id"], said["kind"]) == ("tamper-1", "call")
    assert (end["id"], end["kind"], end["type"]) == ("tamper-1", "end", "success")


async def test_text_is_plain_and_nothing_in_it_is_markup(receiver: Receiver) -> None:
    whole = f"{PAGE.title}\n{PAGE.text}"
    for scheme in ("wecombot", "dingtalk", "feishu"):
        await Courier(address(scheme, receiver)).carry(PAGE)
    (wecom, said), (dingtalk, ding), (feishu, fei) = receiver.heard
    assert (wecom, said) == (f"/wecom?key={KEY}", {"msgtype": "text", "text": {"content": whole}})
    assert (dingtalk, ding["msgtype"], ding["text"]) == (f"/dingtalk?access_token={KEY}", "text", {"content": whole})
    assert (feishu, fei["msg_type"]) == (f"/feishu/{KEY}/", "text")
    assert fei["content"]["text"].split() == whole.split()


async def test_what_is_too_long_is_cut_between_two_characters(receiver: Receiver) -> None:
    await Courier(address("wecombot", receiver)).carry(Message("题", "长" * 3_000))
    content = receiver.heard[0][1]["text"]["content"]
    assert 2_040 < len(content.encode()) <= 2_048
    assert set(content) == set("题\n长…")


async def test_dingtalk_can_check_who_sent_it(receiver: Receiver) -> None:
    await Courier(f"dingtalk://SECsecret@{KEY}").carry(PAGE)
    asked = {name: value[0] for name, value in parse_qs(urlsplit(receiver.heard[0][0]).query).items()}
    signed = hmac.new(b"SECsecret", f"{asked['timestamp']}\nSECsecret".encode(), hashlib.sha256).digest()
    assert asked["sign"] == base64.b64encode(signed).decode()


async def test_pagerduty_opens_calls_again_and_closes_one_incident(receiver: Receiver) -> None:
    one = Courier(address("pagerduty", receiver))
    assert one.takes_single_ones
    for message in (PAGE, PAGE._replace(kind="again"), END):
        await one.carry(message)
    said = [body for _, body in receiver.heard]
    assert [body["event_action"] for body in said] == ["trigger", "resolve", "trigger", "resolve"]
    assert {(body["routing_key"], body["dedup_key"]) for body in said} == {(KEY, "tamper-1")}
    assert said[0]["payload"]["summary"] == PAGE.title
    assert said[0]["payload"]["custom_details"] == {"text": PAGE.text}
    assert said[0]["payload"]["source"] == "fleetmon"
    assert "images" not in said[0], "nothing is fetched from elsewhere"


@pytest.mark.parametrize("scheme", SCHEMES)
async def test_what_is_not_taken_is_known_and_its_key_is_never_shown(
    scheme: str, receiver: Receiver, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    caplog.set_level(logging.DEBUG)
    one = Courier(address(scheme, receiver))
    receiver.status = 500
    with pytest.raises(SinkError) as refused:
        await one.carry(PAGE)
    receiver.server.shutdown()
    receiver.server.server_close()
    with pytest.raises(SinkError) as unreachable:
        await one.carry(PAGE)
    assert "500" in str(refused.value)
    assert refused.value.retryable
    shown = f"{refused.value!r} {unreachable.value!r} {caplog.text} {capfd.readouterr()}"
    assert KEY not in shown


@pytest.mark.parametrize("scheme", ["wecombot", "dingtalk", "feishu"])
async def test_a_refusal_with_status_200_is_a_refusal(scheme: str, receiver: Receiver) -> None:
    receiver.answer = b'{"errcode": 45009, "errmsg": "api freq out of limit", "code": 9499}'
    with pytest.raises(SinkError):
        await Courier(address(scheme, receiver)).carry(PAGE)
    receiver.answer = b"<html>a proxy that wants a login</html>"
    if scheme != "feishu":  # whose answer Apprise reads itself
        with pytest.raises(SinkError):
            await Courier(address(scheme, receiver)).carry(PAGE)


async def test_a_receiver_that_hangs_holds_up_nobody(receiver: Receiver, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(courier, "PATIENCE_S", 0.2)
    receiver.let_go.clear()
    one, ticks = Courier(address("json", receiver)), 0

    async def tick() -> None:
        nonlocal ticks
        while True:
            await asyncio.sleep(0.01)
            ticks += 1

    ticking = asyncio.create_task(tick())
    with pytest.raises(SinkError, match="no answer in time"):
        await one.carry(PAGE)
    assert ticks > 3
    with pytest.raises(SinkError):
        await one.carry(PAGE)
    assert len(receiver.heard) == 1, "a second one is not begun while the first is under way"
    receiver.let_go.set()
    monkeypatch.setattr(courier, "PATIENCE_S", 10)
    await one.carry(END)
    ticking.cancel()


@pytest.mark.parametrize(
    "url", ["", "s3cr3tk3y", "nonsense://s3cr3tk3y", "wecombot://", "https://example.org/s3cr3tk3y"]
)
def test_what_is_no_address_is_refused_without_being_shown(url: str, capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SinkError, match="not an address that Apprise knows") as refused:
        Courier(url)
    assert KEY not in f"{refused.value!r}" + "".join(capfd.readouterr())


class Mailbox(socketserver.ThreadingTCPServer):
    """A mail server: as much of SMTP as a client needs."""

    daemon_threads = True
    allow_reuse_address = True

    def __init__(self) -> None:
        self.letters: list[tuple[list[str], email.message.EmailMessage]] = []
        super().__init__(("127.0.0.1", 0), _Clerk)


class _Clerk(socketserver.StreamRequestHandler):
    def handle(self) -> None:
        to: list[str] = []
        self.wfile.write(b"220 here\r\n")
        for line in self.rfile:
            word = line[:4].upper()
            if word == b"DATA":
                self.wfile.write(b"354 go on\r\n")
                raw = b"".join(iter(self.rfile.readline, b".\r\n"))
                assert isinstance(self.server, Mailbox)
                letter = email.message_from_bytes(raw, policy=email.policy.default)
                self.server.letters.append((to, letter))
            elif word == b"RCPT":
                to.append(line.decode().strip())
            self.wfile.write(b"250 fine\r\n" if word != b"QUIT" else b"221 bye\r\n")
            if word == b"QUIT":
                return


@pytest.fixture
def mailbox() -> Iterator[Mailbox]:
    with Mailbox() as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server
        server.shutdown()


async def test_mail_has_a_subject_and_text_and_a_report_its_picture(mailbox: Mailbox) -> None:
    where = f"127.0.0.1:{mailbox.server_address[1]}"
    one = Courier(f"mailto://{where}?from=fleetmon@example.org&to=oncall@example.org&mode=insecure")
    await one.carry(PAGE)
    await one.carry(Message("Morning report", "plain", html="<h1>Report</h1>"))
    (to, page), (_, report) = mailbox.letters
    assert to == ["rcpt TO:<oncall@example.org>"]
    assert page["Subject"] == PAGE.title
    text = page.get_body(("plain",))
    assert text is not None
    assert text.get_content().split() == PAGE.text.split()
    html = report.get_body(("html",))
    assert html is not None
    assert "<h1>Report</h1>" in html.get_content()
