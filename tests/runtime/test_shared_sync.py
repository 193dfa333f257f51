"""Whoever committed waits for a sync that began afterwards; those who wait together share it."""

import itertools
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from chirp_auth.http.routing import Application
from chirp_auth.runtime import shared_sync
from chirp_auth.runtime.shared_sync import SharedSync
from tests.conftest import ALICE
from tests.support.visitor import FORGOT_DOORS

ON_SQLITE = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)

CROWD, TURNS = 12, 20


@pytest.fixture
def syncs(monkeypatch: pytest.MonkeyPatch) -> list[tuple[float, float]]:
    """When each sync began and ended; a slow disk."""
    times: list[tuple[float, float]] = []

    def flush(_file: int) -> None:
        began = time.monotonic()
        time.sleep(0.003)
        times.append((began, time.monotonic()))

    monkeypatch.setattr(shared_sync, "_FLUSH", flush)
    return times


def test_each_waits_for_a_sync_that_began_after_its_commit(syncs: list[tuple[float, float]], tmp_path: Path) -> None:
    path = tmp_path / "file-wal"
    path.touch()
    shared = SharedSync(str(path))
    waits: list[tuple[float, float]] = []

    def commit(_: int) -> None:
        for _turn in range(TURNS):
            committed = time.monotonic()
            shared.wait()
            waits.append((committed, time.monotonic()))

    with ThreadPoolExecutor(CROWD) as threads:
        list(threads.map(commit, range(CROWD)))

    for committed, answered in waits:
        assert any(committed <= began and ended <= answered for began, ended in syncs)
    assert len(syncs) < CROWD * TURNS / 2, "they share"
    assert all(ended <= began for (_, ended), (began, _) in itertools.pairwise(syncs)), "one at a time"


def test_a_disk_that_failed_is_not_believed_again(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    path = tmp_path / "file-wal"
    path.touch()
    shared = SharedSync(str(path))
    failed = threading.Event()

    def flush(_file: int) -> None:
        if not failed.is_set():
            failed.set()
            raise OSError(5, "Input/output error")

    monkeypatch.setattr(shared_sync, "_FLUSH", flush)
    for _ in range(3):
        with pytest.raises(OSError, match="Input/output error"):
            shared.wait()


def test_a_file_that_is_gone_was_copied_into_the_database(tmp_path: Path) -> None:
    SharedSync(str(tmp_path / "nowhere-wal")).wait()


@ON_SQLITE
@pytest.mark.parametrize("door", FORGOT_DOORS)
def test_nobody_is_told_yes_when_the_disk_failed(app: Application, door: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def flush(_file: int) -> None:
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(shared_sync, "_FLUSH", flush)

    for _ in range(2):
        assert FORGOT_DOORS[door](app.test_client(), ALICE).status_code == 503
