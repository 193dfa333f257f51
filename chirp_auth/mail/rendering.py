"""Rendering: from what a rule wants said to a finished message, in text and HTML with the same facts."""

from dataclasses import dataclass, field
from email.utils import format_datetime, formataddr, parseaddr
from functools import cache
from re import sub
from typing import Any

from css_inline import CSSInliner
from flask_babel import force_locale

from chirp_auth.clock import now
from chirp_auth.extensions import settings
from chirp_auth.languages import DEFAULT, LANGUAGES
from chirp_auth.mail import templates
from chirp_auth.mail.message import Message, encoded, to_bytes
from chirp_auth.models import OutboxEntry, User

MAX_NAME_CHARACTERS = 80


@dataclass(frozen=True, slots=True)
class Email:
    """What a rule wants said: to whom, the values for the templates of the entry's kind, and the reader's language.

    Values are as they are, spans, moments and user agents too: the templates word them, in that language.
    """

    recipient: str
    values: dict[str, Any] = field(default_factory=dict)
    language: str = DEFAULT


class NotSent(Exception):
    """The mail must not leave: there is nobody to write to. `reason` is for operators."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


def message_for(entry: OutboxEntry, email: Email) -> Message:
    """Return the mail as a message; it has the same Message-ID at every try."""
    with force_locale(email.language):
        text, html, subject = (_render(entry.kind, part, email) for part in ("body.txt", "body.html", "subject.txt"))
    from_header, sender = _sender(settings.mail_from, settings.app_name)
    headers = {
        "Subject": encoded(" ".join(subject.split()), "Subject"),
        "From": from_header,
        "To": email.recipient,
        "Reply-To": settings.support_email,
        "Date": format_datetime(now()),
        "Message-ID": entry.message_id,
        "Auto-Submitted": "auto-generated",  # RFC 3834, 5: no out-of-office replies, please.
        "X-Auto-Response-Suppress": "All",
    }
    raw = to_bytes(headers, text.strip() + "\n", _inliner().inline(html), email.language)
    return Message(sender, email.recipient, raw)


def language_of(entry: OutboxEntry, user: User | None = None) -> str:
    """Return the reader's language: of the request that asked for this mail, else what the user used last."""
    asked, last = entry.params.get("language"), user.locale if user else None
    return next((language for language in (asked, last) if language in LANGUAGES), DEFAULT)


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


def _render(kind: str, part: str, email: Email) -> str:
    # Not `render_template`: a mail knows no request, and nobody is signed in to it.
    return templates.template(f"email/{kind}/{part}", email.language).render(email.values)


@cache
def _sender(mail_from: str, app_name: str) -> tuple[str, str]:
    """Return the sender as a header and as a bare address."""
    name, address = parseaddr(mail_from)
    name = name or app_name
    return formataddr((name, address)) if name.isascii() else f"{encoded(name, 'From')} <{address}>", address


@cache
def _inliner() -> CSSInliner:
    return CSSInliner(load_remote_stylesheets=False, keep_style_tags=False, keep_at_rules=True)
