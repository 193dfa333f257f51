"""The gallery's own pages: the list, a page in one of its states, a mail. For this machine in development alone."""

from email import message_from_bytes, policy
from typing import Literal

from flask import Blueprint, Response, abort, current_app, g, make_response, request, url_for
from flask_login import AnonymousUserMixin

from chirp_auth import languages
from chirp_auth.languages import LANGUAGES, speaking
from chirp_auth.web.dev_mailbox import MAIL_POLICY, on_the_developers_machine_only
from chirp_auth.web.gallery.mails import MAILS
from chirp_auth.web.gallery.pages import PAGES
from chirp_auth.web.pages import page

SCHEMES = ("light", "dark")
STYLE = "style.css"

gallery = Blueprint("gallery", __name__, url_prefix="/dev/gallery")
gallery.before_request(on_the_developers_machine_only)


@gallery.get("")
def index() -> Response:
    return page("gallery/index.html", pages=PAGES, mails=MAILS, schemes=SCHEMES)


@gallery.get("/<name>")
def sample(name: str) -> Response:
    """Show a state or a mail; `language` and `scheme` in the query say how, else it is as the reader's browser asks."""
    with speaking(_language()):
        if name in PAGES:
            response = _page(name)
        elif name in MAILS:
            response = make_response(_part(name, "html"))
            response.headers["Content-Security-Policy"] = MAIL_POLICY
        else:
            abort(404)
        response.content_language.add(languages.current())
    response.set_data(_in_scheme(response.get_data(as_text=True)))
    return response


@gallery.get("/<name>.txt")
def text(name: str) -> Response:
    if name not in MAILS:
        abort(404)
    with speaking(_language()):
        return Response(_part(name, "plain"), mimetype="text/plain")


@gallery.get(f"/{STYLE}")
def style() -> Response:
    """The stylesheet of all pages, with the scheme decided by the query in place of the reader's system."""
    file = current_app.open_resource(f"../static/{STYLE}", "r", encoding="utf-8")
    with file:
        return Response(_in_scheme(file.read()), mimetype="text/css")


def _page(name: str) -> Response:
    state = PAGES[name]
    g._login_user = state.user or AnonymousUserMixin()  # Flask-Login's: who is signed in on this page.
    response = make_response(state.show())
    own, forced = url_for("static", filename=STYLE), url_for("auth.gallery.style", scheme=_scheme())
    response.set_data(response.get_data(as_text=True).replace(own, forced))
    return response


def _part(name: str, subtype: Literal["html", "plain"]) -> str:
    body = message_from_bytes(MAILS[name].message().as_bytes(), policy=policy.default).get_body((subtype,))
    return str(body.get_content()) if body else ""


def _language() -> str:
    asked_for = request.args.get("language", "")
    return asked_for if asked_for in LANGUAGES else languages.current()


def _scheme() -> str | None:
    asked_for = request.args.get("scheme")
    return asked_for if asked_for in SCHEMES else None


def _in_scheme(text: str) -> str:
    """Return the page or stylesheet as it is in the scheme that the query names, whatever the reader's system says."""
    scheme = _scheme()
    if scheme is None:
        return text
    is_dark = "all" if scheme == "dark" else "not all"
    text = text.replace("(prefers-color-scheme: dark)", is_dark).replace(
        "color-scheme: light dark", f"color-scheme: {scheme}"
    )
    return text.replace('content="light dark"', f'content="{scheme}"')
