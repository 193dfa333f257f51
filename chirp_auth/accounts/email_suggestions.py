"""Suggestions for mistyped addresses: which well-known mail domain was probably meant. Knows no account."""

from chirp_auth.accounts import typos

KNOWN_DOMAINS = (
    "gmail.com",
    "googlemail.com",
    "outlook.com",
    "hotmail.com",
    "live.com",
    "msn.com",
    "yahoo.com",
    "ymail.com",
    "icloud.com",
    "me.com",
    "mac.com",
    "aol.com",
    "proton.me",
    "protonmail.com",
    "mail.com",
    "email.com",
    "gmx.com",
    "gmx.net",
    "gmx.de",
    "web.de",
    "zoho.com",
    "fastmail.com",
    "hotmail.co.uk",
    "yahoo.co.uk",
    "yahoo.co.in",
    "yahoo.in",
    "rediffmail.com",
    "hotmail.fr",
    "yahoo.fr",
    "orange.fr",
    "free.fr",
    "libero.it",
)
_LONGEST_TYPO = max(map(len, KNOWN_DOMAINS)) + 1


def suggest(email: str) -> str | None:
    """Return the address with the well-known domain that is one typing error away from its own, if there is one."""
    mailbox, _, typed = email.strip().rpartition("@")
    typed = typed.casefold()
    if not mailbox or typed in KNOWN_DOMAINS or len(typed) > _LONGEST_TYPO:
        return None
    candidates = typos.one_slip_from(typed)
    domain = next((domain for domain in KNOWN_DOMAINS if domain in candidates), None)
    return f"{mailbox}@{domain}" if domain else None
