"""Time-based one-time passwords, as authenticator apps show them: six digits, a new one each 30 seconds (RFC 6238)."""

import re
from datetime import datetime

import pyotp

STEP_SECONDS = 30
DRIFT_STEPS = 1  # RFC 6238, 5.2: one step back for the way of the code; one ahead for a fast clock.
DIGITS = 6


def new_secret() -> str:
    """Return a random secret of 160 bits in base32, as RFC 4226 (4, R6) recommends."""
    return pyotp.random_base32()


def uri(secret: str, account: str, issuer: str) -> str:
    """Return the address that an authenticator app reads from a QR code."""
    return pyotp.TOTP(secret).provisioning_uri(name=account, issuer_name=issuer)


def code_at(secret: str, moment: datetime) -> str:
    """Return the code that an app shows at this moment."""
    return pyotp.TOTP(secret).at(moment)


def step_of(secret: str, typed: str, moment: datetime) -> int | None:
    """Return the number of the time step whose code this is, if it is one near this moment; blanks do not matter."""
    if not is_shaped_like_one(typed):
        return None
    code = _bare(typed)
    present = int(moment.timestamp()) // STEP_SECONDS
    generator = pyotp.TOTP(secret)
    steps = range(present - DRIFT_STEPS, present + DRIFT_STEPS + 1)
    matches = [step for step in steps if pyotp.utils.strings_equal(code, generator.generate_otp(step))]
    return max(matches, default=None)


def is_shaped_like_one(typed: str) -> bool:
    """Say whether this has the shape of a code: six digits, and blanks."""
    return re.fullmatch(rf"[0-9]{{{DIGITS}}}", _bare(typed)) is not None


def _bare(typed: str) -> str:
    return re.sub(r"\s", "", typed)
