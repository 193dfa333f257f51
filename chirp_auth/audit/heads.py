"""Noted heads: a line for each seal in AUDIT_HEAD_FILE, so that a copy elsewhere convicts who rewrites the trail.

A line is: time, number of the seal, running count of events, digest; with blanks between.
"""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import structlog

from chirp_auth.extensions import settings
from chirp_auth.models import AuditAnchor, AuditSeal

_TAIL_BYTES = 4096

log = structlog.get_logger("audit")


@dataclass(frozen=True, slots=True)
class Head:
    """A seal as it was noted when it was the last."""

    at: str
    number: int
    total: int
    digest: str


def note(seal: AuditSeal) -> None:
    """Write the head to the log, and to AUDIT_HEAD_FILE if that is set."""
    events = len(seal.members)
    log.info("audit sealed", seal=seal.number, events=events, total=seal.total, digest=seal.digest)
    if settings.audit_head_file is None:
        return
    line = f"{seal.sealed_at.isoformat()} {seal.number} {seal.total} {seal.digest}\n"
    try:
        file = os.open(settings.audit_head_file, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        try:
            os.write(file, line.encode())  # One write, so that lines of several workers do not mix.
        finally:
            os.close(file)
    except OSError as error:
        log.error("audit head not noted", error=error.strerror)


def read(path: Path) -> Iterator[Head]:
    """Yield the heads of a file.

    Raises:
        ValueError: a line is no head; the text says which.
        OSError: the file cannot be read.
    """
    with path.open(encoding="utf-8", errors="replace") as lines:
        for number, line in enumerate(lines, 1):
            if line.strip():
                yield _parsed(line, number)


def missing_from(last: AuditSeal | None, anchor: AuditAnchor | None) -> str | None:
    """Return what is wrong if the trail ends before the head that this machine noted last, or in another one."""
    noted = _last_noted()
    if noted is None or (anchor and last is None and noted.number <= anchor.number):
        return None
    if last is None or last.number < noted.number:
        return f"Seal {noted.number} is gone, which was noted as the head at {noted.at}."
    if last.number == noted.number and last.digest != noted.digest:
        return f"Seal {noted.number} is not the one that was noted as the head at {noted.at}."
    return None


def _last_noted() -> Head | None:
    if settings.audit_head_file is None:
        return None
    try:
        with settings.audit_head_file.open("rb") as file:
            file.seek(max(0, file.seek(0, os.SEEK_END) - _TAIL_BYTES))
            lines = file.read().decode(errors="replace").split("\n")[:-1]  # A line that was cut off has no end.
        return _parsed(lines[-1], len(lines)) if lines else None
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        log.error("audit heads not read", error=str(error))
        return None


def _parsed(line: str, line_number: int) -> Head:
    try:
        at, number, total, digest = line.split()
        return Head(at, int(number), int(total), digest)
    except ValueError:
        raise ValueError(f"line {line_number} is no head: time, number, count, digest") from None
