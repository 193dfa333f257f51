"""`flask auth doctor`: what is well, what is not, and what mends it."""

import click
from flask.cli import with_appcontext

from chirp_auth.cli.doctor import inside, outside
from chirp_auth.cli.doctor.findings import Finding, report
from chirp_auth.cli.manners.output import as_json_option


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
        findings.append(outside.check_sending(send_test))
    report(findings, as_json=as_json)


def _examine() -> list[Finding]:
    return [
        inside.check_settings(),
        inside.check_addresses(),
        inside.check_proxy(),
        outside.check_database(),
        outside.check_clock(),
        outside.check_redis(),
        outside.check_smtp(),
        *outside.check_delivery(),
        outside.check_audit_trail(),
        inside.check_hash_cost(),
        inside.check_demo_accounts(),
        inside.check_cookies(),
        inside.check_templates(),
        inside.check_files(),
    ]
