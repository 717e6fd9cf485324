"""Strict reading of settings into structs: every problem is told with its path, not only the first."""

import math
from typing import Any

import msgspec
from msgspec import Struct
from msgspec.structs import FieldInfo, fields


def values_of(kind: type[Struct], raw: object, path: str, problems: list[str], apart: str = "") -> dict[str, Any]:
    """The fields of a struct one by one, so that one problem does not hide the next."""
    if not isinstance(raw, dict):
        problems.append(f"{path or 'the file'}: Expected a mapping, got {type(raw).__name__}")
        return {}
    known = {field.name: field for field in fields(kind)}
    problems += [f"{path}{name}: is no field here; known are {', '.join(known)}" for name in raw if name not in known]
    values = {}
    for name, field in known.items():
        if name in raw and name != apart:
            found = _faults(raw[name], field, f"{path}{name}")
            problems += found
            if not found:
                values[name] = msgspec.convert(raw[name], field.type)
        elif field.required:
            problems.append(f"{path}{name}: is missing")
    return values


def _faults(value: object, field: FieldInfo, path: str) -> list[str]:
    parts = [{name: part} for name, part in value.items()] if isinstance(value, dict) and value else [value]
    found = []
    for part in parts:
        where = f"{path}.{next(iter(part))}" if isinstance(part, dict) and part else path
        if not _finite(part):
            found.append(f"{where}: is no finite number")
            continue
        try:
            msgspec.convert(part, field.type)
        except msgspec.ValidationError as error:
            found.append(f"{where}: {str(error).split(' - at ')[0]}")
    return found


def _finite(value: object) -> bool:
    if isinstance(value, dict):
        return all(_finite(part) for part in value.values())
    if isinstance(value, list):
        return all(_finite(part) for part in value)
    return not isinstance(value, float) or math.isfinite(value)
