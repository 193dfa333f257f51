"""v1's calls for the second factors of an account, and for the fresh proof that changing them needs."""

from functools import partial
from typing import Annotated

from pydantic import Field

from chirp_auth import errors, models
from chirp_auth.accounts.factors import authenticator_app, fresh_proof, recovery_codes, second_factor
from chirp_auth.api import bearer, responses
from chirp_auth.api import views as shared
from chirp_auth.api.dialects.v1 import links
from chirp_auth.api.dialects.v1.second_factors import Code
from chirp_auth.api.responses import Answer, Int64, Timestamp, Tokens
from chirp_auth.api.route import ACCESS, Route
from chirp_auth.api.schemas import Body, Secret
from chirp_auth.api.views import FACE
from chirp_auth.http.request_context import client
from chirp_auth.security import limits

OWN_PASSWORD = "OWN_PASSWORD"

RecoveryCodeList = Annotated[
    list[str],
    Field(description="shown this once, each good once in place of a code of the app", examples=[["K7QP4-M2XAC"]]),
]


class Proof(Body):
    password: Secret
    code: Annotated[Code | None, Field(description="where the account asks for a second factor")] = None


class SetUpCode(Body):
    code: Code


class App(Answer):
    added_at: Timestamp
    last_used_at: Timestamp | None


class Factors(Answer):
    authenticator_app: Annotated[App | None, Field(description="null: signing in asks for no second factor")]
    recovery_codes_left: Int64
    passkeys: Annotated[Int64, Field(description="how many")]


class SetUp(Answer):
    secret: Annotated[str, Field(examples=["JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"], description="base32 (RFC 6238)")]
    uri: Annotated[
        str,
        Field(examples=["otpauth://totp/Chirp:alice%40example.com?secret=JBSWY3DPEHPK3PXP"], description="to scan"),
    ]


class RecoveryCodes(Answer):
    recovery_codes: RecoveryCodeList


class AppAdded(Tokens, RecoveryCodes):
    """The tokens are those of the session that added the app; every other session has ended."""


def confirm(body: Proof) -> None:
    session = bearer.session()
    limits.sign_in()
    try:
        with bearer.at_fault():
            fresh_proof.prove(session, body.password, body.code, client(FACE))
    except errors.WrongSecondFactor:
        raise
    except errors.InvalidCredentials as refusal:
        raise refusal.worded(OWN_PASSWORD) from None


def list_factors() -> Factors:
    user = bearer.session().user
    app = authenticator_app.find(user)
    return Factors(
        authenticator_app=_app(app) if app else None,
        recovery_codes_left=recovery_codes.left(user.id),
        passkeys=second_factor.count_passkeys(user.id),
    )


def begin_authenticator_app() -> SetUp:
    set_up = authenticator_app.begin(bearer.session())
    return SetUp(secret=set_up.secret, uri=set_up.uri)


def confirm_authenticator_app(body: SetUpCode) -> AppAdded:
    session = bearer.session()
    with bearer.at_fault():
        added = authenticator_app.confirm(session, body.code, client(FACE))
    return AppAdded(recovery_codes=added.recovery_codes, **responses.new_tokens(added.session))


def remove_authenticator_app() -> None:
    session = bearer.session()
    with bearer.at_fault():
        authenticator_app.remove(session, client(FACE))


def make_recovery_codes() -> RecoveryCodes:
    return RecoveryCodes(recovery_codes=recovery_codes.make_anew(bearer.session(), client(FACE)))


def _app(app: models.AuthenticatorApp) -> App:
    return App(added_at=app.confirmed_at, last_used_at=app.last_used_at)


NO_SESSION, PROOF = errors.NoToken(), errors.FreshProofRequired()
SignedInRoute = partial(Route, security=(ACCESS,))

ROUTES = (
    SignedInRoute(
        "POST",
        "/confirm",
        confirm,
        {204: None},
        Proof,
        summary="Show once more that it is you: for five minutes, in this session",
        refusals=(
            NO_SESSION,
            errors.InvalidCredentials().worded(OWN_PASSWORD),
            errors.SecondFactorRequired(),
            errors.WrongSecondFactor(),
            shared.LIMITED,
        ),
    ),
    SignedInRoute("GET", "/factors", list_factors, {200: Factors}, summary="My factors", refusals=(NO_SESSION,)),
    SignedInRoute(
        "POST",
        "/authenticator-app",
        begin_authenticator_app,
        {201: SetUp},
        summary="Begin to set up an authenticator app",
        refusals=(NO_SESSION, PROOF, errors.AddressNotConfirmed(), errors.AuthenticatorAppExists()),
        links=links.FROM_SET_UP,
    ),
    SignedInRoute(
        "POST",
        "/authenticator-app/confirm",
        confirm_authenticator_app,
        {200: AppAdded},
        SetUpCode,
        summary="Turn the second step on; every other session ends, and this one gets new tokens",
        refusals=(
            NO_SESSION,
            errors.WrongSecondFactor(),
            PROOF,
            errors.AddressNotConfirmed(),
            errors.AuthenticatorAppExists(),
            errors.NoSetUp(),
        ),
        links=links.SIGNED_IN,
    ),
    SignedInRoute(
        "DELETE",
        "/authenticator-app",
        remove_authenticator_app,
        {204: None},
        summary="Turn the second step off; every other session ends",
        refusals=(NO_SESSION, PROOF, errors.AddressNotConfirmed(), errors.NotFound()),
    ),
    SignedInRoute(
        "POST",
        "/recovery-codes",
        make_recovery_codes,
        {201: RecoveryCodes},
        summary="Make new recovery codes; the former ones do nothing any more",
        refusals=(NO_SESSION, PROOF, errors.AddressNotConfirmed(), errors.NotFound()),
    ),
)
