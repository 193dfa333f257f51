"""`flask auth doctor`: what is well, what is not, and what mends it."""

import click
from flask.cli import with_appcontext

from chirp_auth.cli._common.output import as_json_option
from chirp_auth.cli.doctor import local_checks, sealing_checks, service_checks
from chirp_auth.cli.doctor.findings import Finding, report


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
        findings.append(service_checks.check_sending(send_test))
    report(findings, as_json=as_json)


def _examine() -> list[Finding]:
    return [
        local_checks.check_settings(),
        local_checks.check_addresses(),
        local_checks.check_proxy(),
        service_checks.check_database(),
        service_checks.check_clock(),
        service_checks.check_redis(),
        service_checks.check_smtp(),
        *service_checks.check_delivery(),
        service_checks.check_audit_trail(),
        sealing_checks.check_encryption_key(),
        sealing_checks.check_sealed_secrets(),
        local_checks.check_hash_cost(),
        local_checks.check_breached_passwords(),
        local_checks.check_demo_accounts(),
        local_checks.check_cookies(),
        local_checks.check_templates(),
        local_checks.check_files(),
        local_checks.check_disk(),
    ]
