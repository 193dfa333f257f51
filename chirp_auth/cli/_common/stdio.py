"""Standard streams that are closed, or that cannot be written."""

import os
import sys
from contextlib import suppress
from pathlib import Path

NOWHERE = Path(os.devnull)


def replace_closed() -> None:
    """Replace closed standard input and error by the null device; exit if standard output is closed.

    Python sets closed streams to None. Output is required, as it may be the purpose: a link that works once.
    """
    sys.stdin = sys.stdin or NOWHERE.open(encoding="utf-8")
    sys.stderr = sys.stderr or NOWHERE.open("w", encoding="utf-8")
    if sys.stdout is None:
        sys.exit("Error: Standard output is closed. Let it go to /dev/null if nobody is to see it.")


def drop_output() -> None:
    """Redirect standard output to the null device, or Python would fail again when it flushes at exit."""
    with suppress(OSError), NOWHERE.open("w", encoding="utf-8") as nowhere:
        os.dup2(nowhere.fileno(), sys.stdout.fileno())
