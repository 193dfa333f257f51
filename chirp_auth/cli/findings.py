"""What `doctor` finds: a line each, ok, warn or fail, with what mends it."""

from dataclasses import dataclass

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
