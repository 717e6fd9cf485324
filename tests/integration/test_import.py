"""Importing into a running daemon, through a real broker: effects happen once, however often it is done."""

import asyncio
import csv
import json
import shutil
import subprocess
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest
import sqlalchemy as sa

from fleetmon import imports
from fleetmon.config import Config, Loaded
from fleetmon.ingest.settings import MqttSettings
from fleetmon.model.errors import SinkError, StoreError
from fleetmon.model.registry import Registry
from fleetmon.store import StoreSettings

CARD = "6222021234567894"  # invented; passes the Luhn check
NOODLE, BOOKS = "84329005812000A", "84329005942002A"
SETTLEMENT = f"""商户号,终端号,交易类型,交易时间,批次号,凭证号,参考号,卡号,交易金额,手续费,结算金额
{NOODLE},noodle-1,消费,2026-11-20 12:00:00,000727,000001,683669279929,{CARD},100.00,0.60,99.40
{NOODLE},noodle-1,消费,2026-11-20 12:05:00,000727,000002,650000196307,{CARD},12.30,0.07,12.23
{BOOKS},books-1,消费,2026-11-20 13:00:00,000001,000001,102304599646,{CARD},8.00,0.05,7.95
{BOOKS},books-1,消费,2026-11-20 13:01:00,000001,000002,102304599647,{CARD},1e2,0.05,7.95
99999999999999Z,x,消费,2026-11-20 13:01:00,000001,000002,102304599648,{CARD},8.00,0.05,7.95
"""
STATEMENT = f"""<Document xmlns="urn:iso:std:iso:20022:tech:xsd:camt.053.001.08"><BkToCstmrStmt>
<Stmt><Ntry><Amt Ccy="CNY">111.63000</Amt><CdtDbtInd>CRDT</CdtDbtInd><Sts><Cd>BOOK</Cd></Sts>
<BookgDt><Dt>2026-11-21</Dt></BookgDt><AcctSvcrRef>B-1</AcctSvcrRef>
<NtryDtls><TxDtls><RmtInf><Ustrd>结算款 {NOODLE}</Ustrd></RmtInf></TxDtls></NtryDtls></Ntry></Stmt>
<Stmt><Ntry><Amt Ccy="CNY">5000.00</Amt><CdtDbtInd>CRDT</CdtDbtInd><Sts><Cd>BOOK</Cd></Sts>
<BookgDt><Dt>2026-11-21</Dt></BookgDt></Ntry></Stmt>
</BkToCstmrStmt></Document>"""
EFFECTS = [("books", "instructed", 795), ("noodle", "credited", 11163), ("noodle", "instructed", 11163)]


@pytest.fixture
def files(tmp_path: Path) -> list[Path]:
    """The statement first: the order of the arguments must not matter."""
    found = [tmp_path / "bank.xml", tmp_path / "day.csv"]
    found[0].write_text(STATEMENT)
    found[1].write_text(SETTLEMENT, encoding="gbk")
    return found


@pytest.fixture
def import_files(tmp_path: Path, sample_registry: Registry) -> Callable[..., Awaitable[imports.Report]]:
    """Import as the command does, in another thread."""

    async def begin(port: int, files: list[Path], **more: Any) -> imports.Report:
        config = Config("", mqtt=MqttSettings(port=port), store=StoreSettings(f"sqlite:///{tmp_path}/fleetmon.db"))
        loaded = Loaded(config, sample_registry, None)
        return await asyncio.to_thread(imports.run, loaded, imports.Request(files, **more), lambda *_: None)

    return begin


def effects(folder: Path) -> list[tuple[str, str, int]]:
    """(merchant, event, amount) of every stored fact about payouts."""
    engine = sa.create_engine(f"sqlite:///{folder}/fleetmon.db")
    with engine.connect() as connection:
        rows = connection.execute(sa.text("SELECT subject, payload FROM fact WHERE kind = 'Payout'")).all()
    engine.dispose()
    said = [(merchant, msgspec.json.decode(payload)) for merchant, payload in rows]
    return sorted((merchant, one["event"], one["amount"]) for merchant, one in said)


async def test_importing_twice_has_its_effects_once(
    start: Any, mosquitto: Any, import_files: Any, files: list[Path], tmp_path: Path
) -> None:
    running = start(mqtt=MqttSettings(port=mosquitto.port))
    await running.until_ready()
    first = await import_files(mosquitto.port, files)
    assert (first.status, first.published, first.missing) == (1, 4, 0)
    assert effects(tmp_path) == EFFECTS
    counts = {kind: running.daemon.intake.counts[kind] for kind in ("settlement", "file")}
    assert counts == {"settlement": 3, "file": 1}
    again = await import_files(mosquitto.port, files)
    assert [(one.outcome.taken, one.outcome.repeated, len(one.outcome.rejected)) for one in again.files] == [
        (0, 1, 1),
        (0, 3, 2),
    ]
    assert effects(tmp_path) == EFFECTS
    assert running.daemon.quarantine.counts == {}
    await running.stop()
    stored = b"".join(file.read_bytes() for file in tmp_path.glob("fleetmon.db*"))
    assert CARD.encode() not in stored


