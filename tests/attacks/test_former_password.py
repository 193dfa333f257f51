"""A reset brings back no password that was there before: whoever made it necessary may know it."""

from collections.abc import Callable
from datetime import timedelta
from itertools import pairwise
from typing import Any

import pytest
import time_machine
from flask.testing import FlaskClient
from sqlalchemy import select

from chirp_auth.accounts import former_passwords, password_reset
from chirp_auth.admin import invitations, retention
from chirp_auth.clock import now
from chirp_auth.extensions import db
from chirp_auth.http.routing import Application
from chirp_auth.mail.mailbox import Mail
from chirp_auth.models import User
from tests.conftest import ALICE, MALLORY, NEW_PASSWORD, PASSWORD, TEST_CLIENT, token_in
from tests.security.test_not_me import not_me_token, object_with
from tests.support.together import OK, in_threads
from tests.support.visitor import bearer, forgot, login, post_form, sign_in

Delivered = Callable[[], list[Mail]]

THIRD_PASSWORD = "some violet anvils"
PRESENT = "That is your present password. Choose a new one"
FORMER = "That was your password until recently. Choose a new one"

pytestmark = [pytest.mark.settings(rate_limits_enabled=False, web_threads=12), pytest.mark.usefixtures("client")]


def reset(client: FlaskClient, token: str, password: str) -> Any:
    body = {"new_password": password, "confirm_password": password}
    return client.post("/api/v1/auth/reset-password", json=body, headers=bearer(token))


def change(client: FlaskClient, current: str, new: str) -> None:
    access_token = login(client, password=current).get_json()["access_token"]
    body = {"current_password": current, "new_password": new, "confirm_password": new}
    headers = bearer(access_token)
    assert client.post("/api/v1/auth/change-password", json=body, headers=headers).status_code == 200


def kept_hashes() -> list[str]:
    db.session.remove()
    return db.session.scalars(select(User.former_password_hashes)).one() or []


def refusal(answer: Any) -> tuple[int, str, str]:
    told = answer.get_json()
    return answer.status_code, told.get("code", ""), told.get("detail", "")


def test_a_reset_refuses_the_present_password_and_its_link_stays_good(
    client: FlaskClient, ask: Callable[[], str]
) -> None:
    token = ask()

    assert refusal(reset(client, token, PASSWORD)) == (400, "PASSWORD_TOO_WEAK", PRESENT)
    assert login(client).status_code == 200, "nothing changed"
    assert reset(client, token, NEW_PASSWORD).status_code == 200
    assert login(client, password=NEW_PASSWORD).status_code == 200


def test_every_door_refuses_it(app: Application, client: FlaskClient, ask: Callable[[], str]) -> None:
    token = ask()
    bodies = {"token": token, "new_password": PASSWORD, "confirm_password": PASSWORD}
    browser = app.test_client()
    browser.get(f"/reset-password?token={token}")

    assert client.post("/api/auth/reset-password", json=bodies).get_json()["message"] == PRESENT
    plain = client.post("/reset-password", json={"token": token, "new_password": PASSWORD})
    assert (plain.status_code, plain.get_json()) == (400, {"detail": PRESENT})
    page = post_form(browser, "/reset-password", password=PASSWORD, confirm_password=PASSWORD)
    assert page.status_code in (400, 422)
    assert PRESENT in page.text


def test_the_same_letters_composed_otherwise_are_the_same_password(
    client: FlaskClient, alice: User, ask: Callable[[], str]
) -> None:
    composed, decomposed = "sept hérons sûrs", "sept he\u0301rons su\u0302rs"
    reset(client, ask(), composed)

    access_token = login(client, password=composed).get_json()["access_token"]
    body = {"current_password": composed, "new_password": decomposed, "confirm_password": decomposed}
    changed = client.post("/api/v1/auth/change-password", json=body, headers=bearer(access_token))

    assert refusal(changed) == (400, "PASSWORD_TOO_WEAK", PRESENT)
    assert refusal(reset(client, ask(), decomposed)) == (400, "PASSWORD_TOO_WEAK", PRESENT)


