"""The hash gate: few run, few wait, and whoever comes after is turned away at once."""

import os
import threading
import time

import pytest

from chirp_auth.errors import ServiceBusy
from chirp_auth.security import hash_queue
from chirp_auth.security.hash_queue import HashQueue


class Crowd:
    """Threads at a gate: each stays inside until it is let go."""

    def __init__(self, door: HashQueue, size: int) -> None:
        self.inside = self.most_inside = self.refused = self.served = 0
        self.let_go = threading.Event()
        self._lock = threading.Lock()
        self._threads = [threading.Thread(target=self._enter, args=(door,)) for _ in range(size)]
        for thread in self._threads:
            thread.start()

    def _enter(self, door: HashQueue) -> None:
        try:
            with door.passage():
                with self._lock:
                    self.inside += 1
                    self.most_inside = max(self.most_inside, self.inside)
                self.let_go.wait(10)
                with self._lock:
                    self.inside -= 1
                    self.served += 1
        except ServiceBusy:
            with self._lock:
                self.refused += 1

    def wait_until_refused(self, count: int) -> None:
        deadline = time.monotonic() + 10
        while self.refused < count:
            assert time.monotonic() < deadline, f"{self.refused} refused"
            time.sleep(0.01)

    def end(self) -> None:
        self.let_go.set()
        for thread in self._threads:
            thread.join(10)


def test_of_a_crowd_some_run_some_wait_and_the_rest_are_refused() -> None:
    crowd = Crowd(HashQueue(running=2, waiting=3), 20)

    crowd.wait_until_refused(15)
    assert crowd.inside == 2
    crowd.end()

    assert (crowd.most_inside, crowd.served, crowd.refused) == (2, 5, 15)


def test_who_waits_too_long_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hash_queue, "MAX_WAIT_SECONDS", 0.05)
    door = HashQueue(running=1, waiting=1)

    with door.passage(), pytest.raises(ServiceBusy), door.passage():
        pass
    with door.passage():
        pass


def test_an_error_inside_gives_the_place_back() -> None:
    door = HashQueue(running=1, waiting=0)

    for _ in range(3):
        with pytest.raises(ZeroDivisionError), door.passage():
            _ = 1 / 0


@pytest.mark.parametrize(("threads", "processes"), [(4, 1), (8, 1), (8, 4), (64, 2)])
def test_threads_stay_free_for_pages_that_hash_nothing(
    monkeypatch: pytest.MonkeyPatch, threads: int, processes: int
) -> None:
    for cores in (1, 2, 64):
        monkeypatch.setattr(os, "cpu_count", lambda cores=cores: cores)
        crowd = Crowd(hash_queue.for_threads(threads, processes), threads)
        crowd.wait_until_refused(max(2, threads // 4))
        crowd.end()

        assert crowd.most_inside <= cores
        assert crowd.served <= threads - max(2, threads // 4)
