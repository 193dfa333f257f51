"""Which mail may be sent next, by which connection: order within an address, and care for a server in trouble.

Sending threads take jobs and report how they ended; the worker's main thread adds jobs and collects the reports.
It knows nothing of SMTP's commands, of threads or of the database.
"""

import time
from collections import deque
from threading import Condition, RLock

from chirp_auth.mail.smtp import BrokenOff, ServerAway
from chirp_auth.worker.jobs import Job, Report, TooLate, Unsendable

DIFFERENT_DOMAINS = 3  # So many that break off in a row, and it is the server.
PROBE_SECONDS = 2.0  # While the server is in doubt, the next message waits so long for the one before.
MOST_BEHIND = 200  # So many mails may wait for one to the same address before no more are claimed.
NARROW_SECONDS = 30.0  # A server that refused a further connection is asked for one more after this.


class ServerSuspect(ServerAway):
    """The server takes connections, but broke off over one message after the other, to different domains."""


class Dispatch:
    """The jobs of a worker that wait or are in flight, and what is known of the mail server."""

    def __init__(self, connections: int) -> None:
        lock = RLock()
        self.work, self._news = Condition(lock), Condition(lock)
        self.most = self._limit = connections
        self._narrowed_at = 0.0
        self._connected = 0  # threads that have a connection, or may make one
        self._proven = False  # The server has answered as it should since it was last in doubt.
        self._ready: deque[Job] = deque()  # the first of each address
        self._behind: dict[str, deque[Job]] = {}  # for each address in `_ready` or in flight: what comes after
        self._in_flight: set[Job] = set()
        self._reports: list[Report] = []
        self._suspects: list[Report] = []
        self._away: ServerAway | None = None
        self.is_closed = False

    def add(self, jobs: list[Job]) -> None:
        """Queue jobs. What failed before lets the others go first."""
        with self.work:
            for job in sorted(jobs, key=lambda job: job.entry.attempts):
                if job.address in self._behind:
                    self._behind[job.address].append(job)
                else:
                    self._behind[job.address] = deque()
                    self._ready.append(job)
            self.work.notify_all()

    def take(self, *, connected: bool, seconds: float) -> Job | None:
        """Return a job to be done now, or None when none came up for so long, or the worker ends."""
        until = time.monotonic() + seconds
        with self.work:
            while not self.is_closed:
                if self._ready and self._has_room(connected=connected):
                    job = self._ready.popleft()
                    if job.latest_start >= time.monotonic():
                        job.begun_at = time.monotonic()
                        self._in_flight.add(job)
                        self._connected += not connected
                        return job
                    self._end(Report(job, TooLate()))
                elif (left := until - time.monotonic()) <= 0:
                    return None
                else:  # Room comes with time, too: see PROBE_SECONDS.
                    self.work.wait(min(left, PROBE_SECONDS / 4) if self._ready else left)
        return None

    def finish(self, report: Report, *, connected: bool) -> None:
        """Report how a job ended, and whether the thread keeps its connection."""
        with self.work:
            self._in_flight.remove(report.job)
            self._connected -= not connected
            error = report.error
            if isinstance(error, ServerAway):
                self._meet_refused_connection(report.job, error)
                return
            if isinstance(error, BrokenOff):
                report.is_suspect = True
                self._suspects.append(report)
                failed = {suspect.job.domain for suspect in self._suspects}
                self._ready = deque(sorted(self._ready, key=lambda job: job.domain in failed))
            elif report.job.decoy_for is None and not isinstance(error, Unsendable):
                self._clear()
            self._judge()
            self._end(report)

    def hang_up(self) -> None:
        """Note that a thread gave up its connection."""
        with self.work:
            self._connected -= 1

    def collect(self) -> tuple[list[Report], list[Job], ServerAway | None]:
        """Return the reports since the last call; if the server is away, also what was not tried, and the verdict."""
        with self.work:
            self._judge()
            away, left = self._away, []
            if away:
                left = [*self._ready, *(job for jobs in self._behind.values() for job in jobs)]
                self._ready.clear()
                self._behind = {job.address: deque() for job in self._in_flight}
                self._away, self._proven, self._limit = None, False, self.most
                self._suspects = []
            elif not self.is_pending:
                self._suspects = []  # Nobody is left to speak for the server, or against it.
            reports = self._reports
            self._reports = [report for report in reports if report.is_suspect and report in self._suspects]
            return [report for report in reports if report not in self._reports], left, away

    def close(self) -> list[Job]:
        """Let no job begin any more; return those that have not."""
        with self.work:
            self.is_closed = True
            self.work.notify_all()
            left = [*self._ready, *(job for jobs in self._behind.values() for job in jobs)]
            self._ready.clear()
            self._behind.clear()
            return left

    @property
    def is_pending(self) -> bool:
        """Whether a job waits or is in flight."""
        return bool(self._behind)

    @property
    def has_room(self) -> bool:
        """Whether a job that came now could begin soon."""
        with self.work:
            few_wait = len(self._ready) <= self.most and sum(map(len, self._behind.values())) <= MOST_BEHIND
            return few_wait and not self._away and (not self._behind or self._has_room(connected=True))

    def wait(self, seconds: float) -> None:
        """Wait until nothing is pending, or few jobs wait, or the server is away; at most so long."""
        with self._news:
            if self.is_pending and not self._away:
                self._news.wait(seconds)

    def _has_room(self, *, connected: bool) -> bool:
        if self._away or len(self._suspect_domains) >= DIFFERENT_DOMAINS:
            return False
        moment = time.monotonic()
        if (
            not self._proven or len(self._suspect_domains) > 1
        ):  # One by one, until the server has answered as it should.
            return all(moment - job.begun_at > PROBE_SECONDS for job in self._in_flight)
        if self._limit < self.most and moment - self._narrowed_at > NARROW_SECONDS:
            self._limit, self._narrowed_at = self._limit + 1, moment
        return connected or self._connected < self._limit

    @property
    def _suspect_domains(self) -> set[str]:
        return {suspect.job.domain for suspect in self._suspects}

    def _clear(self) -> None:
        """Note that the server answered: what broke off before was not its fault."""
        if self._proven and not self._suspects:
            return
        for suspect in self._suspects:
            suspect.is_suspect = False
        self._suspects, self._proven = [], True
        self.work.notify_all()

    def _judge(self) -> None:
        """Blame the server once too many domains met the same, and nobody that is in flight speaks for it in time."""
        if len(self._suspect_domains) < DIFFERENT_DOMAINS or self._away:
            return
        moment = time.monotonic()
        if all(moment - job.begun_at > PROBE_SECONDS for job in self._in_flight):
            self._away = ServerSuspect(str(self._suspects[-1].error))
            self._news.notify_all()

    def _meet_refused_connection(self, job: Job, error: ServerAway) -> None:
        """Put the job back. While other connections work, the server takes no more than those."""
        if self._connected:
            self._limit, self._narrowed_at = self._connected, time.monotonic()
        else:
            self._away = error
        self._ready.appendleft(job)
        self._news.notify_all()
        self.work.notify_all()

    def _end(self, report: Report) -> None:
        """Keep the report for the main thread, and let the next mail to that address follow."""
        self._reports.append(report)
        behind = self._behind.get(report.job.address)
        if behind:
            self._ready.append(behind.popleft())
            self.work.notify()
        else:
            self._behind.pop(report.job.address, None)
        if not self._behind or len(self._ready) == self.most:
            self._news.notify_all()
