"""The sending threads: each keeps one connection and takes one job after the other. None of them uses the database."""

import time
from threading import Thread

import structlog
from flask import Flask

from chirp_auth.clock import now
from chirp_auth.mail import rendering
from chirp_auth.mail.sender import Sender, open_sender
from chirp_auth.mail.smtp import BrokenOff, Refused, ServerAway, TryLater
from chirp_auth.worker.dispatch import Dispatch
from chirp_auth.worker.jobs import Job, Report, Unsendable

IDLE_SECONDS = 30.0  # Then the connection is closed; the thread stays for the next burst.

log = structlog.get_logger("worker")


class Senders:
    """The threads that send the jobs of one dispatch; there are only as many as were ever needed at once."""

    def __init__(self, app: Flask, dispatch: Dispatch) -> None:
        self._app, self._dispatch = app, dispatch
        self._threads: list[Thread] = []

    def staff(self, jobs: int) -> None:
        """Have a thread for each of so many jobs, up to the dispatch's connections."""
        while len(self._threads) < min(jobs, self._dispatch.most):
            thread = Thread(target=_work, args=(self._app, self._dispatch), name="mail-sender", daemon=True)
            self._threads.append(thread)
            thread.start()

    def join(self, seconds: float) -> None:
        """Wait until all have ended; the dispatch was closed before."""
        until = time.monotonic() + seconds
        for thread in self._threads:
            thread.join(max(0.0, until - time.monotonic()))


def _work(app: Flask, dispatch: Dispatch) -> None:
    with app.app_context(), open_sender() as sender:
        while not dispatch.is_closed:
            job = dispatch.take(connected=sender.is_connected, seconds=IDLE_SECONDS)
            if job:
                report = _deliver(job, sender)
                dispatch.finish(report, connected=sender.is_connected)
            elif sender.is_connected:
                sender.hang_up()
                dispatch.hang_up()


def _deliver(job: Job, sender: Sender) -> Report:
    """Render and send one mail. A decoy is rendered too, and thrown away."""
    entry = job.entry
    about = {"kind": entry.kind, "entry": str(entry.id)}
    try:
        message = rendering.message_for(entry, job.email)
        if job.decoy_for is None:
            sender.send(message)
            waited = (now() - entry.created_at).total_seconds()
            log.info("mail sent", **about, waited_seconds=round(waited, 3))
    except ServerAway as away:
        return Report(job, away)
    except Refused as refusal:
        log.error("mail refused", **about, error=str(refusal))
        return Report(job, refusal)
    except BrokenOff as end:
        log.warning("mail broken off", **about, error=str(end))
        return Report(job, end)
    except TryLater as delay:
        log.warning("mail put off", **about, error=str(delay))
        return Report(job, delay)
    except Exception as bug:
        log.exception("mail not composed", **about)
        return Report(job, Unsendable(type(bug).__name__))
    return Report(job)
