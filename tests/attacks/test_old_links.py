"""Links that were mailed to an address the account has left: they tell nothing of the one it has now."""

import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from flask.testing import FlaskClient
from sqlalchemy import select

from chirp_auth.accounts import account_recovery, address_change, password_reset, reset_links, sessions
from chirp_auth.admin import accounts, support_links
from chirp_auth.clock import now
from chirp_auth.errors import InvalidToken
from chirp_auth.extensions import db
from chirp_auth.http.routing import Application
from chirp_auth.mail import outbox
from chirp_auth.mail.mailbox import Mail
from chirp_auth.models import OutboxEntry, PasswordResetToken, User
from chirp_auth.security import tokens
from tests.conftest import ALICE, NEW_PASSWORD, PASSWORD, TEST_CLIENT, token_in
from tests.support.visitor import bearer, post_form

NEW = "secret.name@elsewhere.example.net"
TELLING = ("secret.name", "elsewhere.example.net")

Delivered = Callable[[], list[Mail]]
Ask = Callable[[], str]

pytestmark = pytest.mark.settings(rate_limits_enabled=False)


@pytest.fixture
def move(alice: User, delivered: Delivered) -> Callable[[], None]:
    """Give Alice's account its new address, as she would herself."""

    def change() -> None:
        session = sessions.add(db.session.get_one(User, alice.id, populate_existing=True), TEST_CLIENT)
        db.session.commit()
        address_change.request_change(session, PASSWORD, NEW, TEST_CLIENT)
        address_change.confirm_change(token_in(delivered()[0]), TEST_CLIENT)
        db.session.remove()

    return change


def without_mark(user: User) -> str:
    """Return the token of the user's newest link, as it was minted before links named their address."""
    newest = select(PasswordResetToken).where(PasswordResetToken.user_id == user.id)
    row = db.session.scalars(newest.order_by(PasswordResetToken.created_at.desc())).first()
    assert row
    return tokens.mint(tokens.PASSWORD_RESET, row.id, row.created_at)


def without_token(page: str) -> str:
    return re.sub(r'(name="csrf_token"[^>]* value=")[^"]+', r"\1", page)


def reset_mails() -> list[str]:
    db.session.remove()
    return list(db.session.scalars(select(OutboxEntry.recipient).where(OutboxEntry.kind == "reset_link")))


@pytest.mark.parametrize("hours", [0, 2, 25])
@pytest.mark.parametrize("is_from_before", [False, True])
def test_an_old_link_names_no_new_address_and_mails_nothing(
    client: FlaskClient, alice: User, ask: Ask, move: Callable[[], None], is_from_before: bool, hours: int
) -> None:
    token = ask()
    token = without_mark(alice) if is_from_before else token
    move()

    with time_machine.travel(now() + timedelta(hours=hours)):
        opened = client.get(f"/reset-password?token={token}", follow_redirects=True)
        renewed = post_form(client, "/reset-password/new-link", page="/forgot-password")
        answered = client.post(
            "/api/v1/auth/reset-password",
            json={"new_password": NEW_PASSWORD, "confirm_password": NEW_PASSWORD},
            headers=bearer(token),
        )
        shown = client.get("/check-email")

    unknown = client.get("/reset-password?token=nothing", follow_redirects=True)
    assert (opened.status_code, renewed.status_code, answered.status_code) == (404, 404, 401)
    assert without_token(opened.text) == without_token(unknown.text), "dead without a word more"
    assert not [word for word in TELLING for page in (opened, renewed, answered, shown) if word in page.text]
    assert reset_mails() == [ALICE], "the one that Alice asked for"


def test_a_used_link_is_as_dead_after_a_change_of_address(
    client: FlaskClient, alice: User, ask: Ask, delivered: Delivered
) -> None:
    token = ask()
    password_reset.reset_password(token, NEW_PASSWORD, NEW_PASSWORD, TEST_CLIENT)
    accounts.set_email(db.session.get_one(User, alice.id, populate_existing=True), NEW, TEST_CLIENT)

    with pytest.raises(InvalidToken) as refusal:
        reset_links.check_link(token)
    assert type(refusal.value) is InvalidToken


