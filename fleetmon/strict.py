"""YAML files into structs, strictly: every problem with its path, not only the first.

Scalars are read as the text that stands there and converted to what the struct wants, so `mcc: 5812`,
`cutoff: 23:00:00` and `known_to: 2026-12-31` mean what they look like. A key that stands twice is refused,
of which YAML would keep the last without a word.
"""

import contextlib
import difflib
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final, Literal, TypeVar, get_args, get_origin

import msgspec
import yaml
from msgspec import Struct

from fleetmon.model.errors import ConfigError

T = TypeVar("T")
_TYPES: Final = re.compile(r"Expected `(\w+)(?: \| null)?`, got `(\w+)`")
_CALLED: Final = {
    "int": "a whole number", "float": "a number", "str": "a text", "bool": "true or false", "array": "a list",
    "object": "names with values", "null": "nothing",
}  # fmt: skip
_BOUND: Final = re.compile(r"Expected `\w+(?: \| null)?` (<=|>=|<|>) (.+)")
_BOUNDS: Final = {"<=": "at most", ">=": "at least", "<": "less than", ">": "more than"}
_WANTED: Final = re.compile(r"Expected `(\w+)(?: \| null)?`")
_ENUM: Final = re.compile(r"Invalid enum value (.+)")
_BASE = getattr(yaml, "CBaseLoader", yaml.BaseLoader)


def read(path: Path, kind: type[T]) -> T:
    """Read a file; raises ConfigError with every problem found.

    JSON is YAML; a file called `.json` is read a hundred times faster, which large registries need.
    """
    if path.suffix == ".json":
        with contextlib.suppress(OSError, msgspec.DecodeError):  # what is wrong is said below
            return msgspec.json.decode(path.read_bytes(), type=kind)
    return convert(document(path), kind, str(path))


def document(path: Path) -> Any:  # noqa: ANN401 - any YAML
    """The content of a YAML file; raises ConfigError when there is none."""
    try:
        return parse(path.read_text(encoding="utf-8"), str(path))
    except OSError as error:
        raise ConfigError([f"{path}: cannot be read: {error.strerror}"]) from None
    except UnicodeDecodeError as error:
        raise ConfigError([f"{path}: is not UTF-8: {error.reason}"]) from None


def parse(text: str, source: str) -> Any:  # noqa: ANN401 - any YAML
    """The content of a YAML text; `source` names it in problems."""
    try:
        found = yaml.load(text, Loader=_Loader)  # noqa: S506 - it makes nothing but texts
    except (yaml.YAMLError, RecursionError) as error:
        raise ConfigError([f"{source}: not valid YAML: {' '.join(str(error).split())}"]) from None
    return {} if found is None else found


def convert(found: Any, kind: type[T], source: str) -> T:  # noqa: ANN401 - any YAML
    """The struct that a document describes; raises ConfigError with every problem found."""
    try:
        return msgspec.convert(found, kind, strict=False)
    except msgspec.ValidationError as error:
        told = list(problems(found, kind)) or [str(error)]
        raise ConfigError([f"{source}: {problem}" for problem in told]) from None


class _Loader(_BASE):  # type: ignore[misc,valid-type]
    def construct_scalar(self, node: yaml.ScalarNode) -> Any:  # noqa: ANN401 - texts and nothing
        return None if node.style is None and node.value in ("", "~", "null") else super().construct_scalar(node)

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:  # noqa: FBT002
        seen = set()
        for key_node, _ in node.value:
            key = self.construct_object(key_node, deep=True)
            if not isinstance(key, str) or key in seen:
                problem = f'the key "{key}" stands twice' if isinstance(key, str) else "a key is not a text"
                raise yaml.constructor.ConstructorError(None, None, problem, key_node.start_mark)
            seen.add(key)
        return super().construct_mapping(node, deep)  # type: ignore[no-any-return]


# The base loader knows no types; so that nothing stays nothing, scalars come through us.
_Loader.add_constructor("tag:yaml.org,2002:str", _Loader.construct_scalar)


