"""Random identifiers, unguessable and cheap: OpenSSL's generator, which is seeded by the system and safe across forks.

`os.urandom` lets go of the interpreter's lock, and under load its caller then waits for each of its few bytes.
"""

from datetime import datetime
from ssl import RAND_bytes
from uuid import UUID


def time_ordered_uuid(moment: datetime) -> UUID:
    """Return a UUIDv7 (RFC 9562, 5.7): ids of one time lie together in every index, where random ones lie anywhere."""
    milliseconds, random = int(moment.timestamp() * 1000), int.from_bytes(RAND_bytes(10), "big") >> 6
    version, variant = 7 << 76, 2 << 62
    return UUID(int=(milliseconds << 80) | version | (random >> 62 << 64) | variant | (random % (1 << 62)))


def random_hex(size: int) -> str:
    """Return the hexadecimal digits of so many random bytes."""
    return RAND_bytes(size).hex()
