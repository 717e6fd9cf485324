"""From bytes to events: nothing but DecodeError, nothing kept that must not be."""

import json
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from fleetmon.ingest.intake import MAX_PAYLOAD, Intake, Publication, decode
from fleetmon.ingest.quarantine import KEPT_BYTES, Quarantine
from fleetmon.model.errors import DecodeError
from fleetmon.model.topics import Kind, Topics

BEAT = {"at": 1_790_000_000_000, "boot": 1, "seq": 1}
CARD = "4111111111111111"
jsons = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


@given(kind=st.sampled_from(Kind), payload=st.binary() | jsons.map(lambda value: json.dumps(value).encode()))
@example(kind=Kind.HEARTBEAT, payload=b"[" * 50_000)
@example(kind=Kind.HEARTBEAT, payload=b'{"at":1,"boot":1,"seq":1,"x":' + b"[" * 50_000)
@example(kind=Kind.HEALTH, payload=b'{"at":1,"window_s":1,"requests":1,"codes":{"\xff":1}}')
def test_decoding_raises_nothing_but_decode_error(kind: Kind, payload: bytes) -> None:
    reason = None
    try:
        event = decode(kind, payload)
    except DecodeError as error:
        reason, event = error.reason, None
    assert isinstance(event, kind.struct) or reason in {"too_large", "json", "field", "pan"}


@given(topic=st.text(), payload=st.binary(), retain=st.booleans())
def test_taking_raises_nothing_and_loses_nothing(topic: str, payload: bytes, retain: bool) -> None:
    quarantine = Quarantine()
    intake = Intake(Topics(), quarantine)
    messages = intake.take([Publication(topic, payload, retain)], 1)
    assert len(messages) + quarantine.counts.total() + intake.counts["withdrawn"] == 1


@pytest.mark.parametrize(
    ("topic", "detail"),
    [
        ("pos/v1/terminals/T1/state", 'after pos/v1/ "terminals" stands where host, merchant or terminal has to'),
        ("pos/v1", 'after pos/v1/ "pos" stands where'),
        ("pos/v1/terminal/终端/heartbeat", '"终端" is no id of a terminal: 1..64 of A-Z'),
        ("pos/v1/terminal", '"" is no id of a terminal'),
        ("pos/v1/terminal/T1", '"" is nothing that a terminal tells; it tells state, heartbeat, device, transaction,'),
        ("pos/v1/host/UMS/transaction", '"transaction" is nothing that a host tells; it tells health, notice, file'),
        ("pos/v1/host/UMS/notice", "a notice has its id as the last level"),
        ("pos/v1/terminal/T1/state/x", "nothing else has more levels"),
    ],
)
def test_a_wrong_topic_is_told_what_is_wrong_with_it(topic: str, detail: str) -> None:
    quarantine = Quarantine()
    assert Intake(Topics(), quarantine).take([Publication(topic, b"{}")], 1) == []
    (refused,) = quarantine.take()
    assert (refused.reason, detail in refused.detail) == ("topic", True), refused.detail


@pytest.mark.parametrize(
    ("payload", "reason"),
    [
        (b"", "json"),
        (b"{", "json"),
        (b"\xff\xfe", "json"),
        (b'{"at":1,"boot":1,"seq":1,"note":"\xff"}', "json"),
        (b"[]", "field"),
        (b'{"at":1,"boot":1}', "field"),
        (b'{"at":1.0,"boot":1,"seq":1}', "field"),
        (b'{"at":-1,"boot":1,"seq":1}', "field"),
        (b'{"at":1,"boot":1,"seq":99999999999999999999}', "field"),
        (b'{"at":1,"boot":1,"seq":1,"power":{"battery":1.5}}', "field"),
        (b'{"at":1,"boot":1,"seq":1,"x":"' + b"y" * MAX_PAYLOAD + b'"}', "too_large"),
        (json.dumps({**BEAT, "note": f"card {CARD}"}).encode(), "pan"),
        (json.dumps({**BEAT, "unknown": [{"deep": CARD}]}).encode(), "pan"),
        (json.dumps({**BEAT, CARD: 1}).encode(), "pan"),
        (json.dumps({**BEAT, "note": CARD}).replace("4111", "\\u0034111").encode(), "pan"),
        (f'{{"at":{CARD}, broken'.encode(), "pan"),
        (json.dumps({"at": "x", "note": CARD}).encode(), "pan"),
    ],
)
def test_why_a_heartbeat_is_refused(payload: bytes, reason: str) -> None:
    for known in ((), ("T1",)):  # by the slow way, then by that of a terminal that is known
        quarantine = Quarantine()
        intake = Intake(Topics(), quarantine, known=known)
        assert intake.take([Publication("pos/v1/terminal/T1/heartbeat", payload)], 1) == []
        assert quarantine.counts == {reason: 1}
        kept = quarantine.take()[0]
        assert CARD not in f"{kept.payload}{kept.detail}{kept.topic}"
        assert len(kept.payload or "") <= KEPT_BYTES
        assert ("what may be a card number" in kept.detail) == (reason == "pan")


