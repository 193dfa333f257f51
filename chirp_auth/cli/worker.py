"""`flask auth worker`: deliver mail in a process of its own."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, nullcontext

import click
from flask import current_app
from flask.cli import with_appcontext

from chirp_auth.cli._common.output import FAILED, USAGE, as_json_option, done, stop
from chirp_auth.extensions import settings
from chirp_auth.formatting import counted
from chirp_auth.mail import job_locks
from chirp_auth.mail.smtp import ServerAway
from chirp_auth.runtime import logs, release_files, worker_metrics
from chirp_auth.worker import delivery as mail_worker
from chirp_auth.worker import periodic, process

LOOPBACK = "127.0.0.1"


@click.command("worker")
@click.option("--once", is_flag=True, help="Deliver what is due, do what else is due, then end.")
@click.option("--metrics-port", type=click.IntRange(1, 65535), help="Show what this worker counts at /metrics there.")
@click.option("--metrics-host", default=LOOPBACK, show_default=True, help="Where that is; elsewhere by METRICS_TOKEN.")
@with_appcontext
@as_json_option
def worker(once: bool, metrics_port: int | None, metrics_host: str, as_json: bool) -> None:
    """Deliver mail from the outbox until stopped. On PostgreSQL any number of workers may run at once.

    Example: flask --app wsgi auth worker --metrics-port 9464
    """
    logs.configure(as_json=settings.in_production)  # Here the log is what there is to see.
    if once:
        _work_once(as_json=as_json)
        return
    app = current_app._get_current_object()  # type: ignore[attr-defined]  # the proxy's own way
    with _metrics_shown(metrics_host, metrics_port) if metrics_port else nullcontext():
        if settings.in_production:
            release_files.read_for_mails(app)
        click.echo("Delivering mail. Ctrl-C ends it after the mail at hand.", err=True)
        process.run(app)


@contextmanager
def _metrics_shown(host: str, port: int) -> Iterator[None]:
    if host != LOOPBACK and settings.metrics_token is None:
        stop("Others may reach that host: set METRICS_TOKEN first.", USAGE)
    with ExitStack() as shown:
        try:
            shown.enter_context(worker_metrics.shown(host, port))
        except OSError as error:
            stop(f"The metrics cannot be shown on {host}, port {port}: {error.strerror}.", FAILED)
        yield


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
