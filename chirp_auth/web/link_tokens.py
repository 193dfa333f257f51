"""Tokens of mailed links: without what mail programs add to them, and out of the address bar."""

import re

from flask import session

from chirp_auth.errors import LinkNotOpened

MAX_CHARACTERS = 500  # Ours have about 90; a cookie has room for 4,000 in all.


def store_token(name: str, raw: str) -> None:
    """Put the token of a link that was followed into the session cookie, so that it leaves the address bar."""
    session[name] = cleaned(raw)


def stored_token(name: str) -> str:
    """Return the token of the link that was followed in this browser.

    Raises:
        LinkNotOpened: none was, or the browser did not keep the cookie.
    """
    if name not in session:
        raise LinkNotOpened
    return str(session[name])


def cleaned(raw: str) -> str:
    """Return the token without line breaks, brackets and punctuation around it, or quoted-printable's `=3D`.

    Its signature still decides whether it is one of ours.
    """
    joined = re.sub(r"[\s=]+", "", raw)
    match = re.search(r"[\w.-]+", joined, re.ASCII)
    token = match[0].strip(".").removeprefix("3D") if match else ""
    return token if len(token) <= MAX_CHARACTERS else ""
