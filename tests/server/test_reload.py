"""A reload: new processes listen beside the old ones before those end, so that no request is lost."""

import http.client
import os
import signal
import threading
from pathlib import Path

from tests.support.server import application


def children(pid: int) -> set[str]:
    """Return the processes that any of its threads started."""
    return {child for task in Path(f"/proc/{pid}/task").glob("*/children") for child in task.read_text().split()}


def test_a_reload_replaces_every_process_and_loses_no_request(tmp_path: Path) -> None:
    with application({"BCRYPT_COST": "4"}, tmp_path, seconds=60) as server:
        over, answered, failed = threading.Event(), [], []

        def ask_again_and_again() -> None:
            while not over.wait(0.01):
                line = http.client.HTTPConnection("127.0.0.1", server.port, timeout=20)
                try:
                    line.request("GET", "/healthz/live")
                    answered.append(line.getresponse().status)
                except (OSError, http.client.HTTPException) as error:
                    failed.append(repr(error))
                finally:
                    line.close()

        serving = {child for child in children(server.pid) if is_ours(child)}
        threads = [threading.Thread(target=ask_again_and_again) for _ in range(2)]
        for thread in threads:
            thread.start()
        os.kill(server.pid, signal.SIGHUP)
        server.wait_until(lambda: not serving & children(server.pid), seconds=60)
        before = len(answered)
        server.wait_until(lambda: len(answered) > before + 20)
        over.set()
        for thread in threads:
            thread.join()

    assert len(serving) == 2, "one that serves, and the worker"
    assert (set(answered), failed) == ({200}, [])


def is_ours(pid: str) -> bool:
    """Say whether it serves or delivers; the resource tracker of multiprocessing stays."""
    line = Path(f"/proc/{pid}/cmdline").read_bytes()
    return b"chirp_auth.worker" in line or b"spawn_main" in line
