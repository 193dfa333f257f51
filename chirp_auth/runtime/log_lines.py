"""Log lines on a descriptor, each in one write and without a lock.

structlog's own logger holds a lock over a write, which lets go of the interpreter's: under load the threads then queue
for both.
"""

import os
from typing import TextIO

import structlog


class LineLogger:
    """Writes lines; the level was decided before. Threads do not mix them: a pipe takes up to 4 KiB whole (pipe(7))."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor

    def msg(self, line: str) -> None:
        """Write a line."""
        left = memoryview(f"{line}\n".encode(errors="backslashreplace"))
        while left:
            left = left[os.write(self._descriptor, left) :]

    debug = info = warning = error = critical = exception = msg


def logger_factory(stream: TextIO) -> structlog.typing.WrappedLogger:
    """Return what makes loggers that write to the stream's descriptor; one without has structlog's own logger."""
    try:
        logger = LineLogger(stream.fileno())
    except OSError:
        return structlog.PrintLoggerFactory(stream)
    return lambda *_names: logger
