"""A reset of an account that asks for a second factor: the mailbox alone gives no new password, by any contract."""

from collections.abc import Callable
from functools import partial

import pytest
from flask.testing import FlaskClient
from sqlalchemy import func, select

from chirp_auth.accounts import password_reset, reset_codes, sign_in
from chirp_auth.accounts.factors import second_factor
from chirp_auth.errors import (
    InvalidCredentials,
    InvalidToken,
    PasswordReused,
    PasswordTooWeak,
    SecondFactorRequired,
    WrongSecondFactor,
)
from chirp_auth.extensions import db
from chirp_auth.http.routing import Application
from chirp_auth.mail.mailbox import Mail
from chirp_auth.models import AuthenticatorApp, PasswordResetToken, RecoveryCode, SecurityEvent, User
from tests.conftest import ALICE, NEW_PASSWORD, PASSWORD, TEST_CLIENT, events
from tests.support.factors import RECOVERY_CODES, code_for, with_authenticator, wrong_code
from tests.support.together import OK, in_threads
from tests.support.visitor import bearer

Ask = Callable[[], str]
V1 = "/api/v1/auth/reset-password"
PASSWORDS = {"new_password": NEW_PASSWORD, "confirm_password": NEW_PASSWORD}


@pytest.fixture
def secret(alice: User) -> str:
    return with_authenticator(alice)


def reset(token: str, factor: str | None, password: str = NEW_PASSWORD) -> None:
    try:
        password_reset.reset_password(token, password, password, TEST_CLIENT, factor)
    finally:
        db.session.remove()  # What follows is another request.


def unused_codes() -> int:
    return db.session.scalar(select(func.count()).where(RecoveryCode.used_at.is_(None))) or 0


def test_the_link_needs_a_second_factor_and_stays_good(secret: str, ask: Ask) -> None:
    token = ask()

    for nothing in (None, ""):
        with pytest.raises(SecondFactorRequired):
            reset(token, nothing)
    with pytest.raises(WrongSecondFactor):
        reset(token, wrong_code(secret))
    reset(token, code_for(secret))

    assert events("password_reset.refused") == ["second_factor_required"]  # Once an hour.
    assert events("password_reset.done") == ["wrong_second_factor", "ok"]
    done = db.session.scalars(select(SecurityEvent).order_by(SecurityEvent.id.desc())).first()
    assert done is not None
    assert done.detail == {"ended": 0, "factor": "authenticator_app"}


def test_a_reset_removes_no_factor(alice: User, secret: str, ask: Ask) -> None:
    reset(ask(), RECOVERY_CODES[0])

    assert second_factor.is_on(alice.id)
    assert unused_codes() == len(RECOVERY_CODES) - 1


@pytest.mark.parametrize("password", ["short", PASSWORD], ids=["weak", "present"])
def test_a_refused_password_spends_no_code(alice: User, secret: str, ask: Ask, password: str) -> None:
    token = ask()

    for factor in (RECOVERY_CODES[0], code_for(secret)):
        with pytest.raises(PasswordTooWeak):
            reset(token, factor, password)

    assert unused_codes() == len(RECOVERY_CODES)
    app = db.session.scalars(select(AuthenticatorApp)).one()
    assert (app.last_step, app.last_used_at) == (None, None)
    reset(token, RECOVERY_CODES[0])


def test_nobody_learns_the_present_password_without_the_second_factor(secret: str, ask: Ask) -> None:
    token = ask()

    with pytest.raises(SecondFactorRequired):
        reset(token, None, PASSWORD)
    with pytest.raises(WrongSecondFactor):
        reset(token, wrong_code(secret), PASSWORD)
    with pytest.raises(PasswordReused):
        reset(token, code_for(secret), PASSWORD)


def test_guesses_bring_the_delays_of_wrong_passwords(alice: User, secret: str, ask: Ask) -> None:
    token = ask()

    for _ in range(5):
        with pytest.raises(WrongSecondFactor):
            reset(token, wrong_code(secret))
    with pytest.raises(WrongSecondFactor):
        reset(token, code_for(secret))

    assert events("password_reset.done") == [*["wrong_second_factor"] * 5, "delayed"]
    assert db.session.scalars(select(AuthenticatorApp.failed_sign_ins)).one() == 5


