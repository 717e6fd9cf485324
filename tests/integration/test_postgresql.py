"""What only PostgreSQL can do to the store: go away in the middle, ask for a password, be laxer than we promise."""

import queue
import re
import subprocess
import threading
from pathlib import Path
from typing import Any

import pytest

from fleetmon.engine import TerminalChange
from fleetmon.model.errors import StoreError
from fleetmon.store import Store, StoreSettings, TerminalRow, Work, backup, check


def down(number: int) -> TerminalChange:
    return TerminalChange(number, "a", "up", "down")


def test_a_restart_of_the_server_loses_nothing_acknowledged(postgresql: Any) -> None:
    """It is stopped while writes are under way; what came before, during and after is there, each once."""
    store = Store(StoreSettings(postgresql.database()))
    store.submit(
        Work(
            lambda: None,
            terminals=[TerminalRow("a", "", "", "", "", "", "", "", "", "", registered=True, state="up", since=0)],
        )
    )
    acknowledged: set[int] = set()
    counted, stop = threading.Event(), threading.Event()

    def say() -> None:
        number = 0
        while not stop.is_set():
            store.submit(Work(lambda found=number: acknowledged.add(found), changes=[down(number)]))  # type: ignore[misc]
            number += 1
            counted.wait(0.001)

    saying = threading.Thread(target=say)
    saying.start()
    try:
        for _ in range(2):
            enough = len(acknowledged) + 50
            wait_for(lambda: len(acknowledged) > enough, store)  # noqa: B023
            postgresql.stop()
            wait_for(lambda: store.failing is not None, None)
            with pytest.raises(StoreError, match=r"store\.url postgresql://.*check that the server runs") as caught:
                store.terminal("a")
            assert caught.value.retryable
            kept = set(acknowledged)
            postgresql.start()
            assert kept <= {found.at for found in store.changes("a", None, 100_000)}
    finally:
        stop.set()
        saying.join()
        postgresql.restart()
    assert store.close(patience_s=30)
    assert store.failing is None
    again = Store(StoreSettings(store._settings.url))
    assert sorted(found.at for found in again.changes("a", None, 100_000)) == sorted(acknowledged)
    assert acknowledged == set(range(len(acknowledged)))
    again.close()


def test_a_cut_connection_is_made_anew(postgresql: Any) -> None:
    url = postgresql.database()
    store = Store(StoreSettings(url))
    postgresql.ask("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'fleetmon'")
    done = threading.Event()
    store.submit(Work(done.set, changes=[down(1)]))
    assert done.wait(20)
    assert len(store.changes("a", None, 9)) == 1
    store.close()


def test_a_lock_that_was_cut_is_taken_again_or_the_daemon_is_told_to_end(postgresql: Any) -> None:
    settings = StoreSettings(postgresql.database())
    cut = "SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory'"
    told: queue.Queue[Exception] = queue.Queue()
    done = threading.Event()
    store = Store(settings, on_crash=told.put)
    postgresql.ask(cut)
    store.submit(Work(done.set))
    assert done.wait(20)
    postgresql.ask(cut)
    other = Store(settings)
    store.submit(Work(lambda: None, changes=[down(1)]))
    assert "another fleetmon is running on this database" in str(told.get(timeout=20))
    assert not store.close()
    assert other.changes("a", None, 9) == []
    other.close()


def test_the_password_is_used_and_never_shown(postgresql: Any) -> None:
    settings = StoreSettings(postgresql.database("secretive"))
    Store(settings, "hush").close()
    with pytest.raises(StoreError) as caught:
        Store(settings, "wrong-one")
    assert "password authentication failed" in str(caught.value)
    assert "store.password_file or FLEETMON_STORE_PASSWORD" in str(caught.value)
    assert "wrong-one" not in str(caught.value)
    with pytest.raises(StoreError, match="no password supplied"):
        Store(settings)


def test_a_database_of_somebody_else_is_refused_with_the_remedy(postgresql: Any) -> None:
    postgresql.database()  # which makes the user as well
    url = postgresql.database("somebody").replace("somebody@", "fleetmon@")
    with pytest.raises(StoreError, match=r"permission denied for schema public.*belongs to the user"):
        Store(StoreSettings(url))


def test_a_commit_is_on_the_disk_whatever_the_server_says(postgresql: Any) -> None:
    url = postgresql.database()
    name = url.rpartition("/")[2]
    postgresql.ask(f"ALTER DATABASE {name} SET synchronous_commit = off")
    store = Store(StoreSettings(url))
    with store._engine.connect() as connection:
        assert connection.exec_driver_sql("SHOW synchronous_commit").scalar() == "on"
    store.close()


def test_a_database_of_another_encoding_is_refused(postgresql: Any) -> None:
    postgresql.database()
    postgresql.ask("CREATE DATABASE other OWNER fleetmon TEMPLATE template0 ENCODING 'SQL_ASCII' LOCALE 'C'")
    with pytest.raises(StoreError, match=r"its encoding is SQL_ASCII; .*ENCODING 'UTF8'"):
        Store(StoreSettings(f"postgresql://fleetmon@127.0.0.1:{postgresql.port}/other"))


def test_backup_names_the_tool_that_does_it(postgresql: Any, tmp_path: Any) -> None:
    url = postgresql.database()
    with pytest.raises(StoreError, match=rf"pg_dump --format=custom --file={tmp_path}/b {url}"):
        backup(StoreSettings(url), tmp_path / "b")


def test_it_is_backed_up_and_restored_as_the_documentation_says(postgresql: Any, tmp_path: Path) -> None:
    """While the store is open; and a restored one opens, is whole, and holds what was acknowledged by then."""
    url = postgresql.database()
    store = Store(StoreSettings(url))
    done = threading.Event()
    terminal = TerminalRow("a", "", "", "", "", "", "", "", "", "", registered=True, state="up", since=0)
    store.submit(Work(done.set, terminals=[terminal], changes=[down(1)]))
    assert done.wait(20)
    before = store.terminal("a")
    assert before is not None
    restored = f"{url}_restored"
    said = (Path(__file__).parents[2] / "docs/upgrading.md").read_text()
    at = f"--host=127.0.0.1 --port={postgresql.port} --username=postgres"
    for program in ("pg_dump", "createdb", "pg_restore"):
        (line,) = re.findall(rf"^{program} .*", said, re.MULTILINE)
        line = line.replace("postgresql://fleetmon@localhost:5432/fleetmon", url)
        line = line.replace("fleetmon_restored", restored.rpartition("/")[2])
        command = line if program == "pg_dump" else line.replace(program, f"{program} {at}", 1)
        finished = subprocess.run(command.split(), cwd=tmp_path, capture_output=True, text=True, check=False)
        assert finished.returncode == 0, finished.stderr
    store.close()
    assert check(StoreSettings(restored)) == []
    again = Store(StoreSettings(restored))
    assert [found.at for found in again.changes("a", None, 10)] == [1]
    assert again.terminal("a") == before
    again.close()


def wait_for(happened: Any, store: Store | None, timeout_s: float = 30.0) -> None:
    pause, waited = threading.Event(), 0.0
    while not happened():
        assert waited < timeout_s, store and store.failing
        pause.wait(0.01)
        waited += 0.01
