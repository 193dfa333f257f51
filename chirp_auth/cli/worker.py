"""`flask auth worker`: deliver mail in a process of its own."""

import signal
import threading
from types import FrameType

import click
from flask import current_app
from flask.cli import with_appcontext

from chirp_auth import logs
from chirp_auth.extensions import settings
from chirp_auth.mail import chores, outbox
from chirp_auth.mail import worker as mail_worker


@click.command("worker")
@click.option("--once", is_flag=True, help="Deliver what is due, then end.")
@with_appcontext
def worker(once: bool) -> None:
    """Deliver mail from the outbox until stopped; any number of workers may run at once (on PostgreSQL).

    Example: flask --app wsgi auth worker
    """
    logs.configure(as_json=settings.in_production)  # Here the log is what there is to see.
    if once:
        chores.Round().do_due()
        while mail_worker.run_once():
            pass
        return
    stop = threading.Event()

    def finish(_signal: int, _frame: FrameType | None) -> None:
        stop.set()
        outbox.arrived.set()

    signal.signal(signal.SIGTERM, finish)
    signal.signal(signal.SIGINT, finish)
    click.echo("Delivering mail. Ctrl-C ends it after the mail at hand.", err=True)
    mail_worker.run(current_app._get_current_object(), stop)  # type: ignore[attr-defined]  # the proxy's own way