def test_numbers_that_look_like_cards_are_no_cards() -> None:
    sale: dict[str, Any] = {**BEAT, "id": CARD, "kind": "sale", "stage": "approved", "amount": 4111111111111111}
    decode(Kind.TRANSACTION, json.dumps({**sale, "rrn": CARD, "card": "622588******1234"}).encode())
    with pytest.raises(DecodeError, match="card number"):
        decode(Kind.TRANSACTION, json.dumps({**sale, "rrn": CARD, "card": "411111******1111"}).encode())


@pytest.mark.parametrize(
    ("topic", "payload"),
    [
        ("pos/v1/terminal/T1/foo", json.dumps({"x": CARD}).encode()),
        ("pos/v1/terminal/T1/heartbeat", json.dumps({**BEAT, "x": CARD, "y": "z" * MAX_PAYLOAD}).encode()),
        ("nonsense", CARD.encode("utf-16")),
        ("nonsense", CARD.replace("1", "\\u0031").encode()),
    ],
)
def test_whatever_the_reason_no_card_number_is_kept(topic: str, payload: bytes) -> None:
    quarantine = Quarantine()
    Intake(Topics(), quarantine).take([Publication(topic, payload)], 1)
    assert quarantine.take()[0].payload is None


def test_a_card_number_in_a_topic_is_refused_and_cut() -> None:
    quarantine = Quarantine()
    Intake(Topics(), quarantine).take([Publication(f"pos/v1/terminal/{CARD}/heartbeat", json.dumps(BEAT).encode())], 1)
    kept = quarantine.take()[0]
    assert kept.reason == "pan"
    assert CARD not in kept.topic


def test_an_empty_retained_payload_withdraws() -> None:
    quarantine = Quarantine()
    intake = Intake(Topics(), quarantine)
    assert intake.take([Publication("pos/v1/terminal/T1/state", b"")], 1) == []
    assert intake.counts["withdrawn"] == 1
    assert not quarantine.counts


def test_the_id_of_a_notice_is_that_of_its_topic() -> None:
    notice = json.dumps({"id": "n1", "event": "scheduled", "at": 1, "starts_at": 1, "ends_at": 2}).encode()
    quarantine = Quarantine()
    intake = Intake(Topics(), quarantine)
    assert len(intake.take([Publication("pos/v1/host/ACQ/notice/n1", notice)], 1)) == 1
    assert intake.take([Publication("pos/v1/host/ACQ/notice/n2", notice)], 1) == []
    assert quarantine.counts == {"field": 1}


def test_a_known_terminal_takes_the_quick_way_and_nothing_else_does() -> None:
    quarantine = Quarantine()
    intake = Intake(Topics("a/b"), quarantine, known={"T1"})
    payload = json.dumps(BEAT).encode()
    topics = ["a/b/terminal/T1/heartbeat", "x/b/terminal/T1/heartbeat", "a/b/terminal/T1/Heartbeat", "T1/heartbeat"]
    messages = intake.take([Publication(topic, payload) for topic in topics], 1)
    assert [message.topic for message in messages] == topics[:1]
    assert quarantine.counts == {"topic": 3}


def test_the_quarantine_is_bounded() -> None:
    quarantine = Quarantine(capacity=3)
    for number in range(10):
        quarantine.put(number, "t", b"x", DecodeError("json"))
    assert [kept.received_at for kept in quarantine.take()] == [7, 8, 9]
    assert quarantine.counts == {"json": 10}
    assert quarantine.take() == []
