"""v1's delayed recovery of lost second factors: starting it with a reset link, and stopping it."""

from typing import Annotated

from pydantic import Field

from chirp_auth import errors
from chirp_auth.accounts.factors import factor_recovery
from chirp_auth.api import bearer
from chirp_auth.api import views as shared
from chirp_auth.api.dialects.v1.views import NO_HEADER
from chirp_auth.api.responses import Message, Timestamp
from chirp_auth.api.route import ACCESS, RESET, Link, Route
from chirp_auth.api.views import FACE
from chirp_auth.errors import NoToken
from chirp_auth.http.request_context import client
from chirp_auth.security import limits

STARTED = "The waiting time has begun. The owner is told by mail and can stop it."


class RecoveryStarted(Message):
    """Starting again changes nothing."""

    message: Annotated[str, Field(examples=[STARTED])]
    due_at: Annotated[Timestamp, Field(description="when they are turned off")]


def start_recovery() -> RecoveryStarted:
    token = bearer.token()
    if token is None:
        raise NoToken(NO_HEADER)
    limits.reset_password()
    with bearer.at_fault():
        due_at = factor_recovery.start_by_link(token, client(FACE))
    return RecoveryStarted(message=STARTED, due_at=due_at)


def cancel_recovery() -> None:
    """Stop what is open; where nothing is, it was stopped already."""
    factor_recovery.cancel(bearer.session().user, client(FACE))


ROUTES = (
    Route(
        "POST",
        "/recovery",
        start_recovery,
        {202: RecoveryStarted},
        summary="Start the waiting time for lost second factors",
        refusals=(
            NoToken(NO_HEADER),
            errors.InvalidToken().challenged(),
            errors.TokenExpired().challenged(),
            errors.TokenAlreadyUsed().challenged(),
            errors.NotFound(factor_recovery.NOTHING_LOST),
            shared.LIMITED,
        ),
        security=(RESET,),
        links={"cancel_recovery": Link("To keep them on")},
    ),
    Route(
        "POST",
        "/recovery/cancel",
        cancel_recovery,
        {204: None},
        summary="Stop that waiting time",
        refusals=(errors.NoToken(),),
        security=(ACCESS,),
    ),
)
