"""Processors: a serving process keeps to one, the worker beside it to the others, and a hash to none."""

import json
import os
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from tests.server.test_worker_process import children, workers
from tests.support.redis import RedisServer
from tests.support.server import Application, application

PROCESSORS = os.sched_getaffinity(0) if hasattr(os, "sched_getaffinity") else set()

pytestmark = pytest.mark.skipif(len(PROCESSORS) < 2, reason="needs Linux and two processors")


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Application]:
    """A server whose hashes take a second or more."""
    with application({"BCRYPT_COST": "14"}, tmp_path_factory.mktemp("affinity")) as server:
        yield server


def serving(server: Application) -> int:
    """Return the process that serves: it has more threads than any other beside the worker."""
    others = set(children(server.pid)) - set(workers(server.pid))
    return max(others, key=lambda pid: len(list(Path(f"/proc/{pid}/task").iterdir())))


def processors(pid: int) -> list[set[int]]:
    """Return the processors of each thread of a process."""
    found = []
    for thread in Path(f"/proc/{pid}/task").iterdir():
        with suppress(ProcessLookupError):  # It has ended.
            found.append(os.sched_getaffinity(int(thread.name)))
    return found


def sign_in(server: Application) -> None:
    body = json.dumps({"email": "nobody@example.com", "password": "a password"}).encode()
    request = urllib.request.Request(f"{server.base_url}/api/v1/auth/login", body, {"Content-Type": "application/json"})
    with suppress(urllib.error.HTTPError):
        urllib.request.urlopen(request, timeout=60).close()


def test_a_serving_process_keeps_to_one_processor_and_its_worker_to_the_others(server: Application) -> None:
    web, (worker,) = serving(server), workers(server.pid)

    def are_apart() -> bool:
        homes, others = processors(web), processors(worker)
        home = homes[0]
        return (
            len(home) == 1 and all(each == home for each in homes) and all(each == PROCESSORS - home for each in others)
        )

    server.wait_until(are_apart)


def test_a_hash_may_run_anywhere_and_its_thread_comes_back(server: Application) -> None:
    web = serving(server)
    signing_in = threading.Thread(target=sign_in, args=(server,))
    signing_in.start()
    elsewhere = 0
    while signing_in.is_alive():
        elsewhere += sorted(len(each) for each in processors(web))[-2:] == [1, len(PROCESSORS)]
        time.sleep(0.02)

    assert elsewhere >= 5
    server.wait_until(lambda: all(len(each) == 1 for each in processors(web)))


def test_two_serving_processes_do_not_keep_to_the_same_one(
    postgres_url: str, redis_server: RedisServer, tmp_path: Path
) -> None:
    settings = {"DATABASE_URL": postgres_url, "REDIS_URL": redis_server.url, "WEB_WORKERS": "2", "BCRYPT_COST": "4"}
    with application(settings, tmp_path) as server:

        def keeping() -> list[int]:
            """Return the processes that serve and keep to a processor."""
            others = sorted(set(children(server.pid)) - set(workers(server.pid)))
            return [pid for pid in others if all(len(each) == 1 for each in processors(pid))]

        server.wait_until(lambda: len(keeping()) == 2)
        older, younger = keeping()

        for thread in Path(f"/proc/{older}/task").iterdir():
            os.sched_setaffinity(int(thread.name), processors(younger)[0])

        server.wait_until(lambda: processors(older)[0] != processors(younger)[0])


def test_it_can_be_switched_off(tmp_path: Path) -> None:
    with application({"BCRYPT_COST": "4", "CPU_AFFINITY": "false"}, tmp_path) as server:
        time.sleep(1.5)

        for pid in (serving(server), *workers(server.pid)):
            assert all(each == PROCESSORS for each in processors(pid))
