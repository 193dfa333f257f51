"""Slips of the finger in addresses: which well-known mail domain was probably meant. Knows no account."""

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


def suggest(email: str) -> str | None:
    """Return the address with the domain that was probably meant, if one slip leads from there to what was typed."""
    mailbox, _, domain = email.strip().rpartition("@")
    domain = domain.casefold()
    if not mailbox or domain in KNOWN_DOMAINS:
        return None
    meant = next((known for known in KNOWN_DOMAINS if _one_slip_apart(domain, known)), None)
    return f"{mailbox}@{meant}" if meant else None


def _one_slip_apart(typed: str, meant: str) -> bool:
    """Say whether one letter too many, too few, wrong, or swapped with its neighbour makes the difference."""
    if abs(len(typed) - len(meant)) == 1:
        longer, shorter = sorted((typed, meant), key=len, reverse=True)
        return any(longer[:place] + longer[place + 1 :] == shorter for place in range(len(longer)))
    if len(typed) != len(meant):
        return False
    wrong = [place for place, pair in enumerate(zip(typed, meant, strict=True)) if pair[0] != pair[1]]
    if len(wrong) == 2:
        first, second = wrong
        return second == first + 1 and typed[first] == meant[second] and typed[second] == meant[first]
    return len(wrong) == 1
