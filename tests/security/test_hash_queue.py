"""The hash queue: in turn, a reset first, nobody in anybody's place, and refused only if the wait is too long."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta

import pytest

from chirp_auth.errors import ClientGone, ServiceBusy
from chirp_auth.http.places import Places
from chirp_auth.security.hash_queue import HashQueue, Urgency

SECOND = timedelta(seconds=1)


def wait_until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.002)


class Crowd:
    """Callers who come one after the other; each hashes until it is let go on."""

    def __init__(self, queue: HashQueue) -> None:
        self.served: list[str] = []
        self.refused: dict[str, ServiceBusy] = {}
        self.inside = self.most_inside = 0
        self._queue = queue
        self._go_on = threading.Semaphore(0)
        self._lock = threading.Lock()
        self._threads: list[threading.Thread] = []

    def come(self, name: str, client: str = "", urgency: Urgency = Urgency.SIGN_IN) -> None:
        """Let somebody come, and wait until they are in a slot, wait for one or are refused."""
        waiting, done = self._queue.waiting(), self.inside + len(self.refused) + len(self.served)
        thread = threading.Thread(target=self._enter, args=(name, client or name, urgency))
        self._threads.append(thread)
        thread.start()
        wait_until(lambda: self._queue.waiting() > waiting or self.inside + len(self.refused) + len(self.served) > done)

    def let_all_go_on(self) -> None:
        self._go_on.release(len(self._threads))
        for thread in self._threads:
            thread.join(10)
            assert not thread.is_alive()

    def _enter(self, name: str, client: str, urgency: Urgency) -> None:
        try:
            with self._queue.slot(client, urgency):
                with self._lock:
                    self.inside += 1
                    self.most_inside = max(self.most_inside, self.inside)
                    self.served.append(name)
                self._go_on.acquire()
                with self._lock:
                    self.inside -= 1
        except ServiceBusy as refusal:
            self.refused[name] = refusal


def test_all_are_served_and_never_more_at_once_than_there_are_slots() -> None:
    crowd = Crowd(HashQueue(slots=2, max_wait=100 * SECOND))

    for number in range(20):
        crowd.come(str(number))
    crowd.let_all_go_on()

    assert crowd.most_inside == 2
    assert not crowd.refused
    assert sorted(map(int, crowd.served)) == list(range(20))


def test_the_first_to_come_is_the_first_to_be_served() -> None:
    crowd = Crowd(HashQueue(slots=1, max_wait=100 * SECOND))

    for number in range(10):
        crowd.come(str(number))
    crowd.let_all_go_on()

    assert crowd.served == [str(number) for number in range(10)]


def test_a_reset_goes_before_sign_ins_and_after_other_resets() -> None:
    crowd = Crowd(HashQueue(slots=1, max_wait=100 * SECOND))

    for name in ("first", "sign-in 1", "sign-in 2"):
        crowd.come(name)
    crowd.come("reset 1", urgency=Urgency.RESET)
    crowd.come("reset 2", urgency=Urgency.RESET)
    crowd.let_all_go_on()

    assert crowd.served == ["first", "reset 1", "reset 2", "sign-in 1", "sign-in 2"]


def test_whoever_would_wait_too_long_is_refused_with_the_time_after_which_it_pays_to_come_back() -> None:
    queue = HashQueue(slots=1, max_wait=5 * SECOND, first_estimate=SECOND)
    crowd = Crowd(queue)

    for number in range(7):
        crowd.come(str(number))
    with pytest.raises(ServiceBusy):
        queue.expect_room("somebody")
    queue.expect_room("somebody", Urgency.RESET)
    crowd.let_all_go_on()

    assert list(crowd.refused) == ["6"]
    assert crowd.refused["6"].retry_after == 5 * SECOND


def test_the_expected_wait_follows_what_hashes_take() -> None:
    queue = HashQueue(slots=1, max_wait=SECOND, first_estimate=100 * SECOND)
    for _ in range(30):
        with queue.slot("somebody"):
            pass

    with queue.slot("somebody"):
        queue.expect_room("another")


def test_one_client_cannot_fill_the_queue_for_others() -> None:
    crowd = Crowd(HashQueue(slots=1, max_wait=5 * SECOND, first_estimate=SECOND))

    for number in range(8):
        crowd.come(f"flood {number}", client="flood")
    assert sorted(crowd.refused) == ["flood 6", "flood 7"], "alone it may use all of the queue"
    for name in ("alice", "bob"):
        crowd.come(name)
    crowd.come("flood 8", client="flood")
    crowd.let_all_go_on()

    assert crowd.served == ["flood 0", "flood 1", "flood 2", "flood 3", "alice", "bob"]


class Request:
    """A caller that gives something back."""

    def __init__(self, places: threading.Semaphore) -> None:
        self.places = places
        self.gone = False

    @contextmanager
    def given_back(self) -> Iterator[None]:
        self.places.release()
        try:
            yield
        finally:
            self.places.acquire()

    def is_gone(self) -> bool:
        return self.gone


def test_who_waits_holds_nothing_and_who_is_refused_gives_nothing_back() -> None:
    places = threading.Semaphore(0)
    queue = HashQueue(1, SECOND, first_estimate=SECOND, current_holder=lambda: Request(places))

    def free() -> int:
        return places._value

    crowd = Crowd(queue)
    for name in ("runs", "waits", "is refused"):
        crowd.come(name)

    assert list(crowd.refused) == ["is refused"]
    assert free() == 2
    crowd.let_all_go_on()
    assert free() == 0


def test_who_hung_up_is_not_hashed_for_and_takes_no_room() -> None:
    requests = [Request(threading.Semaphore(9)) for _ in range(4)]
    coming = iter(requests)
    queue = HashQueue(1, 2 * SECOND, first_estimate=SECOND, current_holder=lambda: next(coming))
    crowd = Crowd(queue)

    for name in ("runs", "hangs up", "waits"):
        crowd.come(name)
        requests[1].gone = name == "hangs up" or requests[1].gone
    crowd.come("waits too")
    crowd.let_all_go_on()

    assert crowd.served == ["runs", "waits", "waits too"]
    assert isinstance(crowd.refused["hangs up"], ClientGone)


def test_an_error_inside_gives_the_slot_back() -> None:
    queue = HashQueue(slots=1, max_wait=timedelta())

    for _ in range(3):
        with pytest.raises(ZeroDivisionError), queue.slot("somebody"):
            _ = 1 / 0


def test_outside_of_a_request_there_is_no_place_to_give_back() -> None:
    with Places(1).current().given_back():
        assert not Places(1).current().is_gone()


def test_after_a_hash_each_waits_a_little_at_random_and_keeps_nobody_waiting_by_it() -> None:
    waits = []
    for _ in range(50):
        queue = HashQueue(1, timedelta(seconds=15), first_estimate=timedelta(seconds=0.1))
        with queue.slot("a"):
            over = time.monotonic()
        waits.append(time.monotonic() - over)
        assert queue.waiting() == 0

    assert sum(waits) > 0.08  # 0.2 on the average: up to a tenth of 0.08, the estimate after a hash of no time.
    assert max(waits) - min(waits) > 0.003
