"""The store in a file: what a file can be that is no store, and how it is copied and checked."""

import contextlib
import sqlite3
import threading
from pathlib import Path

import pytest

from fleetmon.engine import TerminalChange
from fleetmon.model.errors import StoreError
from fleetmon.store import Store, StoreSettings, Work, backup, check, writer


@pytest.fixture
def settings(tmp_path: Path) -> StoreSettings:
    return StoreSettings(f"sqlite:///{tmp_path}/deep/fleetmon.db")


@pytest.fixture
def file(settings: StoreSettings) -> Path:
    assert settings.file is not None
    return settings.file


def fill(store: Store, changes: int) -> None:
    done = threading.Event()
    store.submit(Work(done.set, changes=[TerminalChange(at, "a" * 64, "up", "down") for at in range(changes)]))
    assert done.wait(20)


def test_what_is_no_database_is_named_and_left_alone(settings: StoreSettings, file: Path) -> None:
    content = b"this is no database, but long enough to be looked at" * 50
    file.parent.mkdir()
    file.write_bytes(content)
    for read in (Store, check):
        with pytest.raises(StoreError, match=r"store\.url .*fleetmon\.db: file is not a database; .*backup"):
            read(settings)
    assert file.read_bytes() == content


def test_a_folder_that_cannot_be_made_is_named(settings: StoreSettings, file: Path) -> None:
    file.parent.write_text("a file where the folder should be")
    with pytest.raises(StoreError, match=r"store\.url .*deep.*; check the owner of the folder"):
        Store(settings)


def test_a_damaged_file_is_named_by_reading_and_by_the_check(settings: StoreSettings, file: Path) -> None:
    store = Store(settings)
    fill(store, 2_000)
    store.close()
    content = bytearray(file.read_bytes())
    whole = len(content) // 2  # the schema and the first rows
    content[whole:] = b"\x55" * (len(content) - whole)
    file.write_bytes(content)
    found = check(settings)
    assert found
    assert all(problem.startswith("the file is damaged: ") for problem in found)
    store = Store(settings)
    with pytest.raises(StoreError, match=r"store\.url .*fleetmon\.db: database disk image is malformed; .*backup"):
        store.changes("a" * 64, None, 10_000)
    store.close()


def test_a_backup_of_a_running_store_is_a_store(settings: StoreSettings, tmp_path: Path) -> None:
    store = Store(settings)
    fill(store, 100)
    copy = tmp_path / "copy.db"
    backup(settings, copy)
    fill(store, 200)
    again = StoreSettings(f"sqlite:///{copy}")
    assert check(again) == []
    with contextlib.closing(sqlite3.connect(copy)) as connection:
        assert connection.execute("SELECT count(*) FROM terminal_change").fetchone() == (100,)
    opened = Store(again)
    assert len(opened.changes("a" * 64, None, 1_000)) == 100
    opened.close()
    store.close()
    backup(settings, tmp_path / "stopped.db")
    assert check(StoreSettings(f"sqlite:///{tmp_path}/stopped.db")) == []


def test_a_backup_overwrites_nothing_and_leaves_no_half(settings: StoreSettings, file: Path, tmp_path: Path) -> None:
    with pytest.raises(StoreError, match=r"there is no such file; nothing to back up"):
        backup(settings, tmp_path / "copy.db")
    Store(settings).close()
    with pytest.raises(StoreError, match=r"fleetmon\.db: is there already; name a new file"):
        backup(settings, file)
    with pytest.raises(StoreError, match=r"nowhere/copy\.db: .*; check the folder"):
        backup(settings, tmp_path / "nowhere" / "copy.db")
    file.write_bytes(b"no database" * 500)
    with pytest.raises(StoreError, match=r"copy\.db: file is not a database; .*the store"):
        backup(settings, tmp_path / "copy.db")
    assert sorted(found.name for found in tmp_path.iterdir()) == ["deep"]


def test_nothing_is_made_by_a_check(settings: StoreSettings, file: Path) -> None:
    with pytest.raises(StoreError, match=r"there is no such file; nothing to check"):
        check(settings)
    assert not file.parent.exists()


def test_a_fault_of_our_own_is_told_and_nothing_is_called_written(settings: StoreSettings) -> None:
    told: list[Exception] = []
    crashed = threading.Event()

    def on_crash(error: Exception) -> None:
        told.append(error)
        crashed.set()

    store = Store(settings, on_crash=on_crash)
    done = threading.Event()
    store.submit(Work(done.set, facts=[object()]))  # type: ignore[list-item]
    assert crashed.wait(10)
    assert isinstance(told[0], AttributeError)
    assert (store.failing or "").startswith("the writer ended: AttributeError")
    assert not store.close()
    assert not done.is_set()


def test_closing_waits_for_as_long_as_commits_go_on(
    settings: StoreSettings, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writer, "_PER_COMMIT", 1)
    store, slow = Store(settings), threading.Event()
    for number in range(20):  # after each the writer rests for a third of what closing waits for the next
        store.submit(Work(lambda: slow.wait(0.1), changes=[TerminalChange(number, "a", "up", "down")]))
    assert store.close(patience_s=0.3)
    with contextlib.closing(sqlite3.connect(file)) as connection:
        assert connection.execute("SELECT count(*) FROM terminal_change").fetchone() == (20,)
