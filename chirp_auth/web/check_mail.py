"""The page "Check your email": one for every journey that mails a link.

It counts what this browser asked for, never what was sent: that would tell who has an account. So it promises no mail
that a limit or a mailbox's cap would refuse.
"""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Literal, NamedTuple

from flask import Response, flash, redirect, session, url_for
from flask_login import current_user
from werkzeug.wrappers import Response as Redirect

from chirp_auth.accounts import address_change, email_verification, mail_caps, password_reset
from chirp_auth.clock import now
from chirp_auth.errors import InvalidToken
from chirp_auth.extensions import settings
from chirp_auth.formatting import in_words, whole_seconds
from chirp_auth.http.request_context import client
from chirp_auth.languages import gettext as _
from chirp_auth.security import limits
from chirp_auth.security.limits import ClientLimit
from chirp_auth.web import code_verifier
from chirp_auth.web.blueprint import FACE, SEE_OTHER, web
from chirp_auth.web.current_session import ask_to_sign_in, current_session
from chirp_auth.web.forms import ResetCodeForm
from chirp_auth.web.pages import page

Name = Literal["reset", "renewed", "confirmation", "address_change"]

FIRST_WAIT = timedelta(minutes=1)  # After the first mail; each further one adds as much.
MAX_PER_HOUR = min(mail_caps.MAX_RESET_LINKS_PER_HOUR, mail_caps.MAX_OTHERS_PER_HOUR)


class Journey(NamedTuple):
    """How one journey sends its link again, and how long the link lives."""

    limit: ClientLimit
    send: Callable[[str], None]
    life: Callable[[], timedelta]


def _send_reset_link(email: str) -> None:
    password_reset.request_link(email, client(FACE), code_verifier.challenge())


def _send_confirmation(email: str) -> None:
    email_verification.request_link(email, client(FACE))


def _send_address_link(email: str) -> None:
    address_change.send_again(current_session, email, client(FACE))


_RESET = Journey(limits.forgot_password, _send_reset_link, lambda: settings.password_reset_token_expires_in)
JOURNEYS: dict[Name, Journey] = {
    "reset": _RESET,
    "renewed": _RESET,
    "confirmation": Journey(limits.resend_verification, _send_confirmation, lambda: email_verification.LINK_LIFE),
    "address_change": Journey(limits.sign_in, _send_address_link, lambda: address_change.LINK_LIFE),
}


def sent(journey: Name, email: str) -> Redirect:
    """Lead to the page, and note when a mail was asked for."""
    asked = session.get("asked", {})
    same = asked.get("journey") == journey and asked.get("email") == email
    times = [*_last_hour(asked["times"] if same else []), int(now().timestamp())]
    session["asked"] = {"journey": journey, "email": email, "times": times}
    if journey != "address_change":  # Not an address that anybody signs in with yet.
        session["asked_for"] = email
    return redirect(url_for("auth.web.check_mail"), SEE_OTHER)


def asked_for(journey: Name) -> str | None:
    """Return the address that this journey last mailed to, so that it need not be typed again."""
    asked = session.get("asked", {})
    return asked["email"] if asked.get("journey") == journey else None


@web.get("/check-email")
def check_mail() -> Response | Redirect:
    asked = session.get("asked")
    if asked is None:
        return redirect(url_for("auth.web.forgot_password"), SEE_OTHER)
    if not _is_open(asked["journey"]):
        return ask_to_sign_in(url_for("auth.web.change_address"))
    return page_with(ResetCodeForm(formdata=None))


def page_with(form: ResetCodeForm) -> Response:
    """Return the page; a mail with a link for a new password has a code, too, and its field is there."""
    asked = session["asked"]
    journey = JOURNEYS[asked["journey"]]
    times, wait = _last_hour(asked["times"]), _wait(journey, asked["times"])
    return page(
        "check_mail.html",
        form=form,
        journey=asked["journey"],
        email=asked["email"],
        life=in_words(journey.life()),
        wait_seconds=whole_seconds(wait) if wait else 0,
        is_spent=wait > FIRST_WAIT * len(times),
        asked_times=len(times),
        next_at=now() + wait,
        go_on=session.get("next_url"),
    )


@web.post("/check-email/again")
def send_again() -> Redirect:
    """Send another link to the same address, unless it is too early; the page counts down with script only."""
    asked = session.get("asked")
    if asked is None:
        return redirect(url_for("auth.web.forgot_password"), SEE_OTHER)
    if not _is_open(asked["journey"]):
        return ask_to_sign_in(url_for("auth.web.change_address"))
    journey = JOURNEYS[asked["journey"]]
    if wait := _wait(journey, asked["times"]):
        flash(_("Please wait %(time)s before you ask for another mail.", time=in_words(wait)))
        return redirect(url_for("auth.web.check_mail"), SEE_OTHER)
    journey.limit()
    try:
        journey.send(asked["email"])
    except InvalidToken:  # The change of address is over; another one begins with the password.
        return redirect(url_for("auth.web.change_address"), SEE_OTHER)
    return sent(asked["journey"], asked["email"])


def _is_open(journey: Name) -> bool:
    """Say whether this browser may see the page: a change of address is for who is signed in."""
    return journey != "address_change" or bool(current_user.is_authenticated)


def _wait(journey: Journey, times: list[int]) -> timedelta:
    """Return how long to wait for the next mail: by the pause between two, the mailbox's cap and the client's limit."""
    recent = [datetime.fromtimestamp(at, UTC) for at in _last_hour(times)]
    present = now()
    ready = [present + journey.limit.wait()]
    if recent:
        ready.append(recent[-1] + FIRST_WAIT * len(recent))
    if len(recent) >= MAX_PER_HOUR:
        ready.append(recent[-MAX_PER_HOUR] + mail_caps.HOUR)
    return max(*ready, present) - present


def _last_hour(times: list[int]) -> list[int]:
    return [at for at in times if at > (now() - mail_caps.HOUR).timestamp()]