async def test_the_same_messages_on_their_way_twice_count_once(
    start: Any, mosquitto: Any, import_files: Any, files: list[Path], tmp_path: Path
) -> None:
    """The second import begins before the first is stored: only the ids say that it is the same."""
    running = start(mqtt=MqttSettings(port=mosquitto.port))
    await running.until_ready()
    await asyncio.gather(*(import_files(mosquitto.port, files[1:]) for _ in range(3)))
    assert effects(tmp_path) == [("books", "instructed", 795), ("noodle", "instructed", 11163)]


async def test_rejected_rows_are_mended_and_imported_alone(
    start: Any, mosquitto: Any, import_files: Any, files: list[Path], tmp_path: Path
) -> None:
    running = start(mqtt=MqttSettings(port=mosquitto.port))
    await running.until_ready()
    first = await import_files(mosquitto.port, files[1:], folder=tmp_path / "aside")
    kept = first.files[0].aside
    text = kept.read_text(encoding="utf-8-sig")
    assert "622202******7894" in text
    assert CARD not in text
    assert [line[-3:-1] for line in csv.reader(text.splitlines()[1:])] == [["5", "amount"], ["6", "merchant"]]
    kept.write_text(text.replace("1e2,0.05,7.95", "8.00,0.05,7.95"))
    again = await import_files(mosquitto.port, [kept])
    assert (again.files[0].outcome.taken, len(again.files[0].outcome.rejected)) == (1, 1)
    assert effects(tmp_path)[:2] == [("books", "instructed", 795), ("books", "instructed", 795)]


async def test_a_dry_run_writes_and_publishes_nothing(
    start: Any, mosquitto: Any, import_files: Any, files: list[Path], tmp_path: Path
) -> None:
    running = start(mqtt=MqttSettings(port=mosquitto.port))
    await running.until_ready()
    before = sorted(tmp_path.rglob("*.csv"))
    report = await import_files(mosquitto.port, files, dry_run=True)
    assert [(one.outcome.taken, len(one.outcome.events)) for one in report.files] == [(1, 1), (3, 3)]
    assert (report.published, sorted(tmp_path.rglob("*.csv")), effects(tmp_path)) == (0, before, [])


async def test_a_daemon_that_is_away_is_waited_for_and_named(
    start: Any, mosquitto: Any, import_files: Any, files: list[Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(imports, "PATIENCE_S", 0.2)
    with pytest.raises(StoreError, match="fleetmon run"):
        await import_files(mosquitto.port, files)
    running = start(mqtt=MqttSettings(port=mosquitto.port))
    await running.until_ready()
    await running.stop()
    report = await import_files(mosquitto.port, files[1:])
    assert (report.status, report.missing) == (1, 2)
    assert "is fleetmon running?" in list(report.lines())[-1]
    second = start(mqtt=MqttSettings(port=mosquitto.port))
    await second.until(lambda: len(effects(tmp_path)) == 2, "what the broker kept")


async def test_a_broker_that_is_away_leaves_everything_to_the_next_time(
    start: Any, mosquitto: Any, import_files: Any, files: list[Path], tmp_path: Path
) -> None:
    running = start(mqtt=MqttSettings(port=mosquitto.port))
    await running.until_ready()
    mosquitto.stop()
    with pytest.raises(SinkError, match="import again"):
        await import_files(mosquitto.port, files)
    mosquitto.start()
    await running.until_ready()
    await import_files(mosquitto.port, files)
    assert effects(tmp_path) == EFFECTS


async def test_the_command(start: Any, mosquitto: Any, files: list[Path], tmp_path: Path, sample: Path) -> None:
    running = start(mqtt=MqttSettings(port=mosquitto.port))
    await running.until_ready()
    shutil.copy(sample / "registry.yml", tmp_path)
    config = tmp_path / "fleetmon.yml"
    config.write_text(f"registry: registry.yml\nmqtt: {{port: {mosquitto.port}}}\n")
    bomb = tmp_path / "bomb.xml"
    bomb.write_text('<!DOCTYPE Document [<!ENTITY a "b">]><Document>&a;</Document>')

    def command(*arguments: object) -> tuple[int, str, str]:
        words = [sys.executable, "-m", "fleetmon", "import", "--config.file", config, *arguments]
        done = subprocess.run([str(word) for word in words], capture_output=True, text=True, check=False, timeout=60)
        return done.returncode, done.stdout, done.stderr

    status, text, errors = await asyncio.to_thread(command, *files, bomb, "--format", "json", "--preset", "cn-acquirer")
    summary = json.loads(text)
    assert (status, errors) == (1, "")
    assert summary["files"][1]["rejected"] == {"amount": 1, "merchant": 1}
    assert summary["files"][1]["rows"][0]["line"] == 5
    assert "document type" in summary["files"][2]["problem"]
    assert effects(tmp_path) == EFFECTS
    status, text, errors = await asyncio.to_thread(command, bomb)
    assert (status, errors) == (2, "")
    assert "document type" in text
    good = tmp_path / "good.csv"
    good.write_text("\n".join(SETTLEMENT.splitlines()[:4]))
    status, text, _ = await asyncio.to_thread(command, good, "--date", "2026-11-20")
    assert (status, "3 known already" in text) == (0, True)
    for wrong in (["--preset", "none"], ["--date", "20.11.2026"], ["--currency", "JPY"]):
        status, _, errors = await asyncio.to_thread(command, good, *wrong)
        assert (status, wrong[0] in errors) == (2, True)
    assert CARD not in text
