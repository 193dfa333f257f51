"""The authenticator app of an account: set up with a code that it shows, then asked for after every password.

Setting one up begins with a secret that is not asked for anywhere until a code of it was typed; after SET_UP_LIFE it is
forgotten. Adding and removing one ends all other sessions and the trust in browsers: a thief's must not survive.
"""

from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import ColumnElement, delete, select, update
from sqlalchemy.exc import IntegrityError

from chirp_auth import audit
from chirp_auth.accounts import policy, revocation, sessions
from chirp_auth.accounts.factors import factor_mails, recovery_codes, second_factor
from chirp_auth.clock import now
from chirp_auth.errors import (
    AuthenticatorAppExists,
    NoSetUp,
    NotFound,
    Unauthenticated,
    WrongSecondFactor,
)
from chirp_auth.extensions import db, settings
from chirp_auth.models import AuthenticatorApp, RecoveryCode, Session, User
from chirp_auth.security import sealing, totp
from chirp_auth.security.client import Client

SET_UP_LIFE = timedelta(minutes=30)


@dataclass(frozen=True, slots=True)
class SetUp:
    """What an authenticator app needs to know: the secret in base32, and the address of a QR code that contains it."""

    secret: str
    uri: str


@dataclass(frozen=True, slots=True)
class Added:
    """An app that was added: the recovery codes, shown this once, and the session that did it, with its new id."""

    recovery_codes: list[str]
    session: Session


def find(user: User) -> AuthenticatorApp | None:
    """Return the user's authenticator app, if one is asked for."""
    app = db.session.get(AuthenticatorApp, user.id)
    return app if app and app.confirmed_at else None


def begin(session: Session) -> SetUp:
    """Begin to set up an app; one that was begun in the last minutes goes on with the same secret.

    Raises:
        FreshProofRequired, AddressNotConfirmed: see `policy`.
        AuthenticatorAppExists: the account has one; it has to be removed first.
    """
    try:
        return under_way(session)
    except NoSetUp:
        pass
    user_id = session.user_id
    is_over = (AuthenticatorApp.user_id == user_id, AuthenticatorApp.confirmed_at.is_(None))
    db.session.execute(delete(AuthenticatorApp).where(*is_over))
    db.session.add(
        AuthenticatorApp(user_id=user_id, secret=sealing.seal(totp.new_secret(), second_factor.context_of_app(user_id)))
    )
    try:
        db.session.commit()
    except IntegrityError:  # Begun in two windows at once: one of them was first.
        db.session.rollback()
    return under_way(session)


def under_way(session: Session) -> SetUp:
    """Return the app that is being set up.

    Raises:
        FreshProofRequired, AddressNotConfirmed: see `policy`.
        AuthenticatorAppExists: it is confirmed already.
        NoSetUp: none was begun, or too long ago.
    """
    policy.require(policy.Act.CHANGE_FACTORS, session)
    _app, secret = _pending(session.user)
    return SetUp(secret, totp.uri(secret, session.user.email, settings.app_name))


def confirm(session: Session, typed: str, client: Client) -> Added:
    """Turn the second step on with a code of the app that is being set up; every other session ends.

    Raises:
        FreshProofRequired, AddressNotConfirmed: see `policy`.
        AuthenticatorAppExists, NoSetUp: nothing waits for a code.
        WrongSecondFactor: the app does not show this code.
        Unauthenticated: the session was ended, or the account changed, meanwhile.
    """
    policy.require(policy.Act.CHANGE_FACTORS, session)
    user = session.user
    app, secret = _pending(user)
    step = totp.step_of(secret, typed, now())
    if step is None:
        raise WrongSecondFactor
    confirming = (
        update(AuthenticatorApp)
        .where(
            AuthenticatorApp.user_id == user.id,
            AuthenticatorApp.confirmed_at.is_(None),
            AuthenticatorApp.secret == app.secret,
        )
        .values(confirmed_at=now(), last_used_at=now(), last_step=step)
        .returning(AuthenticatorApp.user_id)
    )
    if db.session.scalar(confirming) is None:
        db.session.rollback()
        raise NoSetUp
    made = recovery_codes.replace(user)
    _end_others(session)
    renewed = sessions.renew(session)
    audit.record("authenticator_app.added", client, user_id=user.id)
    factor_mails.tell("authenticator_app_added", user, client)
    db.session.commit()
    return Added(made, renewed)


def remove(session: Session, client: Client) -> None:
    """Turn the second step off: the app and its recovery codes go, and every other session ends.

    Raises:
        FreshProofRequired: see `policy`.
        NotFound: the account has none.
        Unauthenticated: the session was ended, or the account changed, meanwhile.
    """
    policy.require(policy.Act.CHANGE_FACTORS, session)
    user = session.user
    is_confirmed = (AuthenticatorApp.user_id == user.id, AuthenticatorApp.confirmed_at.is_not(None))
    if db.session.scalar(delete(AuthenticatorApp).where(*is_confirmed).returning(AuthenticatorApp.user_id)) is None:
        db.session.rollback()
        raise NotFound
    db.session.execute(delete(RecoveryCode).where(RecoveryCode.user_id == user.id))
    _end_others(session)
    audit.record("authenticator_app.removed", client, user_id=user.id)
    factor_mails.tell("authenticator_app_removed", user, client)
    db.session.commit()


def is_forgotten() -> ColumnElement[bool]:
    """Return the condition for apps whose set-up took too long, which are deleted."""
    return AuthenticatorApp.confirmed_at.is_(None) & (AuthenticatorApp.created_at < now() - SET_UP_LIFE)


def _pending(user: User) -> tuple[AuthenticatorApp, str]:
    app = db.session.scalar(
        select(AuthenticatorApp).where(AuthenticatorApp.user_id == user.id),
        execution_options={"populate_existing": True},
    )
    if app and app.confirmed_at:
        raise AuthenticatorAppExists
    secret = second_factor.secret_of(app) if app and app.created_at > now() - SET_UP_LIFE else None
    if app is None or secret is None:
        raise NoSetUp
    return app, secret


def _end_others(session: Session) -> None:
    if revocation.change_credentials(session.user, keep=session.id) is None:
        db.session.rollback()
        raise Unauthenticated
