"""v1's views: read the token, call one rule, answer."""

from uuid import UUID

from chirp_auth.accounts import email_verification, password_change, password_reset, profile, refresh_tokens, sessions
from chirp_auth.api import bearer, request_body, responses
from chirp_auth.api import views as shared
from chirp_auth.api.dialects.v1 import schemas
from chirp_auth.api.responses import Account, RegistrationAccepted, Tokens
from chirp_auth.api.schemas import EmailOnly, Login, Registration
from chirp_auth.api.views import FACE
from chirp_auth.audit import queries
from chirp_auth.errors import InvalidCredentials, InvalidToken, NotFound, NoToken, TokenExpired, ValidationFailed
from chirp_auth.http import refused_tokens
from chirp_auth.http.request_context import client
from chirp_auth.models import User
from chirp_auth.security import limits

NO_HEADER = "Missing or invalid authorization header"
VERIFICATION_LINK, CURRENT_PASSWORD = "VERIFICATION_LINK", "CURRENT_PASSWORD"
PAGE = {"limit": queries.MAX_PAGE, "before": 2**63 - 1}
EVENTS_OF_A_PAGE = 20


def register(body: Registration) -> schemas.SignedIn | RegistrationAccepted:
    session = shared.register(body)
    if session is None:
        return RegistrationAccepted(message=responses.REGISTRATION_NOTED)
    return schemas.SignedIn(message=responses.REGISTERED, **responses.signed_in(session))


def login(body: Login) -> schemas.SignedIn:
    session = shared.login(body, has_second_step=True)
    return schemas.SignedIn(message=responses.SIGNED_IN, **responses.signed_in(session))


def forgot_password(body: schemas.LinkRequest) -> schemas.MessageForEmail:
    shared.forgot_password(body, body.code_challenge)
    sentence = "If an account exists with that email, you will receive password reset instructions."
    return schemas.MessageForEmail(message=sentence, email=body.email)


def reset_password(body: schemas.PasswordReset) -> schemas.MessageForEmail:
    token = bearer.token()
    if token is not None:
        with bearer.at_fault():
            user = shared.reset_password_with_factor(
                token, body.new_password, body.confirm_password, body.second_factor
            )
    elif body.code is None:
        raise NoToken(NO_HEADER)
    else:
        user = _reset_by_code(body, body.code)
    sentence = "Password has been reset successfully. Please login with your new password."
    return schemas.MessageForEmail(message=sentence, email=user.email)


def _reset_by_code(body: schemas.PasswordReset, code: str) -> User:
    if body.email is None or body.code_verifier is None:
        missing = [name for name in ("email", "code_verifier") if getattr(body, name) is None]
        raise ValidationFailed(dict.fromkeys(missing, "is missing beside `code`"))
    limits.reset_password()
    with shared.mistakes_forgiven():
        return password_reset.reset_by_code(
            body.email,
            code,
            body.code_verifier,
            body.new_password,
            body.confirm_password,
            client(FACE),
            body.second_factor,
        ).user


def refresh(body: schemas.TokenRefresh) -> Tokens:
    with refused_tokens.on_record("session.refresh_refused", FACE):
        session = refresh_tokens.refresh(body.refresh_token, client(FACE))
    return Tokens(**responses.new_tokens(session))


def logout() -> None:
    sessions.sign_out(bearer.session(), client(FACE))


def me() -> Account:
    return Account.of(bearer.session().user)


def change_me(body: schemas.ProfileChange) -> Account:
    changes = body.model_dump(exclude_none=True)
    return Account.of(profile.change_profile(bearer.session().user, changes, client(FACE)))


def list_sessions() -> schemas.Sessions:
    current = bearer.session()
    living = sessions.living(current.user, current)
    return schemas.Sessions(sessions=[schemas.Session.of(session, current) for session in living])


def end_session(session_id: UUID) -> None:
    current = bearer.session()
    if not sessions.end(session_id, current.user, client(FACE)):
        raise NotFound


def end_other_sessions() -> None:
    sessions.end_others(bearer.session(), client(FACE))


def change_password(body: schemas.PasswordChange) -> schemas.PasswordChanged:
    session = bearer.session()
    limits.sign_in()
    try:
        with bearer.at_fault():
            session = password_change.change_password(
                session, body.current_password, body.new_password, body.confirm_password, client(FACE)
            ).session
    except InvalidCredentials as refusal:
        raise refusal.worded(CURRENT_PASSWORD) from None
    sentence = "Your password has been changed."
    return schemas.PasswordChanged(message=sentence, email=session.user.email, **responses.new_tokens(session))


def verify_email(body: schemas.EmailVerification) -> schemas.MessageForEmail:
    try:
        with refused_tokens.on_record("email.verified", FACE):
            user = email_verification.verify_email(body.token, client(FACE), bearer.session_if_any())
    except (InvalidToken, TokenExpired) as refusal:
        raise refusal.worded(VERIFICATION_LINK) from None
    return schemas.MessageForEmail(message="Your email address is confirmed.", email=user.email)


def resend_verification(body: EmailOnly) -> schemas.MessageForEmail:
    limits.resend_verification()
    email_verification.request_link(body.email, client(FACE))
    sentence = "If an account with that email is not confirmed yet, you will receive a link to confirm it."
    return schemas.MessageForEmail(message=sentence, email=body.email)


def list_events() -> schemas.SecurityEvents:
    session = bearer.session()
    query = request_body.read_numbers(PAGE)
    page = queries.page_of(session.user, query["limit"] or EVENTS_OF_A_PAGE, query["before"])
    return schemas.SecurityEvents(events=[schemas.SecurityEvent.of(event) for event in page.events], next=page.next)
