"""Deleting one's own account: closed at once, undone by the mailed link for seven days, and then gone for good."""

from collections.abc import Callable
from datetime import timedelta
from uuid import UUID

import pytest
import time_machine
from flask.testing import FlaskClient, FlaskCliRunner
from sqlalchemy import select
from werkzeug.test import TestResponse

from chirp_auth.accounts import address_change, deletion, deletion_undo, erasure, registration
from chirp_auth.accounts import sign_in as rule
from chirp_auth.accounts.registration import Applicant
from chirp_auth.admin import accounts, retention
from chirp_auth.clock import now
from chirp_auth.errors import EmailTaken, Unauthenticated
from chirp_auth.extensions import db
from chirp_auth.http.routing import Application
from chirp_auth.mail import outbox
from chirp_auth.mail.mailbox import Mail
from chirp_auth.models import Session, User
from chirp_auth.security import passwords
from tests.attacks.meanwhile import act_after
from tests.conftest import ALICE, MALLORY, NEW_PASSWORD, PASSWORD, TEST_CLIENT, events, token_in
from tests.security.test_not_me import not_me_token, object_with
from tests.support.together import OK, in_threads
from tests.support.visitor import bearer, forgot, login, post_form, sign_in

Delivered = Callable[[], list[Mail]]

WEEK = timedelta(days=7)
MINUTE = timedelta(minutes=1)
NEW = "alice@new.example.com"

pytestmark = pytest.mark.settings(rate_limits_enabled=False)


@pytest.fixture
def browser(app: Application, alice: User) -> FlaskClient:
    """Alice's browser, signed in."""
    browser = app.test_client()
    sign_in(browser)
    return browser


def ask(browser: FlaskClient, password: str = PASSWORD) -> TestResponse:
    return post_form(browser, "/delete-account", password=password)


def undo_token(mails: list[Mail]) -> str:
    return next(link for mail in mails for link in mail.links if "/undo-deletion?" in link).partition("token=")[2]


def undo(browser: FlaskClient, token: str) -> TestResponse:
    browser.get(f"/undo-deletion?token={token}")
    return post_form(browser, "/undo-deletion", page="/login")  # A link that is dead has a page without a button.


def stored(email: str = ALICE) -> User | None:
    db.session.remove()
    return db.session.scalar(select(User).where(User.email_key == email))


def purge() -> None:
    retention.purge(TEST_CLIENT)


def test_it_closes_the_account_for_everybody_at_once(
    app: Application, browser: FlaskClient, delivered: Delivered
) -> None:
    apps = login(app.test_client()).get_json()
    forgot(app.test_client())
    link = token_in(delivered()[0])

    assert ask(browser).headers["Location"] == "/delete-account/done"

    other = app.test_client()
    assert "Your account is closed" in browser.get("/delete-account/done").text
    assert browser.get("/change-password").headers["Location"] == "/login"
    assert other.get("/api/v1/auth/me", headers=bearer(apps["access_token"])).status_code == 401
    refreshing = other.post("/api/v1/auth/refresh", json={"refresh_token": apps["refresh_token"]})
    assert refreshing.status_code == 401
    assert other.get(f"/reset-password?token={link}", follow_redirects=True).status_code == 410
    unknown, closed = login(other, MALLORY, PASSWORD), login(other)
    assert (closed.status_code, closed.get_json()["detail"]) == (401, unknown.get_json()["detail"])
    before = len(delivered())
    forgot(other)
    assert len(delivered()) == before


def test_its_address_stays_taken(browser: FlaskClient) -> None:
    ask(browser)

    with pytest.raises(EmailTaken):
        registration.register(Applicant(ALICE, NEW_PASSWORD), TEST_CLIENT)


def test_a_wrong_password_closes_nothing_and_counts(browser: FlaskClient, alice: User, delivered: Delivered) -> None:
    browser.delete_cookie("device")  # Else the failures count for this browser alone.
    for _ in range(5):
        answer = ask(browser, "wrong")

    assert answer.status_code == 401
    assert "That is not your password." in answer.text
    assert events("deletion.requested") == ["wrong_password"] * 5
    assert [mail.subject for mail in delivered()] == ["Somebody is guessing your Chirpworks password"]
    assert browser.get("/delete-account").status_code == 200


def test_it_wants_our_own_page(browser: FlaskClient) -> None:
    assert browser.post("/delete-account", data={"password": PASSWORD}).status_code == 400
    assert login(browser).status_code == 200


