"""The hash queue: bcrypt keeps a core busy for a quarter of a second, so only as many run as there are cores.

bcrypt releases the GIL, so pages stay fast while hashes run. Whoever waits gives back what a page needs, and waits in
order of arrival, a reset before a sign-in. Nobody is refused while the expected wait, from the measured time of a hash
and the length of the queue, stays within HASH_WAIT. Beyond it the client with the most waiting loses its newest.

After its hash each waits a little more, at random. To count a failure of an account that exists takes some tenths of a
millisecond, which are lost in that: limits and delays leave nobody many tries to average it out.
"""

import time
from bisect import insort
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from datetime import timedelta
from enum import IntEnum
from random import SystemRandom
from threading import Event, Lock
from typing import Protocol

from chirp_auth import metrics
from chirp_auth.errors import ClientGone, ServiceBusy

FIRST_ESTIMATE = timedelta(seconds=0.25)  # A hash of cost 12 on common hardware, until one was measured.
WEIGHT_OF_NEWEST = 0.2  # The estimate follows a machine that gets slower within a few hashes.
BLUR_SHARE, MOST_BLUR_SECONDS = 0.1, 0.03  # Of a hash: so long at most each waits after it, at random.
MAX_WAITING = 1_000  # Each keeps a thread; where hashes are cheap, HASH_WAIT alone would allow any number.

_RANDOM = SystemRandom()


class Urgency(IntEnum):
    """Who goes first: whoever has proved something, by a link or the old password, before whoever signs in."""

    RESET = 0
    SIGN_IN = 1


class Holder(Protocol):
    """A caller of the queue, commonly a request."""

    def given_back(self) -> AbstractContextManager[None]:
        """Give back, for the duration of the block, what others need."""

    def is_gone(self) -> bool:
        """Say whether nobody waits for the result any more."""


class Nothing:
    """A caller that holds nothing, such as a command."""

    def given_back(self) -> AbstractContextManager[None]:
        return nullcontext()

    def is_gone(self) -> bool:
        return False


class _Ticket:
    """One caller's turn."""

    def __init__(self, client: str, urgency: Urgency, is_gone: Callable[[], bool]) -> None:
        self.client = client
        self.urgency = urgency
        self.is_gone = is_gone
        self.started: float | None = None
        self._refusal: ServiceBusy | None = None
        self._decided = Event()

    def call(self) -> None:
        self.started = time.monotonic()
        self._decided.set()

    def refuse(self, refusal: ServiceBusy) -> None:
        self._refusal = refusal
        self._decided.set()

    def wait(self) -> None:
        self._decided.wait()
        if self._refusal:
            raise self._refusal


class HashQueue:
    """Runs at most `slots` hashes at once; the others wait in turn.

    Args:
        slots: how many hashes run at once.
        max_wait: whoever would have to wait longer is refused.
        first_estimate: how long a hash takes, until one was measured.
        current_holder: returns who is calling.
    """

    def __init__(
        self,
        slots: int,
        max_wait: timedelta,
        first_estimate: timedelta = FIRST_ESTIMATE,
        current_holder: Callable[[], Holder] = Nothing,
    ) -> None:
        self._slots = slots
        self._max_wait = max_wait.total_seconds()
        self._hash_seconds = first_estimate.total_seconds()
        self._current_holder = current_holder
        self._lock = Lock()
        self._running = 0
        self._waiting: list[_Ticket] = []  # If anybody waits, all slots are taken.

    def expect_room(self, client: str, urgency: Urgency = Urgency.SIGN_IN) -> None:
        """Refuse now whom `slot` would refuse now, before anything is spent on them.

        Raises:
            ServiceBusy: the expected wait is too long.
        """
        with self._lock:
            self._find_room(client, urgency)

    @contextmanager
    def slot(self, client: str, urgency: Urgency = Urgency.SIGN_IN) -> Iterator[None]:
        """Hold one slot for one hash; `client` is whose share of the queue it uses.

        Raises:
            ServiceBusy: the expected wait is too long, or became so for a client that has the most waiting.
            ClientGone: the caller hung up while it waited; nothing was hashed.
        """
        self.expect_room(client, urgency)  # A refusal gives nothing back and takes nothing again: it stays cheap.
        holder = self._current_holder()
        with holder.given_back():
            with metrics.hashing.track_inprogress():
                ticket = self._join(_Ticket(client, urgency, holder.is_gone))
                try:
                    ticket.wait()
                    yield
                finally:
                    self._leave(ticket)
            time.sleep(_RANDOM.uniform(0, min(BLUR_SHARE * self._hash_seconds, MOST_BLUR_SECONDS)))

    def waiting(self) -> int:
        """Return how many wait."""
        return len(self._waiting)

    def _join(self, ticket: _Ticket) -> _Ticket:
        with self._lock:
            if self._running < self._slots:
                self._running += 1
                ticket.call()
                return ticket
            if surplus := self._find_room(ticket.client, ticket.urgency):
                self._waiting.remove(surplus)
                surplus.refuse(self._refusal(surplus.urgency))
            insort(self._waiting, ticket, key=lambda other: other.urgency)  # In order of arrival within each.
            return ticket

    def _leave(self, ticket: _Ticket) -> None:
        with self._lock:
            if ticket.started is not None:
                seconds = time.monotonic() - ticket.started
                self._hash_seconds += WEIGHT_OF_NEWEST * (seconds - self._hash_seconds)
                self._call_next()
            elif ticket in self._waiting:  # Interrupted.
                self._waiting.remove(ticket)

    def _call_next(self) -> None:
        while self._waiting:
            ticket = self._waiting.pop(0)
            if not ticket.is_gone():
                ticket.call()
                return
            ticket.refuse(ClientGone())
        self._running -= 1

    def _find_room(self, client: str, urgency: Urgency) -> _Ticket | None:
        """Return whom the caller would displace, None if there is room.

        Raises:
            ServiceBusy: there is no room, and nobody has more than one waiting beyond what the client has.
        """
        if self._has_room(urgency):
            return None
        self._drop_the_gone()
        if self._has_room(urgency):
            return None
        ahead = [ticket for ticket in self._waiting if ticket.urgency <= urgency]
        shares = Counter(ticket.client for ticket in ahead)
        largest = max(shares, key=lambda other: shares[other], default=client)
        if shares[largest] <= shares[client] + 1:
            raise self._refusal(urgency)
        return next(ticket for ticket in reversed(ahead) if ticket.client == largest)

    def _has_room(self, urgency: Urgency) -> bool:
        if self._running < self._slots:
            return True
        return len(self._waiting) < MAX_WAITING and self._expected_wait(urgency) <= self._max_wait

    def _expected_wait(self, urgency: Urgency) -> float:
        ahead = sum(ticket.urgency <= urgency for ticket in self._waiting)
        return (self._running + ahead) * self._hash_seconds / self._slots

    def _drop_the_gone(self) -> None:
        for ticket in [ticket for ticket in self._waiting if ticket.is_gone()]:
            self._waiting.remove(ticket)
            ticket.refuse(ClientGone())

    def _refusal(self, urgency: Urgency) -> ServiceBusy:
        """Return the refusal; by the time it names, those who wait now are through."""
        metrics.hashes_refused.inc()
        return ServiceBusy(timedelta(seconds=max(1.0, min(self._expected_wait(urgency), self._max_wait))))
