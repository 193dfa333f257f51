"""v1's calls for a passkey in place of a code: as the second step of a sign-in, and as a fresh proof."""

from chirp_auth import errors
from chirp_auth.accounts.factors import passkey_factor
from chirp_auth.api import bearer, responses
from chirp_auth.api import views as shared
from chirp_auth.api.dialects.v1 import links, schemas
from chirp_auth.api.dialects.v1.passkeys import PasskeyAnswer, PasskeyCeremony, ceremony_of, given
from chirp_auth.api.dialects.v1.second_factors import DEAD_TICKETS, ticket_at_fault
from chirp_auth.api.route import ACCESS, Link, Route
from chirp_auth.api.schemas import Body, LinkToken
from chirp_auth.api.views import FACE
from chirp_auth.http.request_context import client
from chirp_auth.security import limits


class Ticket(Body):
    ticket: LinkToken


class PasskeySecondStep(Ticket, PasskeyAnswer):
    """The ticket of the first step, and the passkey in place of a code."""


def begin_passkey_second_step(body: Ticket) -> PasskeyCeremony:
    limits.passkeys()
    with ticket_at_fault():
        return ceremony_of(passkey_factor.begin_second_step(body.ticket))


def show_passkey(body: PasskeySecondStep) -> schemas.SignedIn:
    limits.sign_in()
    with ticket_at_fault():
        session = passkey_factor.finish(body.ticket, given(body), client(FACE))
    return schemas.SignedIn(message=responses.SIGNED_IN, **responses.signed_in(session))


def begin_passkey_proof() -> PasskeyCeremony:
    session = bearer.session()
    limits.passkeys()
    return ceremony_of(passkey_factor.begin_fresh_proof(session))


def confirm_by_passkey(body: PasskeyAnswer) -> None:
    session = bearer.session()
    limits.sign_in()
    with bearer.at_fault():
        passkey_factor.prove(session, given(body), client(FACE))


ROUTES = (
    Route(
        "POST",
        "/login/second-factor/passkey/options",
        begin_passkey_second_step,
        {200: PasskeyCeremony},
        Ticket,
        summary="Begin the second step of a sign-in by a passkey",
        refusals=(*DEAD_TICKETS, shared.LIMITED),
        links={"show_passkey": Link("With the ticket, the state, and what the platform answered")},
    ),
    Route(
        "POST",
        "/login/second-factor/passkey",
        show_passkey,
        {200: schemas.SignedIn},
        PasskeySecondStep,
        summary="Finish a sign-in by a passkey in place of a code",
        refusals=(errors.WrongPasskey(), *DEAD_TICKETS, shared.LIMITED),
        links=links.SIGNED_IN,
    ),
    Route(
        "POST",
        "/confirm/passkey/options",
        begin_passkey_proof,
        {200: PasskeyCeremony},
        summary="Begin to show by a passkey that it is you",
        refusals=(errors.NoToken(), shared.LIMITED),
        security=(ACCESS,),
        links={"confirm_by_passkey": Link("With the state, and what the platform answered")},
    ),
    Route(
        "POST",
        "/confirm/passkey",
        confirm_by_passkey,
        {204: None},
        PasskeyAnswer,
        summary="Show by a passkey that it is you: for five minutes, in this session",
        refusals=(errors.NoToken(), errors.WrongPasskey(), shared.LIMITED),
        security=(ACCESS,),
    ),
)
