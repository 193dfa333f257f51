"""Password change: with the old password, signed in or by address, and what it ends."""

from collections.abc import Callable

import pytest

from chirp_auth.accounts import password_change, sessions, sign_in
from chirp_auth.accounts.password_change import PasswordChange
from chirp_auth.errors import (
    AuthError,
    InvalidCredentials,
    InvalidEmail,
    PasswordMismatch,
    PasswordTooWeak,
    UserNotFound,
)
from chirp_auth.extensions import db
from chirp_auth.http.routing import Application
from chirp_auth.mail.mailbox import Mail
from chirp_auth.models import Session, User
from tests.conftest import ALICE, MALLORY, NEW_PASSWORD, PASSWORD, TEST_CLIENT, events
from tests.support.together import OK, in_threads

Delivered = Callable[[], list[Mail]]


@pytest.fixture
def here(alice: User) -> Session:
    return sign_in.sign_in(ALICE, PASSWORD, TEST_CLIENT)


def change(session: Session, current: str = PASSWORD, password: str = NEW_PASSWORD) -> PasswordChange:
    done = password_change.change_password(session, current, password, password, TEST_CLIENT)
    db.session.remove()
    return done


def by_email(email: str = ALICE, current: str = PASSWORD, password: str = NEW_PASSWORD) -> User:
    user = password_change.change_password_by_email(email, current, password, TEST_CLIENT)
    db.session.remove()
    return user


def test_this_session_stays_and_all_others_end(here: Session, delivered: Delivered) -> None:
    others = [sign_in.sign_in(ALICE, PASSWORD, TEST_CLIENT) for _ in range(2)]

    done = change(here)

    assert done.ended_sessions == 2
    assert sessions.find(done.session.id) is not None
    assert sessions.find(here.id) is None, "under its former id, which copies of its tokens name"
    assert [sessions.find(other.id) for other in others] == [None, None]
    sign_in.sign_in(ALICE, NEW_PASSWORD, TEST_CLIENT)
    assert delivered()[0].subject == "Password Reset Successful - Chirpworks"


@pytest.mark.parametrize(
    ("current", "password", "confirmation", "refusal"),
    [
        (PASSWORD, NEW_PASSWORD, "another", PasswordMismatch),
        (PASSWORD, "short", "short", PasswordTooWeak),
        (PASSWORD, PASSWORD, PASSWORD, PasswordTooWeak),
        (PASSWORD, "alice archer", "alice archer", PasswordTooWeak),
        ("not the password", NEW_PASSWORD, NEW_PASSWORD, InvalidCredentials),
    ],
)
def test_a_refused_change_changes_nothing(
    here: Session, delivered: Delivered, current: str, password: str, confirmation: str, refusal: type[AuthError]
) -> None:
    with pytest.raises(refusal):
        password_change.change_password(here, current, password, confirmation, TEST_CLIENT)

    outcome = "wrong_password" if refusal is InvalidCredentials else refusal.code.lower()
    assert events("password.changed") == [outcome]
    assert delivered() == []
    assert sessions.find(here.id) is not None
    sign_in.sign_in(ALICE, PASSWORD, TEST_CLIENT)


def test_a_wrong_old_password_counts_like_a_failed_sign_in(alice: User, here: Session) -> None:
    for attempt in (lambda: change(here, "wrong"), lambda: by_email(current="wrong")):
        db.session.remove()
        with pytest.raises(InvalidCredentials):
            attempt()

    db.session.remove()
    assert db.session.get_one(User, alice.id).failed_sign_ins == 2
    assert events("password.changed") == ["wrong_password"] * 2


def test_a_change_clears_the_failures(alice: User, here: Session) -> None:
    with pytest.raises(InvalidCredentials):
        change(here, "wrong")
    change(here)

    assert db.session.get_one(User, alice.id).failed_sign_ins == 0


def test_by_address_and_old_password_every_session_ends(alice: User, here: Session, delivered: Delivered) -> None:
    assert by_email(f" {ALICE.upper()} ").id == alice.id

    assert sessions.find(here.id) is None
    sign_in.sign_in(ALICE, NEW_PASSWORD, TEST_CLIENT)
    assert len(delivered()) == 1


def test_by_address_the_checks_come_in_the_published_order(alice: User) -> None:
    with pytest.raises(InvalidEmail):
        by_email("alice", "wrong", "short")
    with pytest.raises(PasswordTooWeak):
        by_email(MALLORY, "wrong", "short")
    with pytest.raises(UserNotFound):
        by_email(MALLORY, "wrong")
    with pytest.raises(InvalidCredentials):
        by_email(ALICE, "wrong")


def test_by_address_a_weak_password_is_recorded_before_any_account_is_looked_up(alice: User) -> None:
    for email in (ALICE, MALLORY):
        with pytest.raises(PasswordTooWeak):
            by_email(email, password="short")
    with pytest.raises(PasswordTooWeak):
        by_email(password="alice archer")

    assert events("password.changed") == ["password_too_weak"] * 3


@pytest.mark.settings(conceal_accounts=True)
def test_concealed_an_unknown_account_is_a_wrong_password(alice: User) -> None:
    with pytest.raises(InvalidCredentials):
        by_email(MALLORY)


@pytest.mark.settings(web_threads=44)
def test_of_changes_at_once_one_wins(app: Application, alice: User) -> None:
    def attempt(place: int) -> Callable[[], object]:
        return lambda: by_email(password=f"{NEW_PASSWORD} {place}")

    outcomes = in_threads(app, [attempt(place) for place in range(8)])

    assert sorted(outcomes) == ["InvalidCredentials"] * 7 + [OK]
    db.session.remove()
    sign_in.sign_in(ALICE, f"{NEW_PASSWORD} {outcomes.index(OK)}", TEST_CLIENT)
    assert events("password.changed").count("ok") == 1
