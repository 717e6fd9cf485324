"""What the API says when it cannot, or is asked wrongly; that it answers while there is other work; its document."""

import asyncio
import re
import threading
from collections.abc import Iterator
from typing import Any

import pytest
from structlog.testing import capture_logs

from fleetmon.readout import readout

from .reading import ask

TAMPER = {"at": 1, "boot": 1, "seq": 1, "component": "security", "code": "Tamper", "action": "set"}
BEAT = {"at": 1, "boot": 1, "seq": 1}
BIRTH = {"at": 5, "state": "online", "boot": 3, "session": "s-1", "carrier": "CUCC", "firmware": "2.0", "serial": "SN1"}
JSON_ROUTES = (
    *("/api/v1/terminals", "/api/v1/terminals/noodle-1", "/api/v1/terminals/noodle-1/changes"),
    *("/api/v1/incidents", "/api/v1/audit", "/api/v1/service", "/api/v1/quarantine", "/schema/openapi.json"),
    *("/api/v1/visits", "/api/v1/visits/outcomes"),
)


REFUSED = (
    ("/api/v1/terminals/nobody", 404, "no such terminal"),
    ("/api/v1/terminals/nobody/changes", 404, "no such terminal"),
    ("/api/v1/incidents/nothing", 404, "no such incident"),
    ("/api/v1/nothing", 404, "Not Found"),
    ("/api/v1/terminals?cursor=!", 400, "cursor"),
    ("/api/v1/terminals?cursor=", 400, "cursor"),
    ("/api/v1/terminals?cursor=MTI", 400, "cursor"),  # of the quarantine
    ("/api/v1/incidents?cursor=ImEi", 400, "cursor"),  # of the terminals
    ("/api/v1/quarantine?cursor=WzEsImEiXQ", 400, "cursor"),  # of the incidents
    ("/api/v1/terminals/noodle-1/changes?cursor=%F0%9F%98%80", 400, "cursor"),
    ("/api/v1/terminals?limit=0", 400, "limit"),
    ("/api/v1/incidents?limit=1001", 400, "limit"),
    ("/api/v1/terminals?state=sleepy", 400, "state"),
    ("/api/v1/terminals?registered=perhaps", 400, "registered"),
    ("/api/v1/terminals?provder=field-1", 400, "provder: there is no such parameter"),
)


async def test_a_question_that_cannot_be_answered_is_a_problem_in_words(running: Any) -> None:
    for path, status, says in REFUSED:
        answer = await ask(running, path)
        assert answer.status == answer.json["status"] == status, path
        assert answer.headers["Content-Type"] == "application/problem+json"
        assert says in answer.text
        assert answer.json["title"]
        assert "Traceback" not in answer.text


async def test_a_problem_is_told_in_chinese_to_who_asks_so_and_its_fields_stay(running: Any) -> None:
    for path, status, _ in REFUSED:
        english = await ask(running, path)
        chinese = await ask(running, path, **{"Accept-Language": "zh-CN,zh;q=0.9"})
        assert (english.headers["Content-Language"], chinese.headers["Content-Language"]) == ("en", "zh")
        assert (chinese.status, chinese.json["title"]) == (status, english.json["title"])
        told = [chinese.json["detail"], *chinese.json.get("errors", [])]
        assert all(re.search(r"[\u4e00-\u9fff]", text) for text in told), told
        fields = [[text.split(": ")[0] for text in one.json.get("errors", [])] for one in (english, chinese)]
        assert fields[0] == fields[1]


async def test_a_wrong_method_names_the_right_ones(running: Any) -> None:
    answer = await ask(running, "/api/v1/terminals", "DELETE")
    assert answer.status == answer.json["status"] == 405
    assert "GET" in answer.headers["Allow"]


