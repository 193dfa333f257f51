"""Challenges of passkey ceremonies (WebAuthn Level 3, 13.4.3): signed, and not stored until they are answered.

A challenge is the digest of a signed state, which names what the answer is for and travels with it.
"""

from datetime import timedelta
from enum import Enum
from hashlib import sha256
from uuid import UUID, uuid4

from chirp_auth.clock import now
from chirp_auth.errors import InvalidToken
from chirp_auth.security import tokens

LIFE = timedelta(minutes=5)


class Purpose(Enum):
    """What an answer is for; one for a purpose is worth nothing for another."""

    SIGN_IN = "sign-in"
    SECOND_STEP = "second-step"
    FRESH_PROOF = "fresh-proof"
    REGISTRATION = "registration"


class NotGenuine(Exception):
    """The answer is not what its ceremony asks for. Says nothing more to anybody but us."""


def mint(purpose: Purpose, subject: UUID | None = None) -> str:
    """Return a fresh state; `subject` is the user or session that the answer is to be of, if it is known."""
    return tokens.mint(tokens.PASSKEY_CHALLENGE, uuid4(), now(), _mark(purpose, subject))


def check_state(state: str, purpose: Purpose, subject: UUID | None = None) -> UUID:
    """Return the id of the challenge, for the caller to spend.

    Raises:
        NotGenuine: the state is not ours, is for another purpose or subject, or older than LIFE.
    """
    try:
        reference = tokens.read(tokens.PASSKEY_CHALLENGE, state)
    except InvalidToken:
        raise NotGenuine("state") from None
    if reference.mark != _mark(purpose, subject) or now() - reference.minted_at > LIFE:
        raise NotGenuine("state of another ceremony")
    return reference.id


def challenge_of(state: str) -> bytes:
    """Return the challenge that belongs to the state: 32 bytes that nobody without our key can foresee (13.4.3)."""
    return sha256(state.encode()).digest()


def _mark(purpose: Purpose, subject: UUID | None) -> str:
    return tokens.mark_of(f"{purpose.value} {subject}")