def test_after_this_was_not_me_neither_the_thiefs_password_nor_the_one_he_knew_comes_back(
    app: Application, client: FlaskClient, alice: User, delivered: Delivered
) -> None:
    change(client, PASSWORD, NEW_PASSWORD)  # by a thief, who knew the password
    notice = not_me_token(delivered())
    object_with(app.test_client(), notice)
    object_with(app.test_client(), notice)  # twice, which keeps what it knew
    token = token_in(delivered()[0])

    for known in (PASSWORD, NEW_PASSWORD):
        assert login(client, password=known).status_code == 401, "a former hash opens nothing"
        assert refusal(reset(client, token, known)) == (400, "PASSWORD_TOO_WEAK", FORMER)
    assert reset(client, token, THIRD_PASSWORD).status_code == 200
    assert login(client, password=THIRD_PASSWORD).status_code == 200
    assert kept_hashes() == [], "the reset erases them"


def test_a_thief_who_changes_nothing_is_shut_out_too(
    app: Application, client: FlaskClient, alice: User, delivered: Delivered
) -> None:
    for n in range(5):
        login(client, password=f"wrong {n}")
    object_with(app.test_client(), not_me_token(delivered()))

    assert refusal(reset(client, token_in(delivered()[0]), PASSWORD)) == (400, "PASSWORD_TOO_WEAK", FORMER)


def test_whoever_only_resets_after_a_theft_does_not_open_the_door_again(
    client: FlaskClient, alice: User, delivered: Delivered
) -> None:
    change(client, PASSWORD, NEW_PASSWORD)
    forgot(client)
    token = token_in(next(mail for mail in delivered() if "/reset-password?token=" in mail.text))

    assert refusal(reset(client, token, NEW_PASSWORD)) == (400, "PASSWORD_TOO_WEAK", PRESENT)
    assert refusal(reset(client, token, PASSWORD)) == (400, "PASSWORD_TOO_WEAK", FORMER)


def test_former_hashes_are_few_and_gone_after_a_week(client: FlaskClient, alice: User) -> None:
    words = ["anvils", "lanterns", "herons", "magpies", "kettles", "violets", "teapots"]
    passwords = [PASSWORD, *[f"some borrowed {word}" for word in words]]
    for current, new in pairwise(passwords):
        change(client, current, new)
    assert len(kept_hashes()) == former_passwords.MAX_KEPT

    with time_machine.travel(now() + timedelta(days=6, hours=23), tick=False):
        retention.purge(TEST_CLIENT)
        assert kept_hashes() != []
    with time_machine.travel(now() + timedelta(days=7, hours=1), tick=False):
        retention.purge(TEST_CLIENT)
        assert kept_hashes() == []
    assert login(client, password=passwords[-1]).status_code == 200


def test_an_account_that_waits_for_its_reset_is_not_forgotten(
    app: Application, client: FlaskClient, alice: User, delivered: Delivered
) -> None:
    change(client, PASSWORD, NEW_PASSWORD)
    object_with(app.test_client(), not_me_token(delivered()))
    delivered()

    with time_machine.travel(now() + timedelta(days=20), tick=False):
        retention.purge(TEST_CLIENT)
        forgot(client)
        assert reset(client, token_in(delivered()[0]), PASSWORD).status_code == 400


def test_whoever_never_had_a_password_chooses_any(client: FlaskClient, delivered: Delivered) -> None:
    invitations.invite(MALLORY, None, None, None, TEST_CLIENT)

    assert reset(client, token_in(delivered()[0]), PASSWORD).status_code == 200


def test_of_resets_at_once_one_wins_and_none_brings_it_back(app: Application, ask: Callable[[], str]) -> None:
    token = ask()
    db.session.remove()

    def reset_to(password: str) -> Callable[[], object]:
        return lambda: password_reset.reset_password(token, password, password, TEST_CLIENT)

    outcomes = in_threads(
        app, [reset_to(PASSWORD), reset_to(NEW_PASSWORD), reset_to(PASSWORD), reset_to(THIRD_PASSWORD)]
    )

    assert outcomes.count(OK) == 1
    assert OK not in (outcomes[0], outcomes[2])
    assert login(app.test_client()).status_code == 401
    assert sign_in(app.test_client(), ALICE).status_code == 401
