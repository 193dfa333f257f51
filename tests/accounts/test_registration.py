"""Registration: who gets an account, what is refused in words, and that one address has one account."""

from collections.abc import Callable
from contextlib import suppress

import pytest
from sqlalchemy import func, select

from chirp_auth.accounts import email_verification, registration, sessions, users
from chirp_auth.accounts.registration import Applicant
from chirp_auth.errors import AuthError, EmailTaken, InvalidEmail, PasswordTooWeak, ValidationFailed
from chirp_auth.extensions import db
from chirp_auth.http.routing import Application
from chirp_auth.mail.mailbox import Mail
from chirp_auth.models import User
from chirp_auth.security import passwords
from tests.conftest import ALICE, MALLORY, NEW_PASSWORD, PASSWORD, TEST_CLIENT, events, token_in
from tests.support.together import OK, in_threads

Delivered = Callable[[], list[Mail]]


def accounts() -> int:
    return db.session.scalar(select(func.count()).select_from(User)) or 0


def test_who_registers_is_signed_in_and_mailed_a_link_to_confirm(app: Application, delivered: Delivered) -> None:
    applicant = Applicant(f" {ALICE} ", PASSWORD, "  Alice  B. ", "Archer", "1234567890")

    session = registration.register(applicant, TEST_CLIENT)

    assert session is not None
    assert sessions.find(session.id) is session
    user = session.user
    assert (user.email, user.first_name, user.display_name) == (ALICE, "Alice B.", "Alice B. Archer")
    assert user.phone_number == "+911234567890"
    (mail,) = delivered()
    assert mail.to == ALICE
    assert email_verification.verify_email(token_in(mail), TEST_CLIENT).email_verified_at


def test_the_password_is_kept_as_a_bcrypt_hash_alone(alice: User) -> None:
    assert (alice.password_hash or "").startswith("$2b$04$")
    assert PASSWORD not in str(vars(alice))


def test_an_address_has_one_account_however_it_is_written(alice: User) -> None:
    for email in (ALICE, "ALICE@Example.COM", " alice@example.com"):
        with pytest.raises(EmailTaken):
            registration.register(Applicant(email, NEW_PASSWORD), TEST_CLIENT)

    assert accounts() == 1
    assert passwords.verify(PASSWORD, alice.password_hash, TEST_CLIENT)
    assert events("user.registered") == ["email_taken"] * 3


def test_domains_that_only_look_alike_are_two_addresses(app: Application) -> None:
    for email in ("bob@faß.example", "bob@fass.example", "BOB@FASS.EXAMPLE."):
        with suppress(EmailTaken, InvalidEmail):
            registration.register(Applicant(email, PASSWORD), TEST_CLIENT)

    assert accounts() == 2


@pytest.mark.settings(web_threads=44)
def test_of_registrations_at_once_one_gets_the_account(app: Application) -> None:
    def register() -> None:
        registration.register(Applicant(ALICE, PASSWORD), TEST_CLIENT)

    assert sorted(in_threads(app, [register] * 12)) == ["EmailTaken"] * 11 + [OK]
    assert accounts() == 1
    assert sorted(events("user.registered")) == ["email_taken"] * 11 + ["ok"]


@pytest.mark.parametrize(
    ("applicant", "refusal"),
    [
        (Applicant("alice", PASSWORD), InvalidEmail),
        (Applicant(f"{'a' * 65}@example.com", PASSWORD), InvalidEmail),
        (Applicant("=?utf-8?q?alice?=@example.com", PASSWORD), InvalidEmail),
        (Applicant(ALICE, "short"), PasswordTooWeak),
        (Applicant(ALICE, PASSWORD, first_name="A" * 101), ValidationFailed),
        (Applicant(ALICE, PASSWORD, last_name="Ar\0cher"), ValidationFailed),
        (Applicant(ALICE, PASSWORD, last_name="Ar\ud800cher"), ValidationFailed),
        (Applicant(ALICE, PASSWORD, last_name="Ar\x1bcher"), ValidationFailed),
        (Applicant(ALICE, PASSWORD, phone_number="12"), ValidationFailed),
        (Applicant(ALICE, PASSWORD, phone_number="+1\0"), ValidationFailed),
        (Applicant(ALICE, PASSWORD, phone_number="9" * 10_000), ValidationFailed),
        (Applicant(ALICE, PASSWORD, phone_number="0800 FLOWERS"), ValidationFailed),
        (Applicant(ALICE, PASSWORD, phone_number="+91 98765 43210 ext 5"), ValidationFailed),
    ],
)
def test_bad_input_is_refused_in_words_and_opens_nothing(
    app: Application, applicant: Applicant, refusal: type[AuthError]
) -> None:
    with pytest.raises(refusal) as refused:
        registration.register(applicant, TEST_CLIENT)

    assert len(refused.value.sentence) > 20
    assert accounts() == 0


def test_names_of_all_scripts_are_kept(app: Application) -> None:
    session = registration.register(Applicant(ALICE, PASSWORD, "Zoë 🐦", "王\u200d秀英"), TEST_CLIENT)
    assert session is not None
    db.session.remove()

    found = users.find(ALICE)
    assert found is not None
    assert (found.first_name, found.last_name) == ("Zoë 🐦", "王\u200d秀英")


@pytest.mark.settings(conceal_accounts=True)
def test_concealed_registration_answers_all_alike_and_tells_the_owner(alice: User, delivered: Delivered) -> None:
    for email in (ALICE, MALLORY):
        assert registration.register(Applicant(email, NEW_PASSWORD), TEST_CLIENT) is None

    mails = {mail.to: mail for mail in delivered()}
    assert set(mails) == {ALICE, MALLORY}
    assert "already" in mails[ALICE].subject.lower()
    assert "token=" not in mails[ALICE].text
    assert accounts() == 2


@pytest.mark.settings(conceal_accounts=True)
def test_nobody_can_flood_an_owner_with_registrations(alice: User, delivered: Delivered) -> None:
    for _ in range(5):
        registration.register(Applicant(ALICE, PASSWORD), TEST_CLIENT)

    assert len(delivered()) == 3


def test_an_operator_opens_an_account_that_is_confirmed_and_signed_in_nowhere(alice: User) -> None:
    assert alice.email_verified_at
    assert sessions.living(alice) == []
    with pytest.raises(EmailTaken):
        registration.create(Applicant(ALICE, PASSWORD), TEST_CLIENT)
