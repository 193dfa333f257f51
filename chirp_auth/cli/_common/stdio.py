"""The standard streams as they come: closed by a job's shell, or leading to a disk that is full."""

import os
import sys
from contextlib import suppress
from pathlib import Path

NOWHERE = Path(os.devnull)


def replace_closed() -> None:
    """Let a closed input be empty and closed errors go nowhere; nothing is done while output is closed.

    Python has None in their place. What a command prints may be what it was called for, such as a link that works once.
    """
    sys.stdin = sys.stdin or NOWHERE.open(encoding="utf-8")
    sys.stderr = sys.stderr or NOWHERE.open("w", encoding="utf-8")
    if sys.stdout is None:
        sys.exit("Error: Standard output is closed. Let it go to /dev/null if nobody is to see it.")


def drop_output() -> None:
    """Let standard output swallow what it could not write, or Python would fail over it once more when it ends."""
    with suppress(OSError), NOWHERE.open("w", encoding="utf-8") as nowhere:
        os.dup2(nowhere.fileno(), sys.stdout.fileno())