def problems(value: Any, kind: Any, path: str = "", *, wire: bool = False) -> Iterator[str]:  # noqa: ANN401 - any YAML, any annotation
    """Every problem of a value, as `path: what is wrong`.

    On the `wire` a number is no text, and what nobody knows is allowed, unless it looks like a slip of the pen.
    """
    several = get_origin(kind) in (list, tuple, dict)  # one of them without its dash is none of them
    for part in (kind,) if several else (kind, *get_args(kind)):  # a struct or a list, also where it may be None
        if isinstance(value, dict) and isinstance(part, type) and issubclass(part, Struct):
            yield from _struct_problems(value, part, path, wire=wire)
            return
        if isinstance(value, list) and get_origin(part) in (list, tuple):
            for index, item in enumerate(value):
                yield from problems(item, get_args(part)[0], f"{path}[{index}]", wire=wire)
            return
        if isinstance(value, dict) and get_origin(part) is dict:
            keys, values = get_args(part)
            for key, inner in value.items():
                yield from problems(key, keys, f"{path}.{key}", wire=wire)
                yield from problems(inner, values, f"{path}.{key}", wire=wire)
            return
    try:
        msgspec.convert(value, kind, strict=wire)
    except msgspec.ValidationError as error:
        allowed = f"; allowed are {', '.join(map(str, words))}" if (words := _words(kind)) else ""
        yield f"{path or 'the file'}: {_readable(str(error).split(' - at ')[0], kind)}{allowed}"


def _readable(problem: str, kind: Any) -> str:  # noqa: ANN401 - any annotation
    """The problem in words: few people read patterns, and to fewer `int` is a word."""
    expected, pattern, _ = problem.partition(" matching regex")
    if pattern and (form := _form(kind)):
        return f"write {form}"
    if found := _TYPES.fullmatch(problem):
        return f"must be {_CALLED.get(found[1], found[1])}, not {_CALLED.get(found[2], found[2])}"
    if found := _WANTED.fullmatch(problem):
        return f"must be {_CALLED.get(found[1], found[1])}"
    if found := _BOUND.fullmatch(problem):
        return f"must be {_BOUNDS[found[1]]} {found[2]}"
    if found := _ENUM.fullmatch(problem):
        return f"{found[1]} is not known"
    return expected if pattern else problem


def _form(kind: Any) -> str | None:  # noqa: ANN401 - any annotation
    """What an annotation says of the form of its texts."""
    for part in (kind, *get_args(kind)):
        for meta in getattr(part, "__metadata__", ()):
            if isinstance(meta, msgspec.Meta) and meta.pattern and meta.description:
                return meta.description
    return None


def _words(kind: Any) -> list[Any]:  # noqa: ANN401 - any annotation
    """The words of the Literal in an annotation."""
    if get_origin(kind) is Literal:
        return list(get_args(kind))
    return [word for part in get_args(kind) for word in _words(part)]


def _struct_problems(value: dict[str, Any], kind: type[Struct], path: str, *, wire: bool) -> Iterator[str]:
    fields = {found.name: found for found in msgspec.structs.fields(kind)}
    for key, inner in value.items():
        where = f"{path}.{key}" if path else key
        if key in fields:
            yield from problems(inner, fields[key].type, where, wire=wire)
        elif (near := difflib.get_close_matches(key, fields.keys() - value.keys(), 1)) or not wire:
            advice = f'did you mean "{near[0]}"?' if near else f"known are {', '.join(fields)}"
            yield f"{where}: unknown key; {advice}"
    for name, found in fields.items():
        if found.required and name not in value:
            yield f"{path}.{name}: is missing".lstrip(".")
    if wire:
        return
    missing = any(found.required and name not in value for name, found in fields.items())
    if path and not missing and value.keys() <= fields.keys():
        try:
            msgspec.convert(value, kind, strict=False)
        except msgspec.ValidationError as error:
            if " - at " not in str(error):  # what only the whole of it shows, not one field
                yield f"{path}: {error}"
