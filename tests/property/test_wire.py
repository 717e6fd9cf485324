"""The wire contract holds for whatever bytes arrive."""

import datetime
import re
from collections.abc import Callable
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fleetmon.ingest.intake import decode
from fleetmon.model.errors import DecodeError
from fleetmon.model.events import Date, Event
from fleetmon.model.topics import Kind

KINDS = st.sampled_from(Kind)
WRONG: tuple[object, ...] = ([], {}, "x\n", -1, 1.5, True, None)
scalars = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text()
documents = st.recursive(scalars, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=20)


def integers(kind: msgspec.inspect.IntType) -> st.SearchStrategy[Any]:
    return st.integers(kind.ge, kind.le)


def numbers(kind: msgspec.inspect.FloatType) -> st.SearchStrategy[Any]:
    return st.floats(kind.ge, kind.le, allow_nan=False, allow_infinity=False)


def texts(kind: msgspec.inspect.StrType) -> st.SearchStrategy[Any]:
    pattern, least = kind.pattern, kind.min_length or 0
    if pattern is None:
        return st.text(st.characters(exclude_categories=["Cs"]), min_size=least, max_size=kind.max_length)
    if kind.max_length is not None:
        return st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=least, max_size=kind.max_length)
    found = st.from_regex(re.sub(r"\(\?!.*?\)", "", pattern).replace("$", r"\Z"))
    return found.filter(lambda text: re.search(pattern, text) is not None)


def structs(kind: msgspec.inspect.StructType) -> st.SearchStrategy[Any]:
    return st.builds(kind.cls, **{field.name: values(field.type) for field in kind.fields})


STRATEGIES: dict[type[msgspec.inspect.Type], Callable[[Any], st.SearchStrategy[Any]]] = {
    msgspec.inspect.Metadata: lambda kind: values(kind.type),
    msgspec.inspect.IntType: integers,
    msgspec.inspect.FloatType: numbers,
    msgspec.inspect.StrType: texts,
    msgspec.inspect.BoolType: lambda _: st.booleans(),
    msgspec.inspect.NoneType: lambda _: st.none(),
    msgspec.inspect.LiteralType: lambda kind: st.sampled_from(kind.values),
    msgspec.inspect.UnionType: lambda kind: st.one_of([values(one) for one in kind.types]),
    msgspec.inspect.ListType: lambda kind: st.lists(values(kind.item_type), max_size=4),
    msgspec.inspect.DictType: lambda kind: st.dictionaries(values(kind.key_type), values(kind.value_type), max_size=4),
    msgspec.inspect.StructType: structs,
}


def values(kind: msgspec.inspect.Type) -> st.SearchStrategy[Any]:
    """Every value that a type of the contract allows."""
    return STRATEGIES[type(kind)](kind)


EVENTS = {kind: values(msgspec.inspect.type_info(kind.struct)) for kind in Kind}
events = KINDS.flatmap(lambda kind: st.tuples(st.just(kind), EVENTS[kind]))


@settings(deadline=None)
@given(KINDS, st.binary(max_size=200) | documents.map(msgspec.json.encode))
def test_any_bytes_are_decoded_or_refused_by_the_codec(kind: Kind, payload: bytes) -> None:
    try:
        event = msgspec.json.decode(payload, type=kind.struct)
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError):
        return
    assert isinstance(event, kind.struct)


@settings(deadline=None)
@given(KINDS, st.binary(max_size=200) | documents.map(msgspec.json.encode))
def test_any_bytes_are_decoded_or_refused_with_a_reason_by_the_intake(kind: Kind, payload: bytes) -> None:
    assert reason_of(kind, payload) in (None, "json", "field", "pan")


def reason_of(kind: Kind, payload: bytes) -> str | None:
    try:
        decode(kind, payload)
    except DecodeError as error:
        return error.reason
    return None


@pytest.mark.parametrize(
    ("payload", "reason"),
    [
        (b"", "json"),
        (b"\xff", "json"),
        (b'{"at":1,"boot":1,"seq":1,"net":{"cell":"\xff"}}', "json"),
        (b'{"at":1,"boot":1,"seq":1,"net":{"cell":"\\ud800"}}', "json"),
        (b"[" * 60_000, "field"),
        (b'{"x":' + b"[" * 60_000, "json"),
        (b'{"at":1,"boot":1,"seq":1,"x":' + b"[" * 900 + b'"4111111111111111"' + b"]" * 900 + b"}", "pan"),
        (b'{"at":1,"boot":1,"seq":1,"uptime_s":1e400}', "field"),
        (b'{"at":1,"boot":1,"seq":99999999999999999999}', "field"),
        (b'{"at":1.0,"boot":1,"seq":1}', "field"),
        (b'{"at":1,"boot":1,"seq":true}', "field"),
        (b'{"at":1,"boot":1,"seq":1}' + b" " * 65_536, "too_large"),
    ],
)
def test_what_is_known_to_be_awkward_is_refused_with_its_reason(payload: bytes, reason: str) -> None:
    assert reason_of(Kind.HEARTBEAT, payload) == reason


