"""Random identifiers, unguessable and cheap: OpenSSL's generator, which is seeded by the system and safe across forks.

`os.urandom` lets go of the interpreter's lock, and under load its caller then waits for each of its few bytes.
"""

from ssl import RAND_bytes
from uuid import UUID


def random_uuid() -> UUID:
    """Return a UUID of version 4 (RFC 9562, 5.4)."""
    return UUID(bytes=RAND_bytes(16), version=4)


def random_hex(size: int) -> str:
    """Return the hexadecimal digits of so many random bytes."""
    return RAND_bytes(size).hex()