def test_a_link_that_support_showed_dies_with_the_address(alice: User) -> None:
    token = support_links.create_link(alice, TEST_CLIENT).url.partition("token=")[2]
    before = without_mark(alice)
    accounts.set_email(alice, NEW, TEST_CLIENT, undoable=False)
    db.session.remove()

    for each in (token, before):
        with pytest.raises(InvalidToken) as refusal:
            password_reset.renew_link(each, TEST_CLIENT)
        assert type(refusal.value) is InvalidToken


@pytest.mark.parametrize("is_from_before", [False, True])
def test_after_a_change_of_the_password_alone_an_old_link_can_be_renewed(
    alice: User, ask: Ask, delivered: Delivered, is_from_before: bool
) -> None:
    token = ask()
    token = without_mark(alice) if is_from_before else token
    newer = ask()
    password_reset.reset_password(newer, NEW_PASSWORD, NEW_PASSWORD, TEST_CLIENT)

    assert password_reset.renew_link(token, TEST_CLIENT) == ALICE
    assert delivered()[0].to == ALICE


def test_a_link_from_before_the_upgrade_works_for_its_life(alice: User, ask: Ask) -> None:
    ask()

    password_reset.reset_password(without_mark(alice), NEW_PASSWORD, NEW_PASSWORD, TEST_CLIENT)


def test_an_account_that_came_back_to_its_address_renews_its_links(
    alice: User, ask: Ask, move: Callable[[], None], delivered: Delivered
) -> None:
    token = ask()
    move()
    undo = next(mail for mail in delivered() if mail.to == ALICE and "was changed" in mail.subject)
    account_recovery.secure_account(
        next(link for link in undo.links if "/not-me" in link).partition("token=")[2], TEST_CLIENT
    )

    assert password_reset.renew_link(token, TEST_CLIENT) == ALICE


def test_a_notice_to_the_old_mailbox_greets_nobody_by_the_new_address(
    alice: User, move: Callable[[], None], delivered: Delivered
) -> None:
    user = db.session.get_one(User, alice.id)
    user.first_name = user.last_name = None
    db.session.commit()
    move()

    told = {mail.to: mail for mail in delivered() if "was changed" in mail.subject}
    assert told[ALICE].text.startswith("Hello,\n")
    assert not [word for word in TELLING if word in told[ALICE].text + told[ALICE].html + told[ALICE].subject]
    assert told[NEW].text.startswith("Hello secret.name,\n")


@pytest.mark.parametrize(
    ("kind", "params"),
    [
        ("password_changed", {"ended": 0}),
        ("account_locked", {}),
        ("account_state", {"locked": True}),
        ("address_replaced", {}),
        ("existing_account", {}),
    ],
)
def test_a_mail_that_was_promised_before_the_change_tells_nothing_of_it(
    alice: User, delivered: Delivered, kind: str, params: dict[str, Any]
) -> None:
    outbox.put(kind, ALICE, alice.id, **params)
    db.session.commit()
    user = db.session.get_one(User, alice.id)
    user.first_name = user.last_name = None
    accounts.set_email(user, NEW, TEST_CLIENT)

    found = delivered()

    old = [mail for mail in found if mail.to == ALICE]
    assert len(old) == (1 if kind == "existing_account" else 2)
    assert not [word for word in TELLING for mail in old if word in mail.text + mail.html + mail.subject]
    assert [mail.subject for mail in found if mail.to == NEW] == ["Confirm your address for Chirpworks"]


def test_the_pages_of_other_old_links_name_no_new_address(
    app: Application, client: FlaskClient, alice: User, move: Callable[[], None], delivered: Delivered
) -> None:
    outbox.put("password_changed", ALICE, alice.id, ended=0)
    db.session.commit()
    notice = next(link for link in delivered()[0].links if "/not-me" in link)
    mark = tokens.mark_of(ALICE)
    verification = tokens.mint(tokens.EMAIL_VERIFICATION, alice.id, now(), mark)
    move()

    for path in (notice.removeprefix("https://auth.example.com"), f"/verify-email?token={verification}"):
        opened = client.get(path, follow_redirects=True)
        assert not [word for word in TELLING if word in opened.text]