def test_the_mail_goes_to_the_owner_and_its_button_brings_everything_back(
    app: Application, browser: FlaskClient, delivered: Delivered
) -> None:
    ask(browser)
    (mail,) = delivered()
    assert (mail.to, mail.subject) == (ALICE, "Your Chirpworks account will be deleted")
    assert all("/undo-deletion?token=" in part and "/not-me?token=" in part for part in (mail.text, mail.html))
    elsewhere = app.test_client()
    for _ in range(2):  # A mail scanner opens it, and changes nothing.
        elsewhere.head(f"/undo-deletion?token={undo_token([mail])}", follow_redirects=True)
        shown = elsewhere.get(f"/undo-deletion?token={undo_token([mail])}", follow_redirects=True)
    assert "Keep your account?" in shown.text
    assert undo_token([mail]) not in shown.request.url
    assert login(app.test_client()).status_code == 401

    assert undo(elsewhere, undo_token([mail])).headers["Location"] == "/undo-deletion/done"

    assert "Your account stays" in elsewhere.get("/undo-deletion/done").text
    assert login(app.test_client()).status_code == 200
    assert browser.get("/change-password").headers["Location"] == "/login"
    with time_machine.travel(now() + WEEK + MINUTE):
        purge()
    assert stored() is not None


def test_the_undo_button_wants_our_own_page(app: Application, browser: FlaskClient, delivered: Delivered) -> None:
    ask(browser)
    elsewhere = app.test_client()
    elsewhere.get(f"/undo-deletion?token={undo_token(delivered())}")

    assert elsewhere.post("/undo-deletion").status_code == 400
    assert login(app.test_client()).status_code == 401


def test_after_seven_days_it_is_gone_and_its_owner_is_told(
    app: Application, browser: FlaskClient, alice: User, delivered: Delivered
) -> None:
    ask(browser)
    token = undo_token(delivered())
    with time_machine.travel(now() + WEEK - MINUTE):
        purge()
        assert stored() is not None
    with time_machine.travel(now() + WEEK + MINUTE):
        late = undo(app.test_client(), token)
        assert (late.status_code, "The seven days are over" in late.text) == (410, True)

        retention.purge_little_by_little()

        assert stored() is None
        assert events("user.deleted") == ["ok"]
        (mail,) = delivered()
        assert (mail.to, mail.subject) == (ALICE, "Your Chirpworks account was deleted")
        assert "As you asked us to" in mail.text
        assert "As you asked us to" in mail.html
        gone = app.test_client().get(f"/undo-deletion?token={token}", follow_redirects=True)
        assert (gone.status_code, "The seven days are over" in gone.text) == (410, True)
        assert registration.register(Applicant(ALICE, NEW_PASSWORD), TEST_CLIENT)


def test_a_worker_that_dies_half_way_erases_nothing_and_the_next_one_all(
    app: Application, browser: FlaskClient, delivered: Delivered, monkeypatch: pytest.MonkeyPatch
) -> None:
    ask(browser)
    delivered()

    def killed(*_: object, **__: object) -> None:
        raise SystemExit

    with time_machine.travel(now() + WEEK + MINUTE):
        with monkeypatch.context() as patch, pytest.raises(SystemExit):
            patch.setattr(outbox, "put", killed)
            purge()
        assert stored() is not None
        assert events("user.deleted") == []

        purge()

        assert stored() is None
        assert [mail.subject for mail in delivered()] == ["Your Chirpworks account was deleted"]


def test_of_an_undo_and_the_erasure_one_wins(
    app: Application, browser: FlaskClient, delivered: Delivered, monkeypatch: pytest.MonkeyPatch
) -> None:
    ask(browser)
    token = undo_token(delivered())
    meanwhile = act_after(app, monkeypatch, erasure, "_addresses")
    with time_machine.travel(now() + WEEK - timedelta(seconds=2), tick=False) as clock:

        def undo_in_time() -> None:
            clock.shift(-MINUTE)
            deletion_undo.undo(token, TEST_CLIENT)
            clock.shift(MINUTE)

        clock.shift(timedelta(seconds=4))
        meanwhile(undo_in_time)
        purge()

        assert stored() is not None
        assert events("user.deleted") == []
        assert login(app.test_client()).status_code == 200


