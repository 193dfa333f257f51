"""Where v1's answers lead: what a client calls next, and what it takes along."""

from collections.abc import Mapping

from chirp_auth.api.route import Link

_REFRESH = Link(
    "When the access token has expired: the refresh token is spent",
    body={"refresh_token": "$response.body#/refresh_token"},
)
_WITH_ACCESS_TOKEN = {
    "me": Link("With the access token"),
    "change_me": Link("With the access token"),
    "list_sessions": Link("With the access token"),
    "list_events": Link("With the access token"),
    "change_password": Link("With the access token and the present password"),
    "logout": Link("With the access token"),
}

SIGNED_IN: Mapping[str, Link] = {**_WITH_ACCESS_TOKEN, "refresh": _REFRESH}
FROM_SESSIONS: Mapping[str, Link] = {
    "end_session": Link("Any of the sessions", parameters={"session_id": "$response.body#/sessions/0/id"}),
    "end_other_sessions": Link("All but the present one"),
}
FROM_EVENTS: Mapping[str, Link] = {
    "list_events": Link("The next page, unless `next` is null", parameters={"before": "$response.body#/next"})
}
FROM_RESEND: Mapping[str, Link] = {"verify_email": Link("With the token of the link that was mailed")}
FROM_SET_UP: Mapping[str, Link] = {"confirm_authenticator_app": Link("With a code of the app that has the secret")}
