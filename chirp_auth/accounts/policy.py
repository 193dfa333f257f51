"""The policy: what each act on an account needs, what each proof is worth, and how long it is fresh.

`docs/security.md` has the same table in words. Rules call `require`; nothing else decides what an act needs.

What is worth what: a mailed link or code proves the mailbox; a password something known; an authenticator app's code or
a recovery code something owned; a passkey with user verification both (NIST SP 800-63B-4, 2.2). A session is the memory
of such a proof.
"""

from collections.abc import Mapping
from datetime import timedelta
from enum import Enum, auto

from chirp_auth.accounts.factors import second_factor
from chirp_auth.clock import now
from chirp_auth.errors import AddressNotConfirmed, FreshProofRequired
from chirp_auth.models import Session

FRESH_FOR = timedelta(minutes=5)


class Act(Enum):
    """What somebody does who is signed in."""

    READ_ACCOUNT = auto()
    CHANGE_PROFILE = auto()
    END_SESSIONS = auto()
    CHANGE_PASSWORD = auto()
    CHANGE_ADDRESS = auto()
    DOWNLOAD_DATA = auto()
    DELETE_ACCOUNT = auto()
    CHANGE_FACTORS = auto()


class Need(Enum):
    """What an act needs beside a living session.

    PASSWORD: the present password, typed with the act. An account that has none, or asks for a second factor, needs a
    fresh proof as well: a password alone is then not all that opens it.
    FRESH_PROOF: everything that the account asks for at a sign-in, proved in this session within FRESH_FOR.
    """

    NOTHING_MORE = auto()
    PASSWORD = auto()
    FRESH_PROOF = auto()


NEEDS: Mapping[Act, Need] = {
    Act.READ_ACCOUNT: Need.NOTHING_MORE,
    Act.CHANGE_PROFILE: Need.NOTHING_MORE,
    Act.END_SESSIONS: Need.NOTHING_MORE,
    Act.CHANGE_PASSWORD: Need.PASSWORD,
    Act.CHANGE_ADDRESS: Need.PASSWORD,
    Act.DOWNLOAD_DATA: Need.PASSWORD,
    Act.DELETE_ACCOUNT: Need.PASSWORD,
    Act.CHANGE_FACTORS: Need.FRESH_PROOF,
}


def require(act: Act, session: Session) -> None:
    """Refuse the act unless the session's proof is good enough for it; a password is for the act's own rule to check.

    Ways in are for confirmed addresses alone: one that a stranger gave to an account with somebody else's address would
    outlive that one's reset, or shut them out.

    Raises:
        AddressNotConfirmed: the act changes ways in, and the address is not confirmed.
        FreshProofRequired: see `Need`.
    """
    if act is Act.CHANGE_FACTORS and session.user.email_verified_at is None:
        raise AddressNotConfirmed
    if needs_fresh_proof(act, session) and not is_fresh(session):
        raise FreshProofRequired


def needs_fresh_proof(act: Act, session: Session) -> bool:
    """Say whether the act needs a fresh proof in this session."""
    need = NEEDS[act]
    if need is Need.PASSWORD:
        return session.user.password_hash is None or second_factor.is_on(session.user_id)
    return need is Need.FRESH_PROOF


def is_fresh(session: Session) -> bool:
    """Say whether everything that the account asks for was proved in this session within FRESH_FOR."""
    return session.proved_at is not None and session.proved_at > now() - FRESH_FOR
