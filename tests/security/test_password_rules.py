"""Passwords: which are accepted, which are refused and in what words, and what verifying one costs."""

import re
import time
import unicodedata
from collections.abc import Iterator

import bcrypt
import pytest
from structlog.testing import capture_logs

from chirp_auth import create_app
from chirp_auth.errors import PasswordTooWeak
from chirp_auth.http.routing import Application
from chirp_auth.security import passwords
from chirp_auth.security.passwords import Strength
from config import load
from tests.conftest import TEST_CLIENT

CONTEXT = ("alice.archer@example.com", "Alice", "Archer")
UNREADABLE = "$2b$04$" + "a" * 21 + "z" + "a" * 31  # bcrypt: Invalid salt, for bits that the salt does not have


@pytest.fixture
def app(request: pytest.FixtureRequest) -> Iterator[Application]:
    """An application without a database: these tools need none."""
    app = create_app(load(_env_file=None, secret_key="k" * 32, jwt_secret="j" * 32, bcrypt_cost=4))
    with app.app_context():
        yield app


def refusal_of(password: str, context: tuple[str | None, ...] = CONTEXT) -> str:
    with pytest.raises(PasswordTooWeak) as refused:
        passwords.check(password, context)
    return refused.value.sentence


@pytest.mark.parametrize(
    "password",
    ["securepassword", "NewSecurePass123!", "NewPassword123!", "newSecurePassword123", "currentPassword123"],
)
def test_the_passwords_of_the_published_samples_are_accepted(app: Application, password: str) -> None:
    passwords.check(password, ("user@example.com", "John", "Doe"))


@pytest.mark.parametrize("password", ["x", "short", "1234567", ""])
def test_fewer_than_eight_characters_are_refused_in_the_published_words(app: Application, password: str) -> None:
    assert refusal_of(password) == "Password must be at least 8 characters long"


@pytest.mark.parametrize("password", ["password", "12345678", "qwertyuiop", "letmein1", "Letmein2026!"])
def test_what_is_guessed_first_is_refused(app: Application, password: str) -> None:
    assert refusal_of(password).startswith("This is one of the passwords that attackers try first")


@pytest.mark.parametrize("password", ["aaaaaaaaaaaaa", "qzqzqzqzqzqzqzqz", "x7!kx7!kx7!kx7!k", "abcdefghijklmnopqrs"])
def test_what_takes_few_guesses_is_refused(app: Application, password: str) -> None:
    assert refusal_of(password).startswith("Password is too easy to guess")


@pytest.mark.parametrize("password", ["alicearcher", "Alice.Archer1", "ARCHERALICE99", "chirpworks1", "myChirpworks"])
def test_names_and_the_address_may_not_be_the_bulk(app: Application, password: str) -> None:
    assert refusal_of(password).startswith("Password must not be built from your name")


def test_names_may_be_a_part(app: Application) -> None:
    passwords.check("alice likes quiet herons", CONTEXT)
    passwords.check("seven quiet herons", (None, None, ""))


def test_seventy_two_bytes_are_all_used_and_one_more_is_refused(app: Application) -> None:
    longest = "quiet herons " * 5 + "1234567"
    assert len(longest.encode()) == 72
    passwords.check(longest, ())

    kept = passwords.hash_new(longest, TEST_CLIENT)
    assert passwords.verify(longest, kept, TEST_CLIENT)
    assert not passwords.verify(longest[:-1] + "8", kept, TEST_CLIENT)
    assert not passwords.verify(longest + "9", kept, TEST_CLIENT)
    assert refusal_of(longest + "8") == "Password is too long: leave out 1 character"


def test_bytes_are_counted_not_characters(app: Application) -> None:
    assert refusal_of("é" * 37) == "Password is too long: leave out 1 character"
    assert refusal_of("🐦" * 19) == "Password is too long: leave out 1 character"
    passwords.check("🐦 sings in the 🌲 all day", ())


