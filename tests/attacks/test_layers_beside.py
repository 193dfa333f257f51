"""Each check decides alone, beside links and sign-in: sessions, addresses, devices, mails, other people's rows."""

import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
import time_machine
from flask.testing import FlaskClient
from sqlalchemy import select, text
from werkzeug.test import TestResponse

from chirp_auth.accounts import address_change, password_reset, reset_links, revocation, sessions, sign_in, users
from chirp_auth.admin import accounts, invitations, support_links
from chirp_auth.clock import now
from chirp_auth.errors import Unauthenticated
from chirp_auth.extensions import db
from chirp_auth.http.routing import Application
from chirp_auth.mail import outbox
from chirp_auth.mail.rendering import NotSent
from chirp_auth.models import AddressChange, Session, User
from chirp_auth.security import tokens
from chirp_auth.worker import composers
from tests.attacks.meanwhile import act_after
from tests.attacks.test_layers import change, redeem, write
from tests.conftest import ALICE, MALLORY, PASSWORD, TEST_CLIENT, events
from tests.support.visitor import login, press
from tests.support.visitor import sign_in as sign_in_browser

Ask = Callable[[], str]

NEW = "alice@new.example.com"

pytestmark = pytest.mark.settings(rate_limits_enabled=False)


def test_a_session_ended_while_it_is_refreshed_has_no_successor(
    app: Application, client: FlaskClient, alice: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    token = login(client).get_json()["refresh_token"]

    act_after(app, monkeypatch, sessions, "find")(write(Session, revoked_at=now()))

    assert client.post("/api/v1/auth/refresh", json={"refresh_token": token}).status_code == 401
    assert events("session.refresh_reused") == [], "nobody holds a copy"


def test_an_ended_session_is_not_renewed_and_keeps_its_name(app: Application, alice: User) -> None:
    session = sign_in.sign_in(ALICE, PASSWORD, TEST_CLIENT)
    name = session.id
    write(Session, revoked_at=now())()

    with pytest.raises(Unauthenticated):
        sessions.renew(session)

    assert db.session.get(Session, name) is not None


def test_a_session_of_older_credentials_cannot_be_kept(app: Application, alice: User) -> None:
    session = sign_in.sign_in(ALICE, PASSWORD, TEST_CLIENT)
    write(User, credential_version=2)()
    db.session.remove()

    revocation.change_credentials(db.session.get_one(User, alice.id), keep=session.id)
    db.session.commit()

    db.session.remove()
    assert sessions.find(session.id) is None


def test_a_link_composed_while_the_credentials_are_replaced_is_good(
    app: Application, alice: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    password_reset.request_link(ALICE, TEST_CLIENT)
    (entry,) = outbox.claim(1)
    db.session.commit()

    act_after(app, monkeypatch, users, "find_all")(write(User, credential_version=2))
    email = composers.compose(entry)

    db.session.remove()
    assert reset_links.check_link(email.values["link"].partition("token=")[2]).credential_version == 2


@pytest.fixture
def address_link(alice: User) -> str:
    """The link that confirms the new address that Alice asked for."""
    session = sign_in.sign_in(ALICE, PASSWORD, TEST_CLIENT)
    address_change.request_change(session, PASSWORD, NEW, TEST_CLIENT)
    requested = db.session.scalars(select(AddressChange)).one()
    db.session.remove()
    return f"/confirm-address?token={tokens.mint(tokens.ADDRESS_CHANGE, requested.id, now())}"


def address_of(user: User) -> str:
    db.session.remove()
    return db.session.get_one(User, user.id).email


@pytest.mark.parametrize(
    ("table", "values"), [(AddressChange, {"confirmed_at": now()}), (User, {"credential_version": 2})]
)
def test_an_address_confirmed_or_overtaken_meanwhile_is_not_changed(
    app: Application,
    client: FlaskClient,
    alice: User,
    address_link: str,
    monkeypatch: pytest.MonkeyPatch,
    table: type[Any],
    values: dict[str, Any],
) -> None:
    client.get(address_link)
    page = client.get("/confirm-address").text

    act_after(app, monkeypatch, address_change, "check_link")(write(table, **values))
    press(client, "/confirm-address", page)

    assert address_of(alice) == ALICE


def test_an_address_that_nobody_overtook_is_changed(client: FlaskClient, alice: User, address_link: str) -> None:
    client.get(address_link)
    press(client, "/confirm-address", client.get("/confirm-address").text)

    assert address_of(alice) == NEW


def test_a_confirmation_of_the_old_address_does_not_confirm_the_one_that_came_meanwhile(
    app: Application, client: FlaskClient, alice: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    token = tokens.mint(tokens.EMAIL_VERIFICATION, alice.id, now(), tokens.mark_of(ALICE))

    def move() -> None:
        accounts.set_email(db.session.get_one(User, alice.id), NEW, TEST_CLIENT)

    act_after(app, monkeypatch, tokens, "mark_of")(move)
    client.post("/api/v1/auth/verify-email", json={"token": token})

    db.session.remove()
    moved = db.session.get_one(User, alice.id)
    assert (moved.email, moved.email_verified_at) == (NEW, None)


def known_in(client: FlaskClient) -> bool:
    """Say whether this browser gets in while the account is delayed."""
    write(User, sign_in_blocked_until=now() + timedelta(minutes=10))()
    return sign_in_browser(client).status_code == 303


def test_a_known_browser_lives_for_180_days_of_one_version(client: FlaskClient, alice: User) -> None:
    sign_in_browser(client)
    cookie = client.get_cookie("device")
    assert cookie

    with time_machine.travel(now() + timedelta(days=179)):
        assert known_in(_with_cookie(client, cookie.value))
    with time_machine.travel(now() + timedelta(days=181)):
        assert not known_in(_with_cookie(client, cookie.value))
    write(User, credential_version=2)()
    assert not known_in(_with_cookie(client, cookie.value))


def _with_cookie(client: FlaskClient, device: str) -> FlaskClient:
    """Return a browser that has nothing but the cookie."""
    browser = client.application.test_client()
    browser.set_cookie("device", device)
    return browser


def test_a_promise_cancelled_after_it_was_claimed_brings_no_link(app: Application, alice: User) -> None:
    password_reset.request_link(ALICE, TEST_CLIENT)
    invitations.invite(MALLORY, None, None, None, TEST_CLIENT)
    claimed = outbox.claim(10)
    db.session.commit()

    support_links.revoke_links(None, TEST_CLIENT)

    assert len(claimed) == 2
    for entry in claimed:
        with pytest.raises(NotSent, match="cancelled"):
            composers.compose(entry)
    assert support_links.count_usable(None) == 0


def test_a_change_and_a_reset_at_once_wait_for_each_other_at_the_user_alone(
    app: Application, client: FlaskClient, alice: User, ask: Ask, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The reset comes while the change has the user's row and not yet the link's: no deadlock, one wins."""
    token = ask()
    revoke_links = revocation.revoke_links
    resets: list[Future[TestResponse]] = []

    with ThreadPoolExecutor(1) as pool:

        def let_a_reset_come_first(user_id: UUID) -> None:
            if not resets:
                resets.append(pool.submit(redeem, app.test_client(), token))
                _until_somebody_waits_for_a_row()
            revoke_links(user_id)

        monkeypatch.setattr(revocation, "revoke_links", let_a_reset_come_first)
        assert change(client).status_code == 200
        assert resets[0].result().status_code == 400


def _until_somebody_waits_for_a_row() -> None:
    waiting = text(
        "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
    )
    latest = time.monotonic() + 20
    while db.engine.dialect.name == "postgresql" and time.monotonic() < latest:
        with db.engine.connect() as connection:
            if connection.scalar(waiting):
                return
        time.sleep(0.05)
