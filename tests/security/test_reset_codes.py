"""Reset codes: good once, for ten minutes and five tries, and only for the browser or app that asked."""

from collections.abc import Callable
from datetime import timedelta
from threading import Barrier, Thread

import pytest
import time_machine
from flask.testing import FlaskClient

from chirp_auth.accounts import reset_codes
from chirp_auth.extensions import db
from chirp_auth.http.routing import Application
from chirp_auth.mail.mailbox import Mail
from chirp_auth.models import PasswordResetToken, User
from config import Settings
from tests.api.talk import START, told
from tests.conftest import ALICE, MALLORY, NEW_PASSWORD, PASSWORD, events
from tests.support.visitor import login

Delivered = Callable[[], list[Mail]]
Build = Callable[[Settings], Application]

V1 = "/api/v1/auth"
VERIFIER = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"  # RFC 7636, appendix B
CHALLENGE = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"
ANOTHER_VERIFIER = VERIFIER[::-1]
WRONG = "AAAA-AAAA"


@pytest.fixture
def code(client: FlaskClient, alice: User, delivered: Delivered) -> str:
    """The code of the link that was just mailed to alice, at the request of an app with VERIFIER."""
    ask(client)
    delivered()
    return newest_code()


def ask(client: FlaskClient, email: str = ALICE, challenge: str | None = CHALLENGE) -> None:
    answer = client.post(f"{V1}/forgot-password", json={"email": email, "code_challenge": challenge})
    assert answer.status_code == 200


def newest_code() -> str:
    db.session.remove()
    row = db.session.query(PasswordResetToken).order_by(PasswordResetToken.created_at.desc()).first()
    code = reset_codes.code_of(row) if row else None
    db.session.remove()
    assert code
    return code


def reset(client: FlaskClient, code: str, password: str = NEW_PASSWORD, **members: str) -> tuple[int, str]:
    body = {"email": ALICE, "code": code, "code_verifier": VERIFIER, "new_password": password} | members
    answer = client.post(f"{V1}/reset-password", json={"confirm_password": body["new_password"], **body})
    return answer.status_code, str(told(answer).get("code", ""))


def test_the_challenge_is_that_of_the_rfc() -> None:
    assert reset_codes.challenge_of(VERIFIER) == CHALLENGE


def test_the_code_resets_the_password_once(client: FlaskClient, code: str) -> None:
    assert reset(client, code) == (200, "")
    assert login(client, password=NEW_PASSWORD).status_code == 200
    assert reset(client, code, "seven painted ladders")[0] == 401


def test_case_dashes_and_blanks_do_not_matter(client: FlaskClient, code: str) -> None:
    assert reset(client, f" {code[:4].lower()} - {code[4:].lower()} ") == (200, "")


@pytest.mark.parametrize(
    "members",
    [
        {"code": WRONG},
        {"code_verifier": ANOTHER_VERIFIER},  # typed elsewhere
        {"email": MALLORY},
        {"email": "nobody@example.com"},
    ],
)
def test_whatever_is_wrong_looks_alike(client: FlaskClient, code: str, members: dict[str, str]) -> None:
    assert reset(client, **{"code": code, **members}) == (401, "INVALID_TOKEN")
    assert events("password_reset.refused") == ["invalid_token"]
    assert reset(client, code) == (200, ""), "it cost no more than a try"


@pytest.mark.settings(rate_limits_enabled=False)
def test_five_wrong_tries_end_the_code_and_not_the_link(client: FlaskClient, alice: User, delivered: Delivered) -> None:
    ask(client)
    (mail,) = delivered()
    code = newest_code()

    assert [reset(client, WRONG)[0] for _ in range(5)] == [401] * 5
    assert reset(client, code) == (401, "INVALID_TOKEN")

    token = mail.links[0].partition("token=")[2]
    body = {"new_password": NEW_PASSWORD, "confirm_password": NEW_PASSWORD}
    answer = client.post(f"{V1}/reset-password", json=body, headers={"Authorization": f"Bearer {token}"})
    assert answer.status_code == 200


