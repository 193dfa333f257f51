"""`flask auth doctor`: what is well, what is not, and what mends it."""

import click
from flask.cli import with_appcontext

from chirp_auth.cli import checks_inside, checks_outside
from chirp_auth.cli.findings import Finding, report
from chirp_auth.cli.output import as_json_option


@click.command("doctor")
@click.option("--send-test", metavar="ADDRESS", help="Also send a test mail to this address.")
@with_appcontext
@as_json_option
def doctor(send_test: str | None, as_json: bool) -> None:
    """Check everything that the service needs. A line each, with what mends it; exit code 1 if anything fails.

    Example: flask --app wsgi auth doctor --send-test alice@example.com
    """
    findings = _examine()
    if send_test:
        findings.append(checks_outside.check_sending(send_test))
    report(findings, as_json=as_json)


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
