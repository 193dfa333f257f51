"""A sample of every kind of mail, rendered as the worker does."""

from dataclasses import dataclass
from datetime import timedelta
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path
from typing import Any, cast
from uuid import UUID

from chirp_auth.clock import now
from chirp_auth.mail.rendering import Email, message_for
from chirp_auth.models import OutboxEntry

TEMPLATES = Path(__file__).parents[2] / "templates" / "email"
KINDS = sorted(folder.name for folder in TEMPLATES.iterdir() if folder.is_dir())
FIREFOX = "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:140.0) Gecko/20100101 Firefox/140.0"
ORIGIN = "https://auth.example.com"
TOKEN = "WyJ3eHl6QUJDREVGR0hJSktMTU5PUFFSU1RVViJd.aSmQ0w.0123456789abcdefghijklmnopqrstuvwxyzABCDEFG"

# Which links a kind has; all other values are there for each.
LINKS: dict[str, dict[str, str]] = {
    "account_locked": {"reset_link": f"{ORIGIN}/forgot-password", "not_me_link": f"{ORIGIN}/not-me?token={TOKEN}"},
    "account_state": {"sign_in_link": f"{ORIGIN}/login"},
    "address_change": {"link": f"{ORIGIN}/confirm-address?token={TOKEN}"},
    "address_changed": {"not_me_link": f"{ORIGIN}/not-me?token={TOKEN}"},
    "email_verification": {
        "link": f"{ORIGIN}/verify-email?token={TOKEN}",
        "not_me_link": f"{ORIGIN}/unwanted-registration?token={TOKEN}",
    },
    "existing_account": {"sign_in_link": f"{ORIGIN}/login"},
    "factor_notice": {"not_me_link": f"{ORIGIN}/not-me?token={TOKEN}"},
    "factor_recovery": {"link": f"{ORIGIN}/cancel-recovery?token={TOKEN}"},
    "factor_recovery_done": {
        "sign_in_link": f"{ORIGIN}/login",
        "not_me_link": f"{ORIGIN}/not-me?token={TOKEN}",
    },
    "invitation": {"link": f"{ORIGIN}/reset-password?token={TOKEN}"},
    "new_sign_in": {"not_me_link": f"{ORIGIN}/not-me?token={TOKEN}"},
    "password_changed": {"not_me_link": f"{ORIGIN}/not-me?token={TOKEN}"},
    "password_chosen": {"not_me_link": f"{ORIGIN}/not-me?token={TOKEN}"},
    "reset_link": {"link": f"{ORIGIN}/reset-password?token={TOKEN}"},
    "support_link": {"not_me_link": f"{ORIGIN}/not-me?token={TOKEN}"},
}


@dataclass(frozen=True, slots=True)
class Sample:
    """One mail as it arrives."""

    message: EmailMessage

    @property
    def text(self) -> str:
        return self._part("plain")

    @property
    def html(self) -> str:
        return self._part("html")

    def _part(self, kind: str) -> str:
        body = cast("EmailMessage", self.message.get_body((kind,)))
        return str(body.get_content()).replace("\r\n", "\n")


def sample(kind: str, language: str = "en", **changed: Any) -> Sample:
    """Return a mail of the kind to Alice, with sample data; needs an application context."""
    moments = ("expires_at", "requested_at", "changed_at", "failed_at", "made_at", "deleted_at", "registered_at")
    values = {
        **dict.fromkeys((*moments, "confirm_before", "started_at", "due_at"), now()),
        "name": "Alice Archer",
        "address": "alice@example.com",
        "life": timedelta(hours=1),
        "longest": timedelta(minutes=15),
        "failures": 5,
        "ended": 2,
        "what": "passkey_added",
        "passkey": "My phone",
        "left": 3,
        "user_agent": FIREFOX,
        "ip": "192.0.2.x",
        "forgot_link": f"{ORIGIN}/forgot-password",
        **LINKS.get(kind, {}),
        **changed,
    }
    entry = OutboxEntry(id=UUID(int=1), kind=kind, message_id="<1@auth.example.com>", params={})
    raw = message_for(entry, Email("alice@example.com", values, language)).raw
    return Sample(message_from_bytes(raw, policy=policy.default))
