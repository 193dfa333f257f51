"""`flask auth doctor`: what is well, what is not, and what mends it."""

import json
from dataclasses import asdict

import click
from flask.cli import with_appcontext

from chirp_auth.cli import checks_inside, checks_outside
from chirp_auth.cli.findings import FAIL, Finding
from chirp_auth.cli.mail import send_test_mail
from chirp_auth.cli.output import FAILED, as_json_option, rows


@click.command("doctor")
@click.option("--send-test", metavar="ADDRESS", help="Also send a test mail to this address.")
@with_appcontext
@as_json_option
def doctor(send_test: str | None, as_json: bool) -> None:
    """Check everything that the service needs; a line each, with what mends it. Exit code 1 if anything fails.

    Example: flask --app wsgi auth doctor --send-test alice@example.com
    """
    findings = _examine()
    failed = any(finding.status == FAIL for finding in findings)
    if as_json:
        click.echo(json.dumps({"ok": not failed, "checks": list(map(asdict, findings))}, indent=2))
    else:
        rows(("check", "status", "detail", "fix"), list(map(asdict, findings)), as_json=False)
    if send_test:
        send_test_mail(send_test)
    if failed:
        raise SystemExit(FAILED)


def _examine() -> list[Finding]:
    return [
        checks_inside.check_settings(),
        checks_inside.check_proxy(),
        checks_outside.check_database(),
        checks_outside.check_clock(),
        checks_outside.check_redis(),
        checks_outside.check_smtp(),
        *checks_outside.check_delivery(),
        checks_inside.check_hash_cost(),
        checks_inside.check_cookies(),
        checks_inside.check_templates(),
        checks_inside.check_files(),
    ]
