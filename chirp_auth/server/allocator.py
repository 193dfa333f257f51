"""The allocator: glibc's malloc, told to give the memory of large bodies back to the system."""

import ctypes
import sys
from contextlib import suppress

# malloc.h
_M_MMAP_THRESHOLD = -3
_M_ARENA_MAX = -8

LARGE_BYTES = 128 * 1024  # glibc's own first value.
MAX_ARENAS = 2


def return_large_blocks() -> None:
    """Let every large block be a mapping of its own, which ends when it is freed, and bound the arenas.

    Of itself glibc raises the size to that of the largest block that was freed, up to 32 MB, keeps such blocks in its
    arenas from then on, and has an arena for almost every thread. Does nothing with another C library.
    """
    if not sys.platform.startswith("linux"):
        return
    with suppress(OSError, AttributeError):
        mallopt = ctypes.CDLL(None).mallopt
        mallopt(_M_MMAP_THRESHOLD, LARGE_BYTES)
        mallopt(_M_ARENA_MAX, MAX_ARENAS)
