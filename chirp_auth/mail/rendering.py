"""Composing: from an outbox entry to a finished message, in text and HTML with the same facts.

What a mail says is up to the rule that promised it: each registers its composer here, so that the worker
needs to know no rule by name.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from email.message import EmailMessage
from email.utils import format_datetime, formataddr, parseaddr
from functools import cache
from re import sub
from typing import Any

from css_inline import CSSInliner
from flask import current_app

from chirp_auth.clock import now
from chirp_auth.extensions import settings
from chirp_auth.models import OutboxEntry, User

MAX_NAME_CHARACTERS = 80


@dataclass(frozen=True, slots=True)
class Email:
    """What a rule wants said: to whom, and the values for the templates of the entry's kind."""

    recipient: str
    values: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Nobody:
    """There is nobody to write to; the reason is for operators."""

    reason: str


Composer = Callable[[OutboxEntry], Email | Nobody]
Weeder = Callable[[Sequence[OutboxEntry]], Sequence[OutboxEntry]]
_composers: dict[str, Composer] = {}
_weeders: dict[str, tuple[Weeder, Nobody]] = {}


def composes(kind: str) -> Callable[[Composer], Composer]:
    """Register the function that composes entries of this kind. It may be called again for the same entry."""

    def register(composer: Composer) -> Composer:
        _composers[kind] = composer
        return composer

    return register


def weeds(kind: str, nobody: Nobody) -> Callable[[Weeder], Weeder]:
    """Register the function that tells, of many entries of this kind at once, for which there is nobody.

    A shortcut: whatever it leaves is composed one by one, and may turn out to be for nobody too.
    """

    def register(weeder: Weeder) -> Weeder:
        _weeders[kind] = weeder, nobody
        return weeder

    return register


def weeded(entries: Sequence[OutboxEntry]) -> tuple[list[OutboxEntry], dict[str, list[OutboxEntry]]]:
    """Return the entries to compose, in their order, and those for nobody by the reason."""
    unaddressed: dict[str, list[OutboxEntry]] = {}
    for kind, (weeder, nobody) in _weeders.items():
        if of_kind := [entry for entry in entries if entry.kind == kind]:
            unaddressed.setdefault(nobody.reason, []).extend(weeder(of_kind))
    gone = {entry.id for group in unaddressed.values() for entry in group}
    return [entry for entry in entries if entry.id not in gone], unaddressed


def letter_for(entry: OutboxEntry) -> Email | Nobody:
    """Ask the rule that promised the entry what to say."""
    return _composers[entry.kind](entry)


def message_for(entry: OutboxEntry, letter: Email) -> EmailMessage:
    """Return the letter as a message: pure multipart/alternative, text first; the same Message-ID at every try."""
    text, html, subject = (_render(entry.kind, part, letter) for part in ("body.txt", "body.html", "subject.txt"))
    message = EmailMessage()
    message["Subject"] = " ".join(subject.split())
    message["From"] = _from_header()
    message["To"] = letter.recipient
    message["Reply-To"] = settings.support_email
    message["Date"] = format_datetime(now())
    message["Message-ID"] = entry.message_id
    message["Auto-Submitted"] = "auto-generated"  # RFC 3834, 5: no out-of-office replies, please.
    message["X-Auto-Response-Suppress"] = "All"
    message.set_content(text.strip() + "\n", cte="quoted-printable")
    message.add_alternative(_inliner().inline(html), subtype="html", cte="quoted-printable")
    message["Content-Language"] = "en"  # After the parts: setting the content drops Content-* headers.
    return message


def name_of(user: User, recipient_key: str) -> str | None:
    """Return the name by which a mail greets a user: first and last, without names the part before the @.

    None for a mailbox that is not the user's confirmed address: whoever typed the name may be a stranger to it.

    Names are whatever somebody typed: no mail program must make a link of one, and none may flood the mail.
    """
    if user.email_verified_at is None or user.email_key != recipient_key:
        return None
    typed = f"{user.first_name or ''} {user.last_name or ''}"
    inert = sub(r"\.(?=\w{2})", ". ", sub(r"[:/\\<>@\s]+", " ", typed)).strip()
    return inert[:MAX_NAME_CHARACTERS] or user.display_name


def _render(kind: str, part: str, letter: Email) -> str:
    # Not `render_template`: a mail knows no request, and nobody is signed in to it.
    template = current_app.jinja_env.get_template(f"email/{kind}/{part}")
    return template.render(
        app_name=settings.app_name,
        support_email=settings.support_email,
        public_url=settings.public_url,
        **letter.values,
    )


def _from_header() -> str:
    name, address = parseaddr(settings.mail_from)
    return formataddr((name or settings.app_name, address))


@cache
def _inliner() -> CSSInliner:
    return CSSInliner(load_remote_stylesheets=False, keep_style_tags=False, keep_at_rules=True)
