"""`flask auth trace`: what became of one request."""

import click
from flask.cli import with_appcontext

from chirp_auth.admin import trace as tracing
from chirp_auth.cli._common.event_rows import moment
from chirp_auth.cli._common.output import NOT_FOUND, as_json_option, print_rows, stop


@click.command("trace")
@click.argument("reference")
@with_appcontext
@as_json_option
def trace(reference: str, as_json: bool) -> None:
    """Tell what became of a request, by the X-Request-Id of its answer.

    Steps: accepted, limited, queued, no account, waiting, parked, sent, opened, used, void, expires.
    Of one client's refusals by a limit only the first of a period is on record; the server's log has them all.

    Example: flask --app wsgi auth trace 5f0c6b7a9d3e1f24
    """
    steps = [
        {
            "at": moment(step.at) if step.at else None,
            "step": step.step,
            "detail": step.detail,
        }
        for step in tracing.trace(reference)
    ]
    if not steps:
        stop(
            f"Nothing is recorded under {reference}: it was refused before it was accepted, or it is cleaned up. "
            "Look for it in the server's log.",
            NOT_FOUND,
        )
    print_rows(("at", "step", "detail"), steps, as_json=as_json)
