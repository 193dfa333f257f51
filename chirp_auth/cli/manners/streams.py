"""The standard streams as they come: closed by a job's shell, or leading to a disk that is full."""

import os
import sys
from contextlib import suppress
from pathlib import Path

NOWHERE = Path(os.devnull)


def replace_closed() -> None:
    """Let a stream that is closed read nothing and swallow what is written; Python has None in its place."""
    sys.stdin = sys.stdin or NOWHERE.open(encoding="utf-8")
    sys.stdout = sys.stdout or NOWHERE.open("w", encoding="utf-8")
    sys.stderr = sys.stderr or NOWHERE.open("w", encoding="utf-8")


def drop_output() -> None:
    """Let standard output swallow what it could not write, or Python would fail over it once more when it ends."""
    with suppress(OSError), NOWHERE.open("w", encoding="utf-8") as nowhere:
        os.dup2(nowhere.fileno(), sys.stdout.fileno())
