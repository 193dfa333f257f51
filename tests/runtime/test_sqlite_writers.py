"""The web process and the worker write to one SQLite file: they take turns."""

import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from sqlalchemy import Column, Engine, Integer, MetaData, Table, create_engine, func, insert, select

from chirp_auth.runtime import sqlite

ROWS = Table("rows", MetaData(), Column("id", Integer, primary_key=True), Column("writer", Integer))
CROWD, TURNS = 8, 25


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Callable[[], Engine]]:
    """Return a function that opens the file as a process of its own does: with a pool and a queue of its own."""
    engines = []

    def open_file() -> Engine:
        engine = create_engine(f"sqlite:///{tmp_path / 'rows.db'}", connect_args=sqlite.CONNECT_ARGS, pool_size=CROWD)
        sqlite.prepare(engine)
        engines.append(engine)
        return engine

    yield open_file
    for engine in engines:
        engine.dispose()


def write(engine: Engine, writer: int) -> float:
    """Write one row; return how long that took."""
    started = time.monotonic()
    with engine.begin() as connection:
        connection.execute(insert(ROWS).values(writer=writer))
    return time.monotonic() - started


def test_a_crowd_of_writers_in_one_process_does_not_keep_the_other_process_out(engine: Callable[[], Engine]) -> None:
    web, worker = engine(), engine()
    ROWS.create(web)
    over = threading.Event()

    def write_on(writer: int) -> int:
        written = 0
        while not over.is_set():
            write(web, writer)
            written += 1
        return written

    with ThreadPoolExecutor(CROWD) as threads:
        crowd = [threads.submit(write_on, writer) for writer in range(CROWD)]
        try:
            waits = [write(worker, CROWD) for _ in range(TURNS)]
        finally:
            over.set()
        written = [each.result() for each in crowd]

    assert max(waits) < sqlite.WAIT_SECONDS / 2, waits
    assert min(written) > 0, "and the worker keeps nobody of the crowd out"
    with web.connect() as connection:
        assert connection.scalar(select(func.count()).select_from(ROWS)) == sum(written) + TURNS
