"""What attackers try first is refused, in whatever decoration; what people can be advised to choose is not."""

import gzip
import random
import string
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from chirp_auth import create_app
from chirp_auth.accounts import password_reset
from chirp_auth.admin import support_links
from chirp_auth.errors import PasswordTooWeak
from chirp_auth.extensions import db
from chirp_auth.models import User
from chirp_auth.security import passwords
from config import load
from tests.conftest import ALICE, NEW_PASSWORD, PASSWORD, TEST_CLIENT, on_one_database
from tests.support.visitor import bearer, post_form

FOLDER = Path(passwords.__file__).parent
ADVICE = "This is one of the passwords that attackers try first. Three unrelated words work well"

DECORATED = [
    "Summer2025!",
    "Welcome2026!",
    "Bangalore@123",
    "P@ssw0rd2025!",
    "2025Summer!",
    "@pple2025!",
    "Hyderabad@2026",
    "Kolkata!!2024",
    "I-love-you-2025",
    "Password123456!",
    "W3lcome1!",
    "Samsung@2024",
    "Monday#1234",
    "LETMEIN#2024",
]
SAMPLES = [
    "securepassword",
    "NewSecurePass123!",
    "NewPassword123!",
    "newSecurePassword123",
    "currentPassword123",
    "your_new_secure_password",
]


@pytest.fixture
def rules() -> Iterator[None]:
    """The rules alone, for thousands of passwords: they need no database."""
    with create_app(load(_env_file=None, secret_key="k" * 32, jwt_secret="j" * 32)).app_context():
        yield


def commonest() -> list[str]:
    """Return the shipped list, commonest first; it begins with Django's."""
    return gzip.decompress((FOLDER / "common-passwords.txt.gz").read_bytes()).decode().splitlines()


def is_accepted(password: str) -> bool:
    try:
        passwords.check(password, (ALICE, "Alice", "Archer"))
    except PasswordTooWeak:
        return False
    return True


def test_fewer_than_one_in_a_hundred_of_djangos_first_three_thousand_pass(rules: None) -> None:
    tried = [password for password in commonest() if len(password) >= 8][:3000]

    passed = [password for password in tried if is_accepted(password)]
    assert len(passed) < 30, passed
    assert not any(is_accepted(password.swapcase()) for password in tried[:300])


def test_the_hundred_thousandth_is_refused_too(rules: None) -> None:
    last = [password for password in commonest()[-1000:] if len(password) >= 8]

    assert len(last) > 100
    assert not [password for password in last if is_accepted(password)]


@pytest.mark.parametrize("ending", ["2025!", "@123", "1!", "#1999"])
def test_common_words_with_a_year_or_digits_and_a_sign_are_refused(rules: None, ending: str) -> None:
    words = [word for word in commonest()[:2000] if word.isalpha() and len(word) >= 6]
    words += [word for word in (FOLDER / "predictable-words.txt").read_text().split("\n") if word.isalpha()]

    assert len(words) > 800
    assert not [word for word in words if is_accepted(f"{word.capitalize()}{ending}")]


def test_thousands_of_random_passwords_and_phrases_are_accepted(rules: None) -> None:
    chance = random.Random(20261128)
    words = [word for word in commonest() if word.isalpha() and 4 <= len(word) <= 7][5000:15000]
    phrases = [" ".join(chance.choices(words, k=3)) for _ in range(1000)]
    signs = string.ascii_letters + string.digits + string.punctuation
    made = ["".join(chance.choices(signs, k=chance.randint(9, 60))) for _ in range(1000)]

    assert not [password for password in phrases + made if not is_accepted(password)]


@on_one_database
@pytest.mark.settings(rate_limits_enabled=False)
@pytest.mark.parametrize("password", DECORATED)
def test_every_door_refuses_it_and_says_what_to_do(client: FlaskClient, password: str) -> None:
    typed = {"email": "mallory@example.com", "password": password}

    assert client.post("/api/v1/auth/register", json=typed).get_json()["detail"] == ADVICE
    assert post_form(client, "/password-strength", page="/register", **typed).get_json() == {
        "accepted": False,
        "strength": "easy",
        "sentence": f"{ADVICE}.",
    }
    assert ADVICE in post_form(client, "/register", **typed).text


@pytest.mark.parametrize("password", SAMPLES)
def test_the_published_samples_open_every_door(client: FlaskClient, alice: User, password: str) -> None:
    by_link = {"new_password": password, "confirm_password": password}
    by_old = {"email": ALICE, "old_password": PASSWORD, "new_password": password}
    doors: list[Callable[[], TestResponse]] = [
        lambda: client.post("/api/auth/reset_password", json=by_old),
        lambda: client.post("/api/v1/auth/reset-password", json=by_link, headers=bearer(link(alice))),
        lambda: client.post("/api/auth/reset-password", json={"token": link(alice), **by_link}),
        lambda: client.post("/reset-password", json={"token": link(alice), "new_password": password}),
    ]

    assert client.post("/register", json={"email": "user@example.com", "password": password}).status_code == 201
    for number, door in enumerate(doors):
        assert door().status_code == 200, number
        other = f"{NEW_PASSWORD} {number}"  # The password that is there cannot be chosen again.
        password_reset.reset_password(link(alice), other, other, TEST_CLIENT)


def link(user: User) -> str:
    """Return the token of a link that support made."""
    db.session.refresh(user)
    return support_links.create_link(user, TEST_CLIENT).url.partition("token=")[2]
