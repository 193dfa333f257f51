"""v1's calls about passkeys: signing in by one, adding, naming and removing them.

Each ceremony is two calls: the first gives the options for the platform's WebAuthn call, the second takes its answer
with the state of the first.
"""

from functools import partial
from typing import Annotated, Any
from uuid import UUID

from pydantic import Field

from chirp_auth import errors, models
from chirp_auth.accounts.factors import passkey_sign_in, passkeys
from chirp_auth.accounts.factors.passkey_proofs import Answer as Given
from chirp_auth.api import bearer, responses
from chirp_auth.api import views as shared
from chirp_auth.api.dialects.v1 import links, schemas
from chirp_auth.api.responses import Answer, Id, Timestamp
from chirp_auth.api.route import ACCESS, Link, Route
from chirp_auth.api.schemas import Body, LinkToken, Text
from chirp_auth.api.views import FACE
from chirp_auth.http.request_context import client
from chirp_auth.models import MAX_PASSKEY_NAME_CHARACTERS
from chirp_auth.security import limits
from chirp_auth.security.passkey_ceremonies import Ceremony

Name = Annotated[Text, Field(json_schema_extra={"maxLength": MAX_PASSKEY_NAME_CHARACTERS}, examples=["My phone"])]
State = Annotated[LinkToken, Field(description="goes back with the answer; five minutes, once")]


class PasskeyCeremony(Answer):
    state: Annotated[str, Field(examples=["WyJieHdORG9vN1RGMmVmd29iTEQxT1h3IiwiIl0.aWdQgA.mD1x"])]
    options: Annotated[
        dict[str, Any],
        Field(description="WebAuthn Level 3, 5.1.10 and 5.1.11: the JSON form that the platforms take as it is"),
    ]


class PasskeyAnswer(Body):
    state: State
    credential: Annotated[
        dict[str, Any],
        Field(description="what the platform answered, in its JSON form (WebAuthn Level 3, 5.1: `toJSON()`)"),
    ]


class PasskeyRegistration(PasskeyAnswer):
    name: Annotated[Name | None, Field(description="without one it has the device's")] = None


class PasskeyName(Body):
    name: Name


class Passkey(Answer):
    id: Id
    name: Annotated[str, Field(examples=["My phone"])]
    synced: Annotated[bool, Field(description="kept in more than one device, as its authenticator says")]
    created_at: Timestamp
    last_used_at: Timestamp | None

    @classmethod
    def of(cls, passkey: models.Passkey) -> "Passkey":
        return cls(
            id=passkey.id,
            name=passkey.name,
            synced=passkey.is_synced,
            created_at=passkey.created_at,
            last_used_at=passkey.last_used_at,
        )


class OnePasskey(Answer):
    passkey: Passkey


class Passkeys(Answer):
    passkeys: list[Passkey]


def begin_passkey_sign_in() -> PasskeyCeremony:
    limits.passkeys()
    return ceremony_of(passkey_sign_in.begin())


def sign_in_by_passkey(body: PasskeyAnswer) -> schemas.SignedIn:
    limits.sign_in()
    session = passkey_sign_in.sign_in_by_passkey(given(body), client(FACE))
    return schemas.SignedIn(message=responses.SIGNED_IN, **responses.signed_in(session))


def begin_passkey() -> PasskeyCeremony:
    session = bearer.session()
    limits.passkeys()
    return ceremony_of(passkeys.begin(session))


def add_passkey(body: PasskeyRegistration) -> OnePasskey:
    session = bearer.session()
    limits.passkeys()
    with bearer.at_fault():
        return OnePasskey(passkey=Passkey.of(passkeys.add(session, given(body), body.name, client(FACE))))


def list_passkeys() -> Passkeys:
    return Passkeys(passkeys=[Passkey.of(passkey) for passkey in passkeys.listed(bearer.session().user)])


def rename_passkey(body: PasskeyName, passkey_id: UUID) -> OnePasskey:
    return OnePasskey(passkey=Passkey.of(passkeys.rename(bearer.session(), passkey_id, body.name, client(FACE))))


def remove_passkey(passkey_id: UUID) -> None:
    session = bearer.session()
    with bearer.at_fault():
        passkeys.remove(session, passkey_id, client(FACE))


def ceremony_of(ceremony: Ceremony) -> PasskeyCeremony:
    """Return the answer that begins a ceremony."""
    return PasskeyCeremony(state=ceremony.state, options=ceremony.options)


def given(body: PasskeyAnswer) -> Given:
    """Return what the body answers to a ceremony."""
    return Given(body.state, body.credential)


FROM_LIST = {
    "rename_passkey": Link("Any of them", parameters={"passkey_id": "$response.body#/passkeys/0/id"}),
    "remove_passkey": Link("Any of them", parameters={"passkey_id": "$response.body#/passkeys/0/id"}),
}
SignedIn = partial(Route, security=(ACCESS,))
NO_SESSION, TOO_MANY = errors.NoToken(), errors.TooManyPasskeys()
NO_PROOF = (errors.FreshProofRequired(), errors.AddressNotConfirmed())

ROUTES = (
    Route(
        "POST",
        "/passkeys/authentication/options",
        begin_passkey_sign_in,
        {200: PasskeyCeremony},
        summary="Begin a sign-in by passkey",
        refusals=(shared.LIMITED,),
        links={"sign_in_by_passkey": Link("With the state, and what the platform answered")},
    ),
    Route(
        "POST",
        "/passkeys/authentication",
        sign_in_by_passkey,
        {200: schemas.SignedIn},
        PasskeyAnswer,
        summary="Sign in by passkey, without a password or a second step",
        refusals=(errors.WrongPasskey(), shared.LIMITED),
        links=links.SIGNED_IN,
    ),
    SignedIn(
        "POST",
        "/passkeys/registration/options",
        begin_passkey,
        {200: PasskeyCeremony},
        summary="Begin to add a passkey",
        refusals=(NO_SESSION, *NO_PROOF, TOO_MANY, shared.LIMITED),
        links={"add_passkey": Link("With the state, and what the platform answered")},
    ),
    SignedIn(
        "POST",
        "/passkeys/registration",
        add_passkey,
        {201: OnePasskey},
        PasskeyRegistration,
        summary="Add the passkey that was made",
        refusals=(NO_SESSION, *NO_PROOF, errors.PasskeyRefused(), TOO_MANY, shared.LIMITED),
        links={"list_passkeys": Link("With the access token")},
    ),
    SignedIn(
        "GET",
        "/passkeys",
        list_passkeys,
        {200: Passkeys},
        summary="My passkeys, oldest first",
        refusals=(NO_SESSION,),
        links=FROM_LIST,
    ),
    SignedIn(
        "PATCH",
        "/passkeys/<uuid:passkey_id>",
        rename_passkey,
        {200: OnePasskey},
        PasskeyName,
        summary="Give a passkey another name",
        refusals=(NO_SESSION, errors.NotFound()),
    ),
    SignedIn(
        "DELETE",
        "/passkeys/<uuid:passkey_id>",
        remove_passkey,
        {204: None},
        summary="Remove a passkey; every other session ends",
        refusals=(NO_SESSION, *NO_PROOF, errors.NotFound(), errors.LastWayIn()),
    ),
)
