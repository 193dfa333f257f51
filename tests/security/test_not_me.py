"""This was not me: what the link in a notice does, and what it cannot be made to do."""

from collections.abc import Callable
from datetime import timedelta
from functools import partial

import pytest
import time_machine
from flask.testing import FlaskClient
from sqlalchemy import func, select
from werkzeug.test import TestResponse

from chirp_auth.accounts import password_reset
from chirp_auth.accounts.factors import factor_recovery, second_factor
from chirp_auth.clock import now
from chirp_auth.errors import SecondFactorRequired
from chirp_auth.extensions import db
from chirp_auth.http.routing import Application
from chirp_auth.mail.mailbox import Mail
from chirp_auth.models import Passkey, Session, User
from tests.conftest import ALICE, NEW_PASSWORD, PASSWORD, TEST_CLIENT, token_in
from tests.support.factors import code_for, with_authenticator, with_passkey
from tests.support.visitor import bearer, forgot, login, post_form, sign_in

Delivered = Callable[[], list[Mail]]

pytestmark = pytest.mark.settings(rate_limits_enabled=False)


@pytest.fixture
def notice(app: Application, alice: User, delivered: Delivered) -> str:
    """Mallory knows the password and has changed it; return the token in the notice that Alice gets."""
    thief = app.test_client()
    sign_in(thief)
    changed = post_form(
        thief,
        "/change-password",
        current_password=PASSWORD,
        new_password=NEW_PASSWORD,
        confirm_password=NEW_PASSWORD,
    )
    assert changed.status_code == 303
    return not_me_token(delivered())


def not_me_token(mails: list[Mail]) -> str:
    links = [link for mail in mails for link in mail.links if "/not-me?" in link]
    return links[0].partition("token=")[2]


def object_with(browser: FlaskClient, token: str) -> TestResponse:
    browser.get(f"/not-me?token={token}")
    return post_form(browser, "/not-me")


def living_sessions() -> int:
    found = select(func.count()).select_from(Session).where(Session.revoked_at.is_(None))
    return db.session.scalar(found) or 0


def test_the_button_shuts_the_thief_out_and_brings_the_owner_back(
    app: Application, notice: str, delivered: Delivered
) -> None:
    thief, owner = app.test_client(), app.test_client()
    stolen = login(thief, password=NEW_PASSWORD).get_json()["access_token"]

    assert object_with(owner, notice).headers["Location"] == "/not-me/done"

    assert login(thief, password=NEW_PASSWORD).status_code == 401
    assert thief.get("/api/v1/auth/me", headers=bearer(stolen)).status_code == 401
    assert living_sessions() == 0
    owner.get(f"/reset-password?token={token_in(delivered()[0])}")
    post_form(owner, "/reset-password", password="third quiet heron", confirm_password="third quiet heron")
    assert login(owner, password="third quiet heron").status_code == 200


def test_passkeys_go_and_the_authenticator_app_stays(
    app: Application, notice: str, alice: User, delivered: Delivered
) -> None:
    """A passkey is a way in by itself, which the thief may have added; the app opens nothing alone."""
    with_passkey(alice)
    secret = with_authenticator(alice)
    factor_recovery.start(db.session.get_one(User, alice.id, populate_existing=True), TEST_CLIENT, proved="link")

    object_with(app.test_client(), notice)

    assert db.session.scalar(select(func.count()).select_from(Passkey)) == 0
    assert second_factor.is_on(alice.id)
    assert factor_recovery.open_of(alice.id) is None
    link = next(token_in(mail) for mail in delivered() if "/reset-password" in mail.text)
    reset = partial(password_reset.reset_password, link, "third quiet heron", "third quiet heron", TEST_CLIENT)
    with pytest.raises(SecondFactorRequired):
        reset()
    reset(code_for(secret))


def test_opening_the_link_changes_nothing(app: Application, notice: str) -> None:
    scanner = app.test_client()
    for _ in range(3):
        scanner.head(f"/not-me?token={notice}", follow_redirects=True)
        shown = scanner.get(f"/not-me?token={notice}", follow_redirects=True)

    assert "Was this not you?" in shown.text
    assert notice not in shown.request.url
    assert login(app.test_client(), password=NEW_PASSWORD).status_code == 200


