"""The sellers' contract: its answer, its call and its dialect."""

from typing import Annotated

from pydantic import BeforeValidator, Field
from pydantic_core import PydanticCustomError

from chirp_auth import errors
from chirp_auth.accounts import password_change
from chirp_auth.api import schemas, views
from chirp_auth.api.dialect import Dialect
from chirp_auth.api.responses import Answer, Id
from chirp_auth.api.route import Route
from chirp_auth.errors import AuthError
from chirp_auth.http.request_context import client
from chirp_auth.security import limits

CHANGED = "Password reset successful. A confirmation email has been sent."


def _filled(value: object) -> object:
    if value == "":
        raise PydanticCustomError("empty", "must not be empty")
    return value


class SellerPasswordChange(schemas.Body):
    """An empty member is a missing one, whatever else is wrong with it."""

    email: Annotated[schemas.Email, BeforeValidator(_filled)]
    old_password: Annotated[schemas.Secret, BeforeValidator(_filled)]
    new_password: Annotated[schemas.NewSecret, BeforeValidator(_filled)]


class SellerPasswordChanged(Answer):
    message: Annotated[str, Field(examples=[CHANGED])]
    user_id: Id


class SellerRefusal(Answer):
    error: str


def change_password_by_email(body: SellerPasswordChange) -> SellerPasswordChanged:
    limits.sign_in()
    user = password_change.change_password_by_email(
        body.email, body.old_password, body.new_password, client(views.FACE)
    )
    return SellerPasswordChanged(message=CHANGED, user_id=user.id)


class Seller(Dialect):
    """The sellers' contract: one endpoint that changes a password by address and old password."""

    name = "seller"
    prefix = "/api/auth/reset_password"
    statuses = {"INVALID_EMAIL": 400, "VALIDATION_FAILED": 400}
    sentences = {
        "INVALID_EMAIL": "Invalid email format",
        "INVALID_CREDENTIALS": "Invalid old password",
        "VALIDATION_FAILED": "Missing required fields: email, old_password and new_password",
        "EMPTY_BODY": "Missing required fields: email, old_password and new_password",
        "INTERNAL_ERROR": "Password reset failed",
    }
    routes = (
        Route(
            "POST",
            "",
            change_password_by_email,
            {200: SellerPasswordChanged},
            SellerPasswordChange,
            summary="Change a password by address and old password",
            refusals=(
                errors.InvalidEmail(),
                views.WEAK,
                errors.UserNotFound(),
                errors.InvalidCredentials(),
                views.LIMITED,
            ),
            incomplete_as="password.changed",
        ),
    )

    def refusal(self, error: AuthError, path: str) -> SellerRefusal:
        return SellerRefusal(error=self.sentence(error))


dialect = Seller()
