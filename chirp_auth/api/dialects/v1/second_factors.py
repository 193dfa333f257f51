"""v1's calls for the second step of a sign-in."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated

from pydantic import Field

from chirp_auth import errors
from chirp_auth.accounts import sign_in
from chirp_auth.api import responses
from chirp_auth.api import views as shared
from chirp_auth.api.dialects.v1 import links, schemas
from chirp_auth.api.route import Route
from chirp_auth.api.schemas import Body, LinkToken, Text
from chirp_auth.api.views import FACE
from chirp_auth.http.request_context import client
from chirp_auth.security import codes, limits

TICKET = "TICKET"
REQUIRED = errors.SecondFactorRequired("WyJieHdORG9vN1RGMmVmd29iTEQxT1h3IiwiIl0.aWdQgA.mD1x")

Code = Annotated[
    Text,
    Field(
        json_schema_extra={"maxLength": codes.MAX_TYPED_CHARACTERS},
        description="six digits of the authenticator app, or a recovery code; blanks, dashes and case do not matter",
        examples=["492039"],
    ),
]


@contextmanager
def ticket_at_fault() -> Iterator[None]:
    """Word a refusal in the block as one of the ticket."""
    try:
        yield
    except (errors.InvalidToken, errors.TokenExpired) as refusal:
        raise refusal.worded(TICKET) from None


class SecondStep(Body):
    ticket: LinkToken
    code: Code


def show_second_factor(body: SecondStep) -> schemas.SignedIn:
    limits.sign_in()
    with ticket_at_fault():
        session = sign_in.finish(body.ticket, body.code, client(FACE))
    return schemas.SignedIn(message=responses.SIGNED_IN, **responses.signed_in(session))


DEAD_TICKETS = (errors.InvalidToken().worded(TICKET), errors.TokenExpired().worded(TICKET))

ROUTES = (
    Route(
        "POST",
        "/login/second-factor",
        show_second_factor,
        {200: schemas.SignedIn},
        SecondStep,
        summary="Finish a sign-in that asks for a second factor, with the ticket of the first step",
        refusals=(errors.WrongSecondFactor(), *DEAD_TICKETS, shared.LIMITED),
        links=links.SIGNED_IN,
    ),
)