def test_the_button_wants_our_own_page(app: Application, notice: str) -> None:
    browser = app.test_client()
    browser.get(f"/not-me?token={notice}")

    assert browser.post("/not-me").status_code == 400
    assert login(app.test_client(), password=NEW_PASSWORD).status_code == 200


def test_older_links_stop_working(app: Application, notice: str, delivered: Delivered) -> None:
    forgot(app.test_client())
    older = token_in(next(mail for mail in delivered() if "/reset-password?" in mail.text))

    object_with(app.test_client(), notice)

    assert app.test_client().get(f"/reset-password?token={older}", follow_redirects=True).status_code == 410


def test_a_thief_cannot_spend_the_mails_that_recovery_needs(
    app: Application, notice: str, delivered: Delivered
) -> None:
    for _ in range(5):
        forgot(app.test_client())
    before = len(delivered())

    object_with(app.test_client(), notice)

    assert len(delivered()) == before + 1


def test_asked_twice_it_does_the_same_again(app: Application, notice: str, delivered: Delivered) -> None:
    object_with(app.test_client(), notice)
    again = object_with(app.test_client(), notice)

    assert again.status_code == 303
    assert login(app.test_client(), password=NEW_PASSWORD).status_code == 401
    newest = token_in(delivered()[0])
    assert app.test_client().get(f"/reset-password?token={newest}", follow_redirects=True).status_code == 200


def test_after_the_recovery_it_does_nothing_more(app: Application, notice: str, delivered: Delivered) -> None:
    owner = app.test_client()
    object_with(owner, notice)
    with time_machine.travel(now() + timedelta(minutes=5)):
        owner.get(f"/reset-password?token={token_in(delivered()[0])}")
        post_form(owner, "/reset-password", password="third quiet heron", confirm_password="third quiet heron")

        shown = app.test_client().get(f"/not-me?token={notice}", follow_redirects=True)

        assert shown.status_code == 410
        assert "You have been back since" in shown.text
        assert login(owner, password="third quiet heron").status_code == 200


def test_the_notice_of_a_reset_can_be_objected_to(app: Application, alice: User, delivered: Delivered) -> None:
    thief = app.test_client()
    forgot(thief)
    thief.get(f"/reset-password?token={token_in(delivered()[0])}")
    post_form(thief, "/reset-password", password=NEW_PASSWORD, confirm_password=NEW_PASSWORD)

    assert object_with(app.test_client(), not_me_token(delivered())).status_code == 303
    assert login(thief, password=NEW_PASSWORD).status_code == 401


def test_the_link_lives_for_seven_days(app: Application, notice: str) -> None:
    with time_machine.travel(now() + timedelta(days=7, minutes=-1)):
        assert app.test_client().get(f"/not-me?token={notice}", follow_redirects=True).status_code == 200
    with time_machine.travel(now() + timedelta(days=7, minutes=1)):
        assert app.test_client().get(f"/not-me?token={notice}", follow_redirects=True).status_code == 410


def test_no_other_link_opens_it(app: Application, alice: User, delivered: Delivered) -> None:
    forgot(app.test_client())
    reset = token_in(delivered()[0])

    assert app.test_client().get(f"/not-me?token={reset}", follow_redirects=True).status_code == 404
    assert app.test_client().get("/not-me").status_code == 404


def test_the_page_tells_nobody_its_address(app: Application, notice: str) -> None:
    answer = app.test_client().get(f"/not-me?token={notice}")

    assert answer.headers["Referrer-Policy"] == "no-referrer"
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.headers["Location"] == "/not-me"


def test_every_notice_carries_the_link_and_no_reset_link(app: Application, notice: str, delivered: Delivered) -> None:
    for n in range(6):
        login(app.test_client(), password=f"wrong {n}")

    notices = delivered()

    assert {mail.subject for mail in notices} == {
        "Password Reset Successful - Chirpworks",
        "Somebody is guessing your Chirpworks password",
    }
    assert all("/not-me?token=" in mail.text and "/not-me?token=" in mail.html for mail in notices)
    assert not any("/reset-password?token=" in mail.text for mail in notices)
    assert {mail.to for mail in notices} == {ALICE}
