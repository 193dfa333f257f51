"""The secret by which a code from a mail is good in this browser alone; it lies in the session cookie."""

from flask import session

from chirp_auth.accounts import reset_codes

_NAME = "code_verifier"


def challenge() -> str:
    """Return the digest of this browser's secret, to go with a request; a second request has the same one."""
    if _NAME not in session:
        session[_NAME] = reset_codes.new_verifier()
    return reset_codes.challenge_of(session[_NAME])


def kept() -> str:
    """Return the secret, or nothing if this browser has asked for no code."""
    return str(session.get(_NAME, ""))
