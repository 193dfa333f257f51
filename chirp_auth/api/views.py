"""Calls that several contracts offer, each with its function and its route.

The functions spend the limit, call one rule and return its result for the contract to word. The contract completes the
route: REGISTER(view, answers).
"""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from functools import partial

from chirp_auth import errors
from chirp_auth.accounts import password_reset, registration, sign_in
from chirp_auth.accounts.registration import Applicant
from chirp_auth.api import schemas
from chirp_auth.api.route import Link, Route
from chirp_auth.http.request_context import client
from chirp_auth.models import Session, User
from chirp_auth.security import limits

FACE = "api"
WEAK = errors.PasswordTooWeak("Password must be at least 8 characters long")
LIMITED = errors.RateLimitExceeded(timedelta(minutes=42))


def register(body: schemas.Registration) -> Session | None:
    """Return the session of the new account, or None where accounts are concealed."""
    limits.register()
    return registration.register(Applicant(**body.model_dump()), client(FACE))


REGISTER = partial(
    Route,
    "POST",
    "/register",
    body=schemas.Registration,
    summary="Open an account",
    refusals=(errors.InvalidEmail(), WEAK, errors.EmailTaken(), LIMITED),
    links={"login": Link("With the address and the password of the new account")},
)


def login(body: schemas.Login, *, has_second_step: bool = False) -> Session:
    """Return the new session. A contract without a second step refuses who needs one as for a wrong password."""
    limits.sign_in()
    return sign_in.sign_in(body.email, body.password, client(FACE), has_second_step=has_second_step)


LOGIN = partial(
    Route,
    "POST",
    "/login",
    body=schemas.Login,
    summary="Sign in",
    refusals=(errors.InvalidEmail(), errors.InvalidCredentials(), LIMITED),
)


def forgot_password(body: schemas.EmailOnly, code_challenge: str | None = None) -> None:
    limits.forgot_password()
    password_reset.request_link(body.email, client(FACE), code_challenge)


FORGOT_PASSWORD = partial(
    Route,
    "POST",
    "/forgot-password",
    body=schemas.EmailOnly,
    summary="Ask for a reset link: the same answer for every address",
    refusals=(errors.InvalidEmail(), LIMITED),
    links={"reset_password": Link("With the token of the link that was mailed")},
)


def reset_password(token: str, password: str, confirmation: str) -> User:
    """Return the user whose password it now is; for contracts that know no second factor.

    There the link of an account that asks for one opens nothing, as if it were none of ours.
    """
    limits.reset_password()  # Before the link is looked up, so that guessing at links spends it.
    with mistakes_forgiven():
        try:
            return password_reset.reset_password(token, password, confirmation, client(FACE)).user
        except errors.SecondFactorRequired:
            raise errors.InvalidToken from None


def reset_password_with_factor(token: str, password: str, confirmation: str, factor: str | None) -> User:
    """Return the user whose password it now is; `factor` is what was typed for a second factor."""
    limits.reset_password()
    with mistakes_forgiven():
        return password_reset.reset_password(token, password, confirmation, client(FACE), factor).user


@contextmanager
def mistakes_forgiven() -> Iterator[None]:
    """Let a typing mistake with a genuine link cost no limit. A guess at the password or second factor is none."""
    try:
        yield
    except errors.PasswordReused:
        raise
    except (errors.PasswordMismatch, errors.PasswordTooWeak, errors.SecondFactorRequired):
        limits.forgive()
        raise


REFUSED_PASSWORDS = (errors.PasswordMismatch(), WEAK, LIMITED)
RESET_PASSWORD = partial(
    Route,
    "POST",
    "/reset-password",
    summary="Use a reset link",
    refusals=(errors.InvalidToken(), errors.TokenExpired(), errors.TokenAlreadyUsed(), *REFUSED_PASSWORDS),
    incomplete_as="password_reset.refused",
    links={"login": Link("With the new password")},
)
