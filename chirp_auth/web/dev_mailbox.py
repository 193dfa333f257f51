"""The development mailbox's pages: the mails that were not sent. They answer this machine alone, never in production.

Whoever reads them can take over every account, so no setting opens them to others.
"""

from dataclasses import asdict

from flask import Blueprint, Response, abort, jsonify, make_response, redirect, url_for
from werkzeug.wrappers import Response as Redirect

from chirp_auth.extensions import csrf, settings
from chirp_auth.formatting import iso
from chirp_auth.http.request_context import is_from_this_machine
from chirp_auth.mail import mailbox
from chirp_auth.mail.mailbox import Mail
from chirp_auth.web.pages import page

# Mails carry inline styles, which no other document may; nothing else in it runs or loads.
MAIL_POLICY = "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'self'; sandbox allow-popups"

dev_mailbox = Blueprint("dev_mailbox", __name__, url_prefix="/dev")


@dev_mailbox.before_request
def on_the_developers_machine_only() -> None:
    """Answer 404 elsewhere, and check each form."""
    if not (settings.has_dev_mailbox and is_from_this_machine()):
        abort(404)
    csrf.protect()


@dev_mailbox.get("/mailbox")
def messages() -> Response:
    return page("dev_mailbox/messages.html", messages=mailbox.headings())


@dev_mailbox.get("/mailbox.json")
def messages_json() -> Response:
    return jsonify([{**asdict(mail), "at": iso(mail.at)} for mail in mailbox.messages()])


@dev_mailbox.get("/mailbox/<message_id>")
def message(message_id: str) -> Response:
    return page(
        "dev_mailbox/message.html", message=_message(message_id), raw=_source(message_id).decode(errors="replace")
    )


@dev_mailbox.get("/mailbox/<message_id>/html")
def html(message_id: str) -> Response:
    response = make_response(_message(message_id).html)
    response.headers["Content-Security-Policy"] = MAIL_POLICY
    return response


@dev_mailbox.get("/mailbox/<message_id>.eml")
def source(message_id: str) -> Response:
    response = make_response(_source(message_id))
    response.content_type = "message/rfc822"
    return response


@dev_mailbox.post("/mailbox/clear")
def clear() -> Redirect:
    mailbox.clear()
    return redirect(url_for("auth.dev_mailbox.messages"), 303)


def _message(message_id: str) -> Mail:
    return mailbox.message(message_id) or abort(404)


def _source(message_id: str) -> bytes:
    return mailbox.source(message_id) or abort(404)