@settings(deadline=None)
@given(events)
def test_every_valid_event_survives_the_wire(pair: tuple[Kind, Event]) -> None:
    kind, event = pair
    assert msgspec.json.decode(msgspec.json.encode(event), type=kind.struct) == event


@settings(deadline=None)
@given(events, st.dictionaries(st.from_regex(r"x-[a-z]{1,5}", fullmatch=True), documents, max_size=3))
def test_unknown_fields_are_ignored(pair: tuple[Kind, Event], extra: dict[str, object]) -> None:
    kind, event = pair
    wire = {**msgspec.to_builtins(event), **extra}
    assert msgspec.json.decode(msgspec.json.encode(wire), type=kind.struct) == event


@settings(deadline=None)
@given(events)
def test_a_missing_required_field_is_refused(pair: tuple[Kind, Event]) -> None:
    kind, event = pair
    wire = msgspec.to_builtins(event)
    for field in msgspec.structs.fields(kind.struct):
        if field.required:
            less = {name: value for name, value in wire.items() if name != field.encode_name}
            with pytest.raises(msgspec.ValidationError):
                msgspec.json.decode(msgspec.json.encode(less), type=kind.struct)


@settings(deadline=None)
@given(events, st.data())
def test_a_value_of_the_wrong_type_or_out_of_range_is_refused(pair: tuple[Kind, Event], data: st.DataObject) -> None:
    kind, event = pair
    field = data.draw(st.sampled_from([one for one in msgspec.structs.fields(kind.struct) if one.required]))
    for wrong in WRONG:
        wire = {**msgspec.to_builtins(event), field.encode_name: wrong}
        if not fits(wrong, field.type):
            with pytest.raises(msgspec.ValidationError):
                msgspec.json.decode(msgspec.json.encode(wire), type=kind.struct)


def fits(value: object, kind: Any) -> bool:
    """Whether a wrong value happens to be right for a field: decided by Python values, not by JSON."""
    found = msgspec.inspect.type_info(kind)
    found = found.type if isinstance(found, msgspec.inspect.Metadata) else found
    if isinstance(found, msgspec.inspect.StrType):
        return isinstance(value, str) and found.pattern is None
    if isinstance(found, msgspec.inspect.FloatType):
        return isinstance(value, float) or value == 0
    return (isinstance(found, msgspec.inspect.IntType) and value == -1 and (found.ge or 0) < 0) or (
        isinstance(found, msgspec.inspect.DictType) and value == {}
    )


BIRTH = {"at": 1, "state": "online", "boot": 1, "session": "s"}
FAULT = {"at": 1, "boot": 1, "seq": 1, "component": "sim", "action": "set"}
FILE = {"at": 1, "event": "ready"}


@pytest.mark.parametrize(
    ("kind", "wire", "reason"),
    [
        *[(Kind.STATE, {**BIRTH, "firmware": f"2.1{text}"}, "field") for text in ("\0", "\n", "\x1b[31m", "\x7f")],
        (Kind.STATE, {**BIRTH, "model": "\0"}, "field"),
        (Kind.STATE, {**BIRTH, "carrier": "C\0"}, "field"),
        (Kind.STATE, {**BIRTH, "serial": "\t1"}, "field"),
        (Kind.STATE, {**BIRTH, "carrier": "中国移动", "model": ""}, None),
        (Kind.DEVICE, {**FAULT, "code": "\0"}, "field"),
        (Kind.DEVICE, {**FAULT, "code": "SIM lost", "detail": "line\nline"}, None),
        (Kind.FILE, {**FILE, "business_date": "2026-02-31"}, "field"),
        (Kind.FILE, {**FILE, "business_date": "2026-02-28"}, None),
    ],
)
def test_names_without_control_characters_and_days_of_the_calendar(kind: Kind, wire: Any, reason: str | None) -> None:
    assert reason_of(kind, msgspec.json.encode(wire)) == reason


@given(st.integers(0, 9999), st.integers(0, 13), st.integers(0, 32))
def test_a_date_is_a_day_of_the_calendar(year: int, month: int, day: int) -> None:
    text = f"{year:04}-{month:02}-{day:02}"
    try:
        datetime.date(year, month, day)
    except ValueError:
        with pytest.raises(msgspec.ValidationError):
            msgspec.convert(text, Date)
    else:
        assert msgspec.convert(text, Date) == text
