"""The choice of a language, from the foot of every page."""

from flask import current_app, redirect, request, url_for
from flask_login import current_user
from werkzeug.exceptions import HTTPException
from werkzeug.routing import RequestRedirect
from werkzeug.wrappers import Response as Redirect

from chirp_auth.accounts import preferred_language
from chirp_auth.http import language
from chirp_auth.languages import LANGUAGES
from chirp_auth.web.blueprint import SEE_OTHER, web


@web.post("/language")
def choose_language() -> Redirect:
    """Keep the language in a cookie, for the mails also in the account, and go back to the page."""
    response = redirect(_page(request.form.get("page", "")), SEE_OTHER)
    chosen = request.form.get("language", "")
    if chosen not in LANGUAGES:
        return response
    if current_user.is_authenticated:
        preferred_language.remember(current_user, chosen)
    return language.remember(response, chosen)


def _page(path: str) -> str:
    """Return the address of the page that has this path; it is made from our own routes, so it leads nowhere else."""
    routes = current_app.create_url_adapter(request)
    try:
        endpoint, values = routes.match(path, "GET") if routes else ("auth.web.home", {})
    except (HTTPException, RequestRedirect):  # Such as a page that answered a POST.
        return url_for("auth.web.home")
    return url_for(endpoint, **values)