def test_guesses_at_the_password_keep_nobody_from_a_reset(alice: User, secret: str, ask: Ask) -> None:
    token = ask()
    for _ in range(7):
        with pytest.raises(InvalidCredentials):
            sign_in.sign_in(ALICE, "a guess of Mallory's", TEST_CLIENT)

    reset(token, code_for(secret))

    assert events("password_reset.done") == ["ok"]


@pytest.mark.settings(web_threads=12)
def test_of_resets_at_once_with_one_code_one_wins(app: Application, secret: str, ask: Ask) -> None:
    token = ask()
    attempt = partial(password_reset.reset_password, token, NEW_PASSWORD, NEW_PASSWORD, TEST_CLIENT, code_for(secret))

    outcomes = in_threads(app, [attempt] * 8)

    assert outcomes.count(OK) == 1
    assert set(outcomes) <= {OK, "WrongSecondFactor", "TokenAlreadyUsed"}


def test_the_code_of_the_mail_needs_it_too(secret: str, delivered: Callable[[], list[Mail]]) -> None:
    verifier = reset_codes.new_verifier()
    password_reset.request_link(ALICE, TEST_CLIENT, reset_codes.challenge_of(verifier))
    delivered()
    row = db.session.scalars(select(PasswordResetToken)).one()
    code = reset_codes.code_of(row) or ""
    use = partial(password_reset.reset_by_code, ALICE, code, verifier, NEW_PASSWORD, NEW_PASSWORD, TEST_CLIENT)

    with pytest.raises(SecondFactorRequired):
        use()
    with pytest.raises(WrongSecondFactor):
        use(wrong_code(secret))

    assert use(code_for(secret)).user.email == ALICE


def test_v1_asks_for_it_by_name(client: FlaskClient, secret: str, ask: Ask) -> None:
    headers = bearer(ask())

    answers = [
        client.post(V1, json={**PASSWORDS, **factor}, headers=headers)
        for factor in ({}, {"second_factor": wrong_code(secret)}, {"second_factor": code_for(secret)})
    ]

    assert [answer.status_code for answer in answers] == [401, 401, 200]
    assert [answer.get_json().get("code") for answer in answers[:2]] == [
        "SECOND_FACTOR_REQUIRED",
        "WRONG_SECOND_FACTOR",
    ]
    assert "ticket" not in answers[0].get_json()
    assert not any("WWW-Authenticate" in answer.headers for answer in answers)  # The link's token is not at fault.


def test_a_forgotten_factor_costs_no_try_and_a_wrong_one_does(client: FlaskClient, secret: str, ask: Ask) -> None:
    headers = bearer(ask())

    left = [
        client.post(V1, json={**PASSWORDS, **factor}, headers=headers).headers["RateLimit"]
        for factor in ({}, {}, {"second_factor": wrong_code(secret)}, {"second_factor": wrong_code(secret)})
    ]

    assert [limit.partition("r=")[2].partition(";")[0] for limit in left] == ["10", "10", "9", "8"]


@pytest.mark.parametrize(
    ("path", "url"),
    [("/api/auth/reset-password", None), ("/reset-password", "https://auth.example.com")],
    ids=["marketplace", "plain"],
)
def test_contracts_that_know_no_second_factor_do_not_know_the_link(
    client: FlaskClient, secret: str, ask: Ask, path: str, url: str | None
) -> None:
    real, forged = (
        client.post(path, json={"token": token, **PASSWORDS, "second_factor": code_for(secret)}, base_url=url)
        for token in (ask(), "WyJieHdORG9vN1RGMmVmd29iTEQxT1h3IiwiIl0.aWdQgA.forged")
    )

    def shown(answer: object) -> object:
        return {name: value for name, value in answer.get_json().items() if name != "timestamp"}  # type: ignore[attr-defined]

    assert (real.status_code, shown(real)) == (forged.status_code, shown(forged)) == (400, shown(real))
    left = [answer.headers["RateLimit"].partition("r=")[2].partition(";")[0] for answer in (real, forged)]
    assert left == ["9", "8"]  # It costs as much.
    assert events("password_reset.done") == []


def test_a_link_that_died_meanwhile_is_dead_with_a_right_code(secret: str, ask: Ask) -> None:
    older = ask()
    ask()

    with pytest.raises(InvalidToken):
        reset(older, code_for(secret))
    assert unused_codes() == len(RECOVERY_CODES)
