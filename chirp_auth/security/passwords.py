"""Passwords: what one may be, how it is hashed, and how it is verified at the same cost for everybody."""

import re
import unicodedata
from enum import Enum
from functools import lru_cache
from pathlib import Path

import bcrypt
import structlog
from flask import current_app

from chirp_auth.errors import PasswordMismatch, PasswordTooWeak
from chirp_auth.extensions import network_of, settings
from chirp_auth.languages import Sentence
from chirp_auth.security import breached_passwords, common_passwords, password_guesses, password_length
from chirp_auth.security.client import Client
from chirp_auth.security.hash_queue import HashQueue, Urgency

MAX_BYTES = 72  # bcrypt reads no further: counted and refused in words, never cut.
MAX_CHARACTERS = 4 * MAX_BYTES  # Longer before normalising, it is too long after: no work on huge input.
MIN_CONTEXT_CHARACTERS = 4
STRONG_GUESSES = 10**10  # zxcvbn's highest score: safe from guessing offline, too, where the hash is a slow one.

log = structlog.get_logger("passwords")

# bcrypt stops at a NUL, and half of a surrogate pair is no text.
_UNHASHABLE = re.compile(r"[\0\ud800-\udfff]")

# The shape of a bcrypt hash that no password can match: an unknown account costs what a known one costs.
_NOBODY = "$2b${cost:02d}$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW"


class Strength(Enum):
    """How strong an accepted password is."""

    OKAY = "okay"
    STRONG = "strong"


def check(password: str, context: tuple[str | None, ...]) -> Strength:
    """Accept or refuse a new password (NIST SP 800-63B-4, 3.1.1.2; no composition rules).

    Args:
        password: as it was typed.
        context: the person's address and names, which must not be its bulk.

    Returns:
        How strong it is; a password that is easy is refused.

    Raises:
        PasswordTooWeak: the sentence says why and what to do.
    """
    password = _normal(password)
    if len(password) < settings.password_min_length:
        raise PasswordTooWeak(
            Sentence("Password must be at least %(least)s characters long", least=settings.password_min_length)
        )
    if not _fits(password):
        raise PasswordTooWeak(
            Sentence.counted(
                "Password is too long: leave out %(num)s character",
                "Password is too long: leave out %(num)s characters",
                password_length.characters_over(password, MAX_BYTES),
            )
        )
    if _UNHASHABLE.search(password):
        raise PasswordTooWeak(Sentence("Password must not contain a NUL character or half of a character"))
    words = _context_words(context)
    if _is_mostly(password.casefold(), words):
        raise PasswordTooWeak(Sentence("Password must not be built from your name, your email address or our name"))
    if settings.password_blocklist_file and password.casefold() in _listed(settings.password_blocklist_file):
        raise PasswordTooWeak(
            Sentence("Password is on a list of passwords that attackers try first: choose another one")
        )
    if common_passwords.is_common(password):
        raise PasswordTooWeak(
            Sentence("This is one of the passwords that attackers try first. Three unrelated words work well")
        )
    corpus = settings.breached_passwords
    if corpus and breached_passwords.is_breached(password, corpus):
        raise PasswordTooWeak(
            Sentence("This password is known from a data breach, and attackers try it: choose another one")
        )
    guesses = _guesses(password, words)
    if guesses < settings.password_min_guesses:
        raise PasswordTooWeak(Sentence("Password is too easy to guess: add a word or two that only you would think of"))
    return Strength.STRONG if guesses >= STRONG_GUESSES else Strength.OKAY


def confirm(password: str, confirmation: str) -> None:
    """Raise PasswordMismatch unless both are the same."""
    if password != confirmation:
        raise PasswordMismatch


def are_same(password: str, other: str) -> bool:
    """Say whether both are one password, however they were composed."""
    return _normal(password) == _normal(other)