def test_two_at_once_close_it_once(app: Application, alice: User, delivered: Delivered) -> None:
    sessions = [rule.sign_in(ALICE, PASSWORD, TEST_CLIENT).id for _ in range(2)]

    def asking(session_id: UUID) -> Callable[[], object]:
        return lambda: deletion.request(db.session.get_one(Session, session_id), PASSWORD, TEST_CLIENT)

    outcomes = in_threads(app, [asking(session_id) for session_id in sessions])

    assert outcomes.count(OK) == 1
    assert events("deletion.requested").count("ok") == 1
    assert len(delivered()) == 1


def test_two_undo_it_once(app: Application, browser: FlaskClient, delivered: Delivered) -> None:
    ask(browser)
    token = undo_token(delivered())

    outcomes = in_threads(app, [lambda: deletion_undo.undo(token, TEST_CLIENT)] * 4)

    assert sorted(outcomes) == ["TokenAlreadyUsed"] * 3 + [OK]
    assert events("deletion.undone").count("ok") == 1


def test_a_session_that_is_ended_during_the_hash_closes_nothing(
    app: Application, alice: User, monkeypatch: pytest.MonkeyPatch, delivered: Delivered
) -> None:
    session = rule.sign_in(ALICE, PASSWORD, TEST_CLIENT)
    meanwhile = act_after(app, monkeypatch, passwords, "verify")
    meanwhile(lambda: accounts.end_sessions(db.session.get_one(User, alice.id), TEST_CLIENT))

    with pytest.raises(Unauthenticated):
        deletion.request(session, PASSWORD, TEST_CLIENT)

    assert events("deletion.requested") == ["session_ended"]
    assert delivered() == []
    assert login(app.test_client()).status_code == 200


def test_an_old_link_does_not_undo_a_later_deletion(
    app: Application, browser: FlaskClient, delivered: Delivered
) -> None:
    ask(browser)
    old = undo_token(delivered())
    undo(app.test_client(), old)
    used = app.test_client().get(f"/undo-deletion?token={old}", follow_redirects=True)
    assert (used.status_code, "Your account stays" in used.text) == (410, True)
    with time_machine.travel(now() + timedelta(hours=1)):
        sign_in(browser)
        ask(browser)

        assert undo(app.test_client(), old).status_code == 410
        assert login(app.test_client()).status_code == 401
        assert undo(app.test_client(), undo_token(delivered())).status_code == 303


def test_a_pending_change_of_address_dies_with_it(app: Application, browser: FlaskClient, delivered: Delivered) -> None:
    post_form(browser, "/change-address", email=NEW, password=PASSWORD)
    (change,) = delivered()
    ask(browser)
    assert app.test_client().get(f"/confirm-address?token={token_in(change)}", follow_redirects=True).status_code == 404

    undo(app.test_client(), undo_token(delivered()))

    assert app.test_client().get(f"/confirm-address?token={token_in(change)}", follow_redirects=True).status_code == 404
    assert stored() is not None


def test_a_change_of_address_that_was_not_mailed_yet_is_not_mailed(browser: FlaskClient, delivered: Delivered) -> None:
    post_form(browser, "/change-address", email=NEW, password=PASSWORD)
    ask(browser)

    assert {mail.to for mail in delivered()} == {ALICE}


def test_this_was_not_me_in_the_mail_brings_the_account_back_without_the_thief(
    app: Application, browser: FlaskClient, delivered: Delivered
) -> None:
    ask(browser)

    assert object_with(app.test_client(), not_me_token(delivered())).headers["Location"] == "/not-me/done"

    assert login(app.test_client()).status_code == 401
    token = token_in(delivered()[0])
    owner = app.test_client()
    owner.get(f"/reset-password?token={token}")
    post_form(owner, "/reset-password", password=NEW_PASSWORD, confirm_password=NEW_PASSWORD)
    assert login(owner, password=NEW_PASSWORD).status_code == 200
    with time_machine.travel(now() + WEEK + MINUTE):
        purge()
    assert stored() is not None


def test_a_thief_who_moved_the_account_first_cannot_destroy_it(
    app: Application, alice: User, delivered: Delivered
) -> None:
    thief = rule.sign_in(ALICE, PASSWORD, TEST_CLIENT)
    address_change.request_change(thief, PASSWORD, NEW, TEST_CLIENT)
    address_change.confirm_change(token_in(delivered()[0]), TEST_CLIENT)
    to_owner = [mail for mail in delivered() if mail.to == ALICE]
    deletion.request(rule.sign_in(NEW, PASSWORD, TEST_CLIENT), PASSWORD, TEST_CLIENT)
    assert {mail.to for mail in delivered() if "/undo-deletion?" in mail.text} == {NEW}

    object_with(app.test_client(), not_me_token(to_owner))

    user = stored()
    assert user is not None
    assert (user.disabled_at, user.deletion_requested_at) == (None, None)
    assert delivered()[0].to == ALICE


