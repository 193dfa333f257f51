"""The plain contract: its answers, its calls and its dialect."""

from typing import Annotated

from pydantic import Field

from chirp_auth.api import responses, schemas, views
from chirp_auth.api.dialect import Dialect
from chirp_auth.api.responses import AccessToken, Account, Answer, BearerToken, Message, RegistrationAccepted, User
from chirp_auth.errors import AuthError
from chirp_auth.http.routing import PLAIN_SUBDOMAIN


class PlainPasswordReset(schemas.Body):
    """The confirmation may be left out; one that is sent counts."""

    token: schemas.LinkToken
    new_password: schemas.NewSecret
    confirm_password: schemas.NewSecret | None = None


class PlainRegistered(BearerToken, Account, Message):
    message: Annotated[str, Field(examples=[responses.REGISTERED])]


class PlainSignedIn(Account, AccessToken):
    pass


class PlainRefusal(Answer):
    detail: str


def register(body: schemas.Registration) -> PlainRegistered | RegistrationAccepted:
    session = views.register(body)
    if session is None:
        return RegistrationAccepted(message=responses.REGISTRATION_NOTED)
    user = User.of(session.user)
    return PlainRegistered(message=responses.REGISTERED, user=user, **responses.bearer_token(session))


def login(body: schemas.Login) -> PlainSignedIn:
    session = views.login(body)
    return PlainSignedIn(**responses.access_token(session), user=User.of(session.user))


def forgot_password(body: schemas.EmailOnly) -> Message:
    views.forgot_password(body)
    return Message(message="If an account exists with that email, a reset link is on its way.")


def reset_password(body: PlainPasswordReset) -> Message:
    confirmation = body.new_password if body.confirm_password is None else body.confirm_password
    views.reset_password(body.token, body.new_password, confirmation)
    return Message(message="Password has been reset successfully.")


class Plain(Dialect):
    """The plain contract: JSON on the paths of the pages; a refusal has one member, a sentence."""

    name = "plain"
    prefix = ""
    subdomain = PLAIN_SUBDOMAIN  # A routing space of its own: the pages have the same paths.
    routes = (
        views.REGISTER(register, {201: PlainRegistered, 202: RegistrationAccepted}),
        views.LOGIN(login, {200: PlainSignedIn}),
        views.FORGOT_PASSWORD(forgot_password, {200: Message}),
        views.RESET_PASSWORD(reset_password, {200: Message}, PlainPasswordReset),
    )

    def refusal(self, error: AuthError, path: str) -> PlainRefusal:
        return PlainRefusal(detail=self.sentence(error))


dialect = Plain()
