"""v1's routes."""

from functools import partial

from chirp_auth import errors
from chirp_auth.api import views as shared
from chirp_auth.api.dialects.v1 import (
    factors,
    links,
    passkey_factor,
    passkeys,
    recovery,
    schemas,
    second_factors,
    views,
)
from chirp_auth.api.responses import Account, RegistrationAccepted, Tokens
from chirp_auth.api.route import ACCESS, ANONYMOUS, RESET, Route
from chirp_auth.api.schemas import EmailOnly

NO_SESSION = errors.NoToken()
DEAD_RESET_TOKENS = (
    errors.InvalidToken().challenged(),
    errors.TokenExpired().challenged(),
    errors.TokenAlreadyUsed().challenged(),
)
DEAD_VERIFICATION_LINKS = (
    errors.InvalidToken().worded(views.VERIFICATION_LINK),
    errors.TokenExpired().worded(views.VERIFICATION_LINK),
)
SignedInRoute = partial(Route, refusals=(NO_SESSION,), security=(ACCESS,))

ROUTES = (
    shared.REGISTER(views.register, {201: schemas.SignedIn, 202: RegistrationAccepted}, links=links.SIGNED_IN),
    shared.LOGIN(
        views.login,
        {200: schemas.SignedIn},
        refusals=(errors.InvalidEmail(), errors.InvalidCredentials(), second_factors.REQUIRED, shared.LIMITED),
        links=links.SIGNED_IN,
    ),
    *second_factors.ROUTES,
    shared.FORGOT_PASSWORD(views.forgot_password, {200: schemas.MessageForEmail}, body=schemas.LinkRequest),
    shared.RESET_PASSWORD(
        views.reset_password,
        {200: schemas.MessageForEmail},
        schemas.PasswordReset,
        refusals=(
            errors.NoToken(views.NO_HEADER),
            *DEAD_RESET_TOKENS,
            errors.SecondFactorRequired(),
            errors.WrongSecondFactor(),
            *shared.REFUSED_PASSWORDS,
        ),
        security=(RESET, ANONYMOUS),
    ),
    *recovery.ROUTES,
    Route(
        "POST",
        "/refresh",
        views.refresh,
        {200: Tokens},
        schemas.TokenRefresh,
        summary="Spend a refresh token",
        refusals=(errors.Unauthenticated(),),
        links=links.SIGNED_IN,
    ),
    SignedInRoute("POST", "/logout", views.logout, {204: None}, summary="Sign out"),
    SignedInRoute("GET", "/me", views.me, {200: Account}, summary="Read the profile"),
    SignedInRoute("PATCH", "/me", views.change_me, {200: Account}, schemas.ProfileChange, summary="Change the profile"),
    SignedInRoute(
        "GET",
        "/sessions",
        views.list_sessions,
        {200: schemas.Sessions},
        summary="Where I am signed in",
        links=links.FROM_SESSIONS,
    ),
    SignedInRoute(
        "DELETE",
        "/sessions/<uuid:session_id>",
        views.end_session,
        {204: None},
        summary="Sign out in one place",
        refusals=(NO_SESSION, errors.NotFound()),
    ),
    SignedInRoute("DELETE", "/sessions", views.end_other_sessions, {204: None}, summary="Sign out everywhere else"),
    SignedInRoute(
        "POST",
        "/change-password",
        views.change_password,
        {200: schemas.PasswordChanged},
        schemas.PasswordChange,
        summary="Change the password; every other session ends, and this one gets new tokens",
        refusals=(
            NO_SESSION,
            errors.FreshProofRequired(),
            errors.InvalidCredentials().worded(views.CURRENT_PASSWORD),
            *shared.REFUSED_PASSWORDS,
        ),
        incomplete_as="password.changed",
        links=links.SIGNED_IN,
    ),
    Route(
        "POST",
        "/verify-email",
        views.verify_email,
        {200: schemas.MessageForEmail},
        schemas.EmailVerification,
        summary="Use a verification link",
        refusals=DEAD_VERIFICATION_LINKS,
        security=(ANONYMOUS, ACCESS),
    ),
    Route(
        "POST",
        "/resend-verification",
        views.resend_verification,
        {200: schemas.MessageForEmail},
        EmailOnly,
        summary="Ask for a verification link: the same answer for every address",
        refusals=(errors.InvalidEmail(), shared.LIMITED),
        links=links.FROM_RESEND,
    ),
    SignedInRoute(
        "GET",
        "/events",
        views.list_events,
        {200: schemas.SecurityEvents},
        summary="My own security activity, newest first",
        query=views.PAGE,
        links=links.FROM_EVENTS,
    ),
    *factors.ROUTES,
    *passkeys.ROUTES,
    *passkey_factor.ROUTES,
)
