"""The contract in machine form."""

import json
import subprocess
import sys
from typing import Any

from fleetmon.model.asyncapi import document, json_schemas
from fleetmon.model.topics import Kind, Topics


def references(value: Any) -> list[str]:
    if isinstance(value, dict):
        own = [value["$ref"]] if "$ref" in value else []
        return own + [found for inner in value.values() for found in references(inner)]
    return [found for inner in value for found in references(inner)] if isinstance(value, list) else []


def resolve(root: dict[str, Any], reference: str) -> Any:
    value: Any = root
    for part in reference.removeprefix("#/").split("/"):
        value = value[part]
    return value


def test_every_topic_of_the_contract_is_a_channel_and_every_reference_leads_somewhere() -> None:
    made = document(Topics(), "1.2.3")
    assert made["asyncapi"] == "3.0.0"
    assert {channel["address"] for channel in made["channels"].values()} == {
        "pos/v1/terminal/{terminal}/state", "pos/v1/terminal/{terminal}/heartbeat", "pos/v1/terminal/{terminal}/device",
        "pos/v1/terminal/{terminal}/transaction", "pos/v1/terminal/{terminal}/batch",
        "pos/v1/terminal/{terminal}/maintenance", "pos/v1/host/{host}/health", "pos/v1/host/{host}/notice/{id}",
        "pos/v1/host/{host}/file", "pos/v1/merchant/{merchant}/settlement", "pos/v1/merchant/{merchant}/account",
        "pos/v1/merchant/{merchant}/backoffice",
    }  # fmt: skip
    assert len(references(made)) > 3 * len(Kind)
    for reference in references(made):
        assert resolve(made, reference)


def test_schemas_say_what_is_required() -> None:
    schemas = json_schemas()
    assert schemas["Heartbeat"]["required"] == ["at", "boot", "seq"]
    assert schemas["Transaction"]["properties"]["rail"]["default"] == "card"
    assert "additionalProperties" not in schemas["State"], "unknown fields are allowed"


def test_the_command_prints_both() -> None:
    for what, key in (("asyncapi", "channels"), ("json-schema", "$defs")):
        command = [sys.executable, "-m", "fleetmon", "schema", what]
        printed = subprocess.run(command, capture_output=True, check=True).stdout
        assert json.loads(printed)[key]
