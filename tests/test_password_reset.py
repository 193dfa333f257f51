"""Password reset: what asking for a link, opening it and using it do."""

from collections.abc import Callable

import pytest
from sqlalchemy import event

from chirp_auth.accounts import password_reset, reset_links, sign_in
from chirp_auth.errors import InvalidCredentials, InvalidToken, LinkReplaced, TokenAlreadyUsed
from chirp_auth.extensions import db
from chirp_auth.mail.mailbox import Mail
from chirp_auth.models import User
from tests.conftest import ALICE, MALLORY, NEW_PASSWORD, PASSWORD, TEST_CLIENT, token_in

Delivered = Callable[[], list[Mail]]


def ask(delivered: Delivered) -> str:
    password_reset.request_link(ALICE, TEST_CLIENT)
    return token_in(delivered()[0])


def test_a_link_gives_a_new_password(alice: User, delivered: Delivered) -> None:
    token = ask(delivered)

    password_reset.reset_password(token, NEW_PASSWORD, NEW_PASSWORD, TEST_CLIENT)

    assert sign_in.sign_in(ALICE, NEW_PASSWORD, TEST_CLIENT).user_id == alice.id
    with pytest.raises(InvalidCredentials):
        sign_in.sign_in(ALICE, PASSWORD, TEST_CLIENT)


def test_a_used_link_is_refused(alice: User, delivered: Delivered) -> None:
    token = ask(delivered)
    password_reset.reset_password(token, NEW_PASSWORD, NEW_PASSWORD, TEST_CLIENT)

    with pytest.raises(TokenAlreadyUsed):
        password_reset.reset_password(token, PASSWORD, PASSWORD, TEST_CLIENT)


def test_a_newer_link_voids_the_older(alice: User, delivered: Delivered) -> None:
    older = ask(delivered)
    newer = ask(delivered)

    with pytest.raises(LinkReplaced):
        reset_links.check_link(older)
    assert reset_links.check_link(newer).user_id == alice.id


def test_nobody_gets_mail_for_an_address_without_account(alice: User, delivered: Delivered) -> None:
    password_reset.request_link(MALLORY, TEST_CLIENT)

    assert delivered() == []


def test_asking_reads_no_account(alice: User) -> None:
    statements: list[str] = []
    event.listen(db.engine, "before_cursor_execute", lambda *call: statements.append(call[2]))

    password_reset.request_link(ALICE, TEST_CLIENT)

    assert statements
    assert not [statement for statement in statements if "users" in statement]


def test_a_token_with_a_changed_letter_is_no_token(alice: User, delivered: Delivered) -> None:
    token = ask(delivered)

    with pytest.raises(InvalidToken):
        reset_links.check_link(token[:-2] + ("A" if token[-2] != "A" else "B") + token[-1])