@pytest.mark.parametrize(
    ("password", "over"),
    [
        ("a" * 80, 8),
        ("é" * 40, 4),
        ("e\u0301" * 40, 4),  # the same, composed of two
        ("x\u0323\u0301" * 20, 6),  # a letter with two marks, five bytes, which stays one character
        ("👩‍👩‍👧‍👦" * 4, 2),  # a family of four: 25 bytes
        ("👍🏽" * 10, 1),  # a hand with its colour: eight bytes
        ("a" * 71 + "é", 1),
        ("a" * 1_000_000, 999_928),
    ],
)
def test_what_is_too_long_is_counted_as_people_count(app: Application, password: str, over: int) -> None:
    assert f"leave out {over} character" in refusal_of(password)
    if over < 100:
        letters = re.findall(r"(?:👩‍👩‍👧‍👦|👍🏽|.)[\u0300-\u036f]*", unicodedata.normalize("NFC", password))
        passwords.hash_new("".join(letters[:-over]), TEST_CLIENT)
        with pytest.raises(ValueError, match="72"):
            passwords.hash_new("".join(letters[: len(letters) - over + 1]), TEST_CLIENT)


@pytest.mark.parametrize(
    ("password", "strength"),
    [
        ("xK9#mQ2v", Strength.OKAY),
        ("zebra lamp", Strength.OKAY),
        ("seven quiet herons", Strength.STRONG),
        ("eleven loud magpies", Strength.STRONG),
    ],
)
def test_what_is_accepted_is_okay_or_strong(app: Application, password: str, strength: Strength) -> None:
    assert passwords.check(password, CONTEXT) is strength


@pytest.mark.parametrize("password", ["quiet\0herons", "quiet\ud800herons"])
def test_what_no_hash_can_take_is_refused(app: Application, password: str) -> None:
    assert refusal_of(password).startswith("Password must not contain")
    assert not passwords.verify(password, passwords.hash_new("quiet", TEST_CLIENT), TEST_CLIENT)


def test_every_way_to_type_an_accent_is_the_same_password(app: Application) -> None:
    composed, decomposed = "cr\u00e8me br\u00fbl\u00e9e", "cre\u0300me bru\u0302le\u0301e"
    assert composed != decomposed

    assert passwords.verify(decomposed, passwords.hash_new(composed, TEST_CLIENT), TEST_CLIENT)
    assert passwords.verify(composed, passwords.hash_new(decomposed, TEST_CLIENT), TEST_CLIENT)


def test_a_megabyte_costs_no_more_than_a_glance(app: Application) -> None:
    huge = "\u0065\u0301" * 500_000
    before = time.thread_time()

    assert refusal_of(huge).startswith("Password is too long")
    assert not passwords.verify(huge, None, TEST_CLIENT)

    assert time.thread_time() - before < 1, "zxcvbn or normalising would take far longer"


def test_a_hash_says_whether_it_was_cheaper_than_today(app: Application) -> None:
    assert not passwords.needs_rehash(passwords.hash_new("seven quiet herons", TEST_CLIENT))
    assert passwords.needs_rehash("$2b$03$" + "x" * 53)


@pytest.mark.parametrize(
    "stored", [UNREADABLE, UNREADABLE.replace("$2b$", "$2y$"), "", "pbkdf2:sha256:1$a$b", "\ud800"]
)
def test_a_stored_hash_that_bcrypt_cannot_read_opens_nothing_and_is_told_without_it(
    app: Application, stored: str
) -> None:
    with capture_logs() as logged:
        assert not passwords.verify("seven quiet herons", stored, TEST_CLIENT)

    assert [line["log_level"] for line in logged] == ["error"]
    assert not stored or stored not in str(logged)


def test_an_unknown_account_costs_a_hash_of_the_same_cost(app: Application) -> None:
    app.extensions["settings"] = app.extensions["settings"].model_copy(update={"bcrypt_cost": 10})
    known = bcrypt.hashpw(b"seven quiet herons", bcrypt.gensalt(10)).decode()

    def cost(password: str, password_hash: str | None) -> float:
        spent = []
        for _ in range(3):
            before = time.thread_time()
            passwords.verify(password, password_hash, TEST_CLIENT)
            spent.append(time.thread_time() - before)
        return min(spent)

    expected = cost("not the password", known)
    for password, password_hash in (
        ("any", None),
        ("any", UNREADABLE),
        ("x" * 1000, known),
        ("", known),
        ("\0", None),
    ):
        assert 0.5 < cost(password, password_hash) / expected < 2
