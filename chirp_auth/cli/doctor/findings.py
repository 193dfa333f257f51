"""What `doctor` finds: a line each, ok, warn or fail, with what mends it."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass

import click

from chirp_auth.cli._common.output import FAILED, print_rows

OK, WARN, FAIL = "ok", "warn", "fail"


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of the doctor's."""

    check: str
    status: str
    detail: str
    fix: str = ""


def ok(check: str, detail: str) -> Finding:
    return Finding(check, OK, detail)


def warn(check: str, detail: str, fix: str) -> Finding:
    return Finding(check, WARN, detail, fix)


def fail(check: str, detail: str, fix: str) -> Finding:
    return Finding(check, FAIL, detail, fix)


def report(findings: Sequence[Finding], *, as_json: bool) -> None:
    """Print the findings; end with exit code 1 if anything fails."""
    failed = any(finding.status == FAIL for finding in findings)
    if as_json:
        click.echo(json.dumps({"ok": not failed, "checks": list(map(asdict, findings))}, indent=2))
    else:
        print_rows(("check", "status", "detail", "fix"), map(asdict, findings), as_json=False)
    if failed:
        raise SystemExit(FAILED)
