"""One daemon a database, on each of them with a real server."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from fleetmon.model.errors import StoreError
from fleetmon.store import Store, StoreSettings, backup, check

HOLD = """
import sys, time
from fleetmon.store import Store, StoreSettings
store = Store(StoreSettings(sys.argv[1]))
print(flush=True)
time.sleep(60)
"""


def test_the_folder_of_a_file_is_made(tmp_path: Path) -> None:
    store = Store(StoreSettings(f"sqlite:///{tmp_path}/deep/er/fleetmon.db"))
    assert (tmp_path / "deep/er/fleetmon.db").exists()
    store.close()


def test_a_second_daemon_is_refused_until_the_first_ends(settings: StoreSettings, tmp_path: Path) -> None:
    first = Store(settings)
    with pytest.raises(
        StoreError, match=r"store\.url .*: another fleetmon is running on this database \(.* \d+.*\); stop it"
    ) as caught:
        Store(settings)
    assert not caught.value.retryable
    assert check(settings) == []
    if settings.file is not None:
        assert f"process {os.getpid()}" in str(caught.value)
        backup(settings, tmp_path / "copy.db")
        Store(StoreSettings(f"sqlite:///{tmp_path}/copy.db")).close()
    first.close()
    Store(settings).close()


def test_a_killed_daemon_holds_nothing_up(settings: StoreSettings) -> None:
    with subprocess.Popen([sys.executable, "-c", HOLD, settings.url], stdout=subprocess.PIPE) as other:
        assert other.stdout is not None
        other.stdout.readline()
        with pytest.raises(StoreError, match="another fleetmon is running"):
            Store(settings)
        other.send_signal(signal.SIGKILL)
        other.wait(20)
    Store(settings).close()
