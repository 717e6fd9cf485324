"""The contract in machine form, made from the structs: JSON Schemas and an AsyncAPI 3 document."""

from typing import Any

import msgspec

from fleetmon.model.topics import Kind, Topics


def json_schemas(ref: str = "#/$defs/{name}") -> dict[str, Any]:
    """The JSON Schema of every message and of what they contain, by name."""
    _, components = msgspec.json.schema_components([kind.struct for kind in Kind], ref_template=ref)
    return components


def document(topics: Topics, version: str) -> dict[str, Any]:
    """The AsyncAPI 3.0 document, seen from fleetmon, which receives everything."""
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "fleetmon telemetry contract",
            "version": "1.0.0",
            "description": f"What a fleet of card terminals says to fleetmon {version}. One JSON object a message, "
            "UTF-8, at most 64 KiB. Unknown fields are ignored.",
        },
        "defaultContentType": "application/json",
        "channels": {kind.name.lower(): _channel(kind, topics) for kind in Kind},
        "operations": {f"receive{kind.struct.__name__}": _operation(kind) for kind in Kind},
        "components": {
            "messages": {kind.struct.__name__: _message(kind) for kind in Kind},
            "schemas": json_schemas("#/components/schemas/{name}"),
        },
    }


def _channel(kind: Kind, topics: Topics) -> dict[str, Any]:
    names = [kind.sender, *(["id"] if kind is Kind.NOTICE else [])]
    return {
        "address": f"{topics.prefix}/{kind.address}",
        "messages": {kind.struct.__name__: {"$ref": f"#/components/messages/{kind.struct.__name__}"}},
        "parameters": {name: {"description": f"id of the {name}, 1..64 of A-Z a-z 0-9 . _ -"} for name in names},
    }


def _operation(kind: Kind) -> dict[str, Any]:
    channel = f"#/channels/{kind.name.lower()}"
    return {
        "action": "receive",
        "channel": {"$ref": channel},
        "messages": [{"$ref": f"{channel}/messages/{kind.struct.__name__}"}],
        "bindings": {"mqtt": {"qos": kind.qos, "retain": kind.retained, "bindingVersion": "0.2.0"}},
    }


def _message(kind: Kind) -> dict[str, Any]:
    return {
        "name": kind.struct.__name__,
        "summary": (kind.struct.__doc__ or "").splitlines()[0],
        "payload": {"$ref": f"#/components/schemas/{kind.struct.__name__}"},
    }