def expect_room(client: Client) -> None:
    """Raise ServiceBusy if a sign-in would be refused now: in a flood a refusal must cost next to nothing."""
    _queue().expect_room(network_of(client.ip))


def hash_new(password: str, client: Client, urgency: Urgency = Urgency.RESET) -> str:
    """Return the `$2b$` hash of an accepted password. It may wait, so no transaction must be open.

    Raises:
        ServiceBusy: too many wait for a hash.
    """
    with _queue().slot(network_of(client.ip), urgency):
        return bcrypt.hashpw(_normal(password).encode(), bcrypt.gensalt(settings.bcrypt_cost)).decode()


def verify(password: str, password_hash: str | None, client: Client, urgency: Urgency = Urgency.SIGN_IN) -> bool:
    """Say whether the password is right; without a hash, or with one that is none, the answer is no, at the same cost.

    It may wait, so no transaction must be open.

    Raises:
        ServiceBusy: too many wait for a hash.
    """
    password = _normal(password)
    with _queue().slot(network_of(client.ip), urgency):
        if password_hash is not None and password and _fits(password) and not _UNHASHABLE.search(password):
            try:
                right = bcrypt.checkpw(password.encode(), password_hash.encode())
                _pad_cost(password_hash)
                return right
            except ValueError:  # Raised before anything was spent; never with the hash in the log.
                log.error("a stored hash is not bcrypt's: its owner has to choose a new password")
        _burn(settings.bcrypt_cost)
        return False


def needs_rehash(password_hash: str) -> bool:
    """Say whether the hash was made at a lower cost than today's."""
    return _cost(password_hash) < settings.bcrypt_cost


def _pad_cost(password_hash: str) -> None:
    """Pad the check of an older, cheaper hash to today's cost (10, plus 10 and 11, equals 12): time tells nothing."""
    for cost in range(_cost(password_hash), settings.bcrypt_cost):
        _burn(cost)


def _burn(cost: int) -> None:
    bcrypt.checkpw(b"nobody's", _NOBODY.format(cost=cost).encode())


def _cost(password_hash: str) -> int:
    return int(password_hash.split("$")[2])


@lru_cache(maxsize=1)
def _listed(path: Path) -> frozenset[str]:
    """Return the operator's block list, a password a line; read once, so a new list wants a restart."""
    with path.open(encoding="utf-8", errors="replace") as lines:
        return frozenset(unicodedata.normalize("NFC", line.rstrip("\r\n")).casefold() for line in lines)


def _normal(password: str) -> str:
    """Return the NFC form (NIST SP 800-63B-4, 3.1.1.2), so that every keyboard's é is the same."""
    return unicodedata.normalize("NFC", password) if len(password) <= MAX_CHARACTERS else password


def _fits(password: str) -> bool:
    return len(password) <= MAX_BYTES and len(password.encode("utf-8", "surrogatepass")) <= MAX_BYTES


def _context_words(context: tuple[str | None, ...]) -> set[str]:
    words: set[str] = set()
    for text in (*context, settings.app_name):
        if text:
            text = _normal(text)
            local = text.partition("@")[0]
            words.update({text, local, *local.replace(".", " ").replace("_", " ").replace("-", " ").split()})
    return {word.casefold() for word in words if len(word) >= MIN_CONTEXT_CHARACTERS}


def _is_mostly(password: str, words: set[str]) -> bool:
    """Say whether words make up more than half of the password."""
    rest = password
    for word in sorted(words, key=len, reverse=True):
        rest = rest.replace(word, "")
    return len(rest) * 2 < len(password)


def _guesses(password: str, words: set[str]) -> int:
    """Return how many guesses find it. What is too short does not become longer by being repeated."""
    if len(password_guesses.repeated_part(password)) < settings.password_min_length:
        return 0
    return password_guesses.estimate(password, words)


def _queue() -> HashQueue:
    queue: HashQueue = current_app.extensions["hash_queue"]
    return queue
