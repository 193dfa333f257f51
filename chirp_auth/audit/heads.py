"""Noted heads: a line for each seal in AUDIT_HEAD_FILE. A copy elsewhere proves that the trail was rewritten.

A line is: time, number of the seal, running count of events, digest; separated by spaces.
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
            os.write(file, line.encode())  # One write: lines of several workers do not mix.
        finally:
            os.close(file)
    except OSError as error:
        log.error("audit head not noted", error=error.strerror)


def read(path: Path) -> Iterator[Head]:
    """Yield the heads of a file.

    Raises:
        ValueError: a line is not a head; the text says which.
        OSError: the file cannot be read.
    """
    with path.open(encoding="utf-8", errors="replace") as lines:
        for number, line in enumerate(lines, 1):
            if line.strip():
                yield _parsed(line, number)


def missing_from(last: AuditSeal | None, anchor: AuditAnchor | None) -> str | None:
    """Return the problem if the trail ends before the head that this machine noted last, or with another one."""
    head = _last_noted()
    if head is None or (anchor and last is None and head.number <= anchor.number):
        return None
    if last is None or last.number < head.number:
        return f"Seal {head.number} is gone, which was noted as the head at {head.at}."
    if last.number == head.number and last.digest != head.digest:
        return f"Seal {head.number} is not the one that was noted as the head at {head.at}."
    return None


def _last_noted() -> Head | None:
    if settings.audit_head_file is None:
        return None
    try:
        with settings.audit_head_file.open("rb") as file:
            file.seek(max(0, file.seek(0, os.SEEK_END) - _TAIL_BYTES))
            lines = file.read().decode(errors="replace").split("\n")[:-1]  # Without an incomplete last line.
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