def test_an_undo_does_not_open_what_an_operator_locked_meanwhile(
    app: Application, browser: FlaskClient, alice: User, delivered: Delivered
) -> None:
    ask(browser)
    token = undo_token(delivered())
    with time_machine.travel(now() + MINUTE):
        user = stored()
        assert user
        accounts.lock(user, "a thief", TEST_CLIENT)

        assert undo(app.test_client(), token).status_code == 303

        assert login(app.test_client()).status_code == 401
    with time_machine.travel(now() + WEEK + MINUTE):
        purge()
    assert stored() is not None


def test_a_lock_of_many_counts_it_as_open(
    browser: FlaskClient, runner: FlaskCliRunner, tmp_path_factory: pytest.TempPathFactory
) -> None:
    ask(browser)
    names = tmp_path_factory.mktemp("lists") / "names.txt"
    names.write_text(f"{ALICE}\n")

    locked = runner.invoke(args=["auth", "user", "lock", "--from", str(names), "--yes"])

    assert locked.exit_code == 0, locked.output
    user = stored()
    assert user
    assert user.disabled_at != user.deletion_requested_at


def test_operators_see_when_it_is_due_and_can_cancel_it(
    app: Application, browser: FlaskClient, runner: FlaskCliRunner, delivered: Delivered
) -> None:
    ask(browser)
    token = undo_token(delivered())
    assert '"deletion_due": "20' in runner.invoke(args=["auth", "user", "show", ALICE, "--json"]).output

    unlocked = runner.invoke(args=["auth", "user", "unlock", ALICE])

    assert unlocked.exit_code == 0, unlocked.output
    assert login(app.test_client()).status_code == 200
    assert '"deletion_due": null' in runner.invoke(args=["auth", "user", "show", ALICE, "--json"]).output
    assert events("deletion.undone") == ["ok"]
    assert undo(app.test_client(), token).status_code == 410
    with time_machine.travel(now() + WEEK + MINUTE):
        purge()
    assert stored() is not None


def test_an_address_that_an_operator_gave_gets_no_link(
    app: Application, browser: FlaskClient, alice: User, delivered: Delivered
) -> None:
    accounts.set_email(alice, NEW, TEST_CLIENT)
    delivered()
    deletion.request(rule.sign_in(NEW, PASSWORD, TEST_CLIENT), PASSWORD, TEST_CLIENT)

    mail = delivered()[0]

    assert mail.to == NEW
    assert "/undo-deletion" not in mail.text + mail.html
    assert "write to us" in mail.text


def test_a_mailbox_that_the_account_has_left_gets_no_link(
    browser: FlaskClient, alice: User, delivered: Delivered
) -> None:
    ask(browser)
    user = stored()
    assert user
    accounts.set_email(user, NEW, TEST_CLIENT)

    assert not [mail for mail in delivered() if "/undo-deletion" in mail.text]


def test_a_registration_that_nobody_confirmed_is_closed_without_a_mail_and_keeps_nobody_out(
    app: Application, delivered: Delivered
) -> None:
    squatter = app.test_client()
    post_form(squatter, "/register", email=MALLORY, password=PASSWORD)
    (confirmation,) = delivered()

    done = ask(squatter)

    assert done.headers["Location"] == "/delete-account/done"
    assert "we mail nothing" in squatter.get("/delete-account/done").text
    assert len(delivered()) == 1
    assert login(app.test_client(), MALLORY).status_code == 401
    owner = app.test_client()
    owner.get(f"/verify-email?token={token_in(confirmation)}")
    chosen = {"password": NEW_PASSWORD, "confirm_password": NEW_PASSWORD}
    assert post_form(owner, "/verify-email/new-password", **chosen).status_code == 303
    assert login(app.test_client(), MALLORY, NEW_PASSWORD).status_code == 200
    with time_machine.travel(now() + WEEK + MINUTE):
        purge()
    assert stored(MALLORY) is not None


def test_a_registration_that_nobody_confirmed_goes_when_it_would_have_gone_anyway(app: Application) -> None:
    browser = app.test_client()
    post_form(browser, "/register", email=MALLORY, password=PASSWORD)
    ask(browser)

    with time_machine.travel(now() + WEEK + MINUTE):
        purge()

    assert stored(MALLORY) is None
