"""`flask auth worker`: deliver mail in a process of its own."""

import click
from flask import current_app
from flask.cli import with_appcontext

from chirp_auth.cli._common.output import FAILED, as_json_option, done, stop
from chirp_auth.extensions import settings
from chirp_auth.formatting import counted
from chirp_auth.mail import job_locks
from chirp_auth.mail.smtp import ServerAway
from chirp_auth.runtime import logs
from chirp_auth.worker import delivery as mail_worker
from chirp_auth.worker import periodic, process


@click.command("worker")
@click.option("--once", is_flag=True, help="Deliver what is due, do what else is due, then end.")
@with_appcontext
@as_json_option
def worker(once: bool, as_json: bool) -> None:
    """Deliver mail from the outbox until stopped. On PostgreSQL any number of workers may run at once.

    Example: flask --app wsgi auth worker
    """
    logs.configure(as_json=settings.in_production)  # Here the log is what there is to see.
    if once:
        _work_once(as_json=as_json)
        return
    click.echo("Delivering mail. Ctrl-C ends it after the mail at hand.", err=True)
    process.run(current_app._get_current_object())  # type: ignore[attr-defined]  # the proxy's own way


def _work_once(*, as_json: bool) -> None:
    job_locks.heartbeat()
    mails = 0
    try:
        while batch := mail_worker.run_once():
            mails += batch
    except ServerAway as away:
        stop(f"The mail server is away: {away}. What is due waits. See: flask --app wsgi auth doctor", FAILED)
    finally:
        periodic.Schedule().run_due()  # Last, so that a seal covers what has just happened, and mail waits for nothing.
    done(f"Worked on {counted(mails, 'mail')}.", as_json=as_json, mails=mails)