async def test_a_fault_of_ours_tells_nothing_but_the_log(running: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(running.daemon.readout, "terminals", None)
    with capture_logs() as logs:
        answer = await ask(running, "/api/v1/terminals")
    assert answer.status == answer.json["status"] == 500
    assert "NoneType" not in answer.text
    assert [(one["event"], one["path"]) for one in logs if one["log_level"] == "error"] == [
        ("request failed", "/api/v1/terminals")
    ]


async def test_health_answers_while_metrics_render_and_while_the_database_is_slow(
    running: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun, healthy = threading.Event(), threading.Event()

    def slow(*_: object) -> Any:
        begun.set()
        healthy.wait(20)
        return (b"", "text/plain")

    monkeypatch.setattr(readout, "PATIENCE_S", 0.3)
    monkeypatch.setattr(readout, "render", slow)
    monkeypatch.setattr(running.daemon.store, "incidents", slow)
    monkeypatch.setattr(running.daemon.store, "changes", slow)
    scrape = asyncio.create_task(ask(running, "/metrics"))
    lists = [asyncio.create_task(ask(running, "/api/v1/incidents")) for _ in range(8)]
    await running.until(begun.is_set, "somebody is slow")
    assert (await ask(running, "/-/healthy")).status == 200
    assert (await ask(running, "/-/ready")).status == 200
    assert (await ask(running, "/api/v1/terminals")).status == 200, "terminals are read from memory"
    assert not scrape.done(), "none of them waited for it"
    one = await ask(running, "/api/v1/terminals/noodle-1")
    assert (one.status, one.json["changes"]) == (200, None), "the present is told without the past"
    for answer in await asyncio.gather(*lists):
        assert (answer.status, answer.headers["Retry-After"]) == (503, "5")
        assert "does not answer" in answer.json["detail"]
    healthy.set()
    assert (await scrape).status == 200


def references(node: Any) -> Iterator[str]:
    if isinstance(node, dict):
        yield from (value for name, value in node.items() if name == "$ref")
        node = list(node.values())
    if isinstance(node, list):
        for inner in node:
            yield from references(inner)


async def test_the_openapi_document_is_whole(running: Any) -> None:
    document = (await ask(running, "/schema/openapi.json")).json
    assert document["openapi"].startswith("3.1")
    for reference in references(document):
        node = document
        for step in reference.removeprefix("#/").split("/"):
            node = node[step.replace("~1", "/").replace("~0", "~")]
    operations = {
        (method, path): operation
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
    }
    assert {path for method, path in operations if path.startswith("/api")} == {
        *("/api/v1/terminals", "/api/v1/terminals/{terminal}", "/api/v1/terminals/{terminal}/changes"),
        *("/api/v1/incidents", "/api/v1/incidents/{incident}", "/api/v1/incidents/{incident}/acknowledgement"),
        *("/api/v1/audit", "/api/v1/service", "/api/v1/quarantine", "/api/v1/report"),
        *("/api/v1/settlements", "/api/v1/merchants", "/api/v1/merchants/{merchant}/settlements"),
        "/api/v1/transactions/{terminal}/{transaction}/explanation",
        *("/api/v1/windows", "/api/v1/windows/preview", "/api/v1/windows/{window}"),
        *("/api/v1/windows/{window}/{deed}", "/api/v1/windows/{window}/extend"),
        *("/api/v1/visits", "/api/v1/visits.csv", "/api/v1/visits.ics", "/api/v1/visits/outcomes"),
        *("/api/v1/calendars", "/api/v1/calendars/import", "/api/v1/feeds/{kind}/{name}"),
    }
    asked = {one["name"]: one for one in operations["get", "/api/v1/settlements"]["parameters"]}
    assert ("In fen" in asked["amount"]["description"], "30 minutes" in asked["at"]["description"]) == (True, True)
    assert {"sales", "silent", "texts"} == set(document["components"]["schemas"]["NearestView"]["properties"])
    assert {"post", "put"} == {method for method, path in operations if path == "/-/reload"}
    assert {"get", "put", "delete"} == {method for method, path in operations if path.endswith("/acknowledgement")}
    names = [operation["operationId"] for operation in operations.values()]
    assert len(names) == len(set(names))
    for (method, path), operation in operations.items():
        assert operation.get("description"), f"{method} {path} says nothing of itself"
        for parameter in operation.get("parameters", []):
            assert parameter.get("description"), f"{path}: {parameter['name']}"
        for status, answer in operation["responses"].items():
            if status in ("400", "401", "403", "404", "409", "412", "422", "503") and path != "/-/ready":
                assert list(answer["content"]) == ["application/problem+json"], f"{path} {status}"
            assert all("schema" in header for header in answer.get("headers", {}).values()), "as OpenAPI demands"
        if path.startswith("/api") or path == "/-/reload":
            assert operation["security"] == [{"token": []}]
    assert document["components"]["securitySchemes"]["token"]["scheme"] == "bearer"
