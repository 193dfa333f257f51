"""What an SMTP server said, fit to be kept: servers quote what they refuse, and no secret may come to rest with us."""

import re
import smtplib

_ADDRESS = re.compile(r"[^\s<>()\[\],;:\"']+@[^\s<>()\[\],;:\"']+")
_LINK = re.compile(r"\S*(?:://|token=)\S*|[\w.=+/-]{40,}")
_ENHANCED_CODE = re.compile(r"5\.(\d{1,3})\.\d{1,3}\b")
_CONTROL = re.compile(r"[\x00-\x1f\x7f]+")


def in_words(error: Exception) -> str:
    """Say what went wrong, in one line."""
    if isinstance(error, smtplib.SMTPResponseException):
        return without_secrets(error.smtp_code, error.smtp_error)
    return _CONTROL.sub(" ", f"{type(error).__name__}: {error}")[:500]


def without_secrets(code: int, words: bytes | str) -> str:
    """Return what the server said, without links, addresses or control characters."""
    text = words.decode(errors="replace") if isinstance(words, bytes) else words
    return _CONTROL.sub(" ", _ADDRESS.sub("<address>", _LINK.sub("<link>", f"{code} {text}")))[:500]


def is_of_mailbox(code: int, words: bytes | str) -> bool:
    """Say whether a recipient was refused for its own sake; without an enhanced code the reply code tells.

    RFC 3463, 3.2 and 3.3: 5.1 is about the address, 5.2 about the mailbox; 5.7, policy, is about us.
    """
    text = words.decode("ascii", "replace") if isinstance(words, bytes) else words
    enhanced = _ENHANCED_CODE.match(text.strip())
    if enhanced:
        return enhanced[1] in ("1", "2")
    return code in (550, 551, 552, 553)