def test_a_refused_password_costs_no_try_of_the_code_and_none_of_the_limit(client: FlaskClient, code: str) -> None:
    for _ in range(12):
        assert reset(client, code, "password")[0] == 400
    assert reset(client, code) == (200, "")


def test_after_ten_minutes_it_has_expired(client: FlaskClient, alice: User, delivered: Delivered) -> None:
    with time_machine.travel(START, tick=False) as clock:
        ask(client)
        delivered()
        code = newest_code()
        clock.shift(timedelta(minutes=10))
        assert reset(client, code) == (401, "TOKEN_EXPIRED")


def test_a_newer_request_replaces_it(client: FlaskClient, code: str, delivered: Delivered) -> None:
    ask(client)
    delivered()

    assert reset(client, code) == (401, "INVALID_TOKEN")
    assert reset(client, newest_code()) == (200, "")


def test_using_the_link_ends_the_code(client: FlaskClient, alice: User, delivered: Delivered) -> None:
    ask(client)
    (mail,) = delivered()
    code = newest_code()
    token = mail.links[0].partition("token=")[2]
    body = {"new_password": NEW_PASSWORD, "confirm_password": NEW_PASSWORD}
    client.post(f"{V1}/reset-password", json=body, headers={"Authorization": f"Bearer {token}"})

    assert reset(client, code, "seven painted ladders")[0] == 401


def test_who_sent_no_challenge_has_no_code(client: FlaskClient, alice: User, delivered: Delivered) -> None:
    ask(client, challenge=None)
    delivered()

    row = db.session.query(PasswordResetToken).one()
    assert (reset_codes.code_of(row), row.code_challenge) == (None, None)


def test_the_code_rests_nowhere(client: FlaskClient, code: str) -> None:
    db.session.remove()
    everything = [
        str(tuple(row)) for table in User.metadata.sorted_tables for row in db.session.execute(table.select()).all()
    ]
    assert not [row for row in everything if code in row.replace("-", "")]


def test_what_is_not_a_challenge_or_a_verifier_is_named(client: FlaskClient, alice: User) -> None:
    asked = client.post(f"{V1}/forgot-password", json={"email": ALICE, "code_challenge": "short"})
    assert (asked.status_code, told(asked)["errors"][0]["field"]) == (422, "code_challenge")
    assert reset(client, WRONG, code_verifier="short") == (422, "VALIDATION_FAILED")
    missing = client.post(f"{V1}/reset-password", json={"code": WRONG, "new_password": "x", "confirm_password": "x"})
    assert [error["field"] for error in told(missing)["errors"]] == ["email", "code_verifier"]


@pytest.mark.settings(rate_limits_enabled=False)
def test_of_twenty_at_once_no_more_than_five_are_judged(app: Application, client: FlaskClient, code: str) -> None:
    together = Barrier(20)

    def guess() -> None:
        with app.app_context():
            together.wait()
            reset(app.test_client(), WRONG)

    guesses = [Thread(target=guess) for _ in range(20)]
    for thread in guesses:
        thread.start()
    for thread in guesses:
        thread.join()

    db.session.remove()
    assert db.session.query(PasswordResetToken).one().code_tries == 5
    assert reset(client, code) == (401, "INVALID_TOKEN")


@pytest.mark.settings(rate_limits_enabled=False)
def test_of_twenty_right_ones_at_once_one_wins(app: Application, client: FlaskClient, code: str) -> None:
    together, statuses = Barrier(20), []

    def use(number: int) -> None:
        with app.app_context():
            together.wait()
            statuses.append(reset(app.test_client(), code, f"{NEW_PASSWORD} {number}")[0])

    uses = [Thread(target=use, args=(number,)) for number in range(20)]
    for thread in uses:
        thread.start()
    for thread in uses:
        thread.join()

    assert sorted(statuses) == [200] + [401] * 19
    assert login(client, password=PASSWORD).status_code == 401


def test_a_code_of_a_former_key_is_still_good(client: FlaskClient, settings: Settings, code: str, build: Build) -> None:
    keys = {"secret_key_fallbacks": [settings.secret_key], "secret_key": type(settings.secret_key)("n" * 43)}

    assert reset(build(settings.model_copy(update=keys)).test_client(), code) == (200, "")
