"""`flask auth audit …`: the audit trail."""

import json
from dataclasses import asdict

import click
from flask.cli import AppGroup

from chirp_auth.accounts import audit_trail
from chirp_auth.cli.output import FAILED, as_json_option, stop

audit = AppGroup("audit", help="Look into the audit trail.")


@audit.command("verify")
@as_json_option
def verify(as_json: bool) -> None:
    """Check the seals over the audit trail; exit code 1 if an event was changed, removed or slipped in.

    Note the head elsewhere: a trail that was cut off at its end has another one.

    Example: flask --app wsgi auth audit verify
    """
    report = audit_trail.verify()
    if as_json:
        click.echo(json.dumps(asdict(report), indent=2))
    else:
        click.echo(f"{report.events} events under {report.seals} seals, {report.unsealed} not sealed yet.")
        click.echo(f"Head: {report.head}")
        for problem in report.problems:
            click.echo(problem)
    if report.problems:
        stop(f"{len(report.problems)} problems in the audit trail.", FAILED)
