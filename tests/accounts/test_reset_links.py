"""Reset links: what each one is good for, why not, and that composing a mail again gives the same one."""

from collections.abc import Callable
from datetime import datetime, timedelta

import pytest
import time_machine
from sqlalchemy import delete, select, update

from chirp_auth.accounts import password_change, password_reset, reset_links, sign_in
from chirp_auth.clock import now
from chirp_auth.errors import InvalidToken, LinkReplaced, TokenAlreadyUsed, TokenExpired
from chirp_auth.extensions import db
from chirp_auth.http.routing import Application
from chirp_auth.mail.mailbox import Mail
from chirp_auth.mail.rendering import NotSent
from chirp_auth.models import OutboxEntry, PasswordResetToken, SecurityEvent, User
from chirp_auth.worker import composers
from tests.conftest import ALICE, NEW_PASSWORD, PASSWORD, TEST_CLIENT
from tests.support.together import OK, in_threads

Ask = Callable[[], str]
Delivered = Callable[[], list[Mail]]

AN_HOUR = timedelta(hours=1)


def promise() -> OutboxEntry:
    """Ask for a link and return its entry, which nobody has composed yet."""
    password_reset.request_link(ALICE, TEST_CLIENT)
    return db.session.scalars(select(OutboxEntry).order_by(OutboxEntry.created_at.desc())).first()  # type: ignore[return-value]


def composed(entry: OutboxEntry) -> str:
    """Compose as the worker does, and return the link."""
    db.session.remove()
    return str(composers.compose(entry).values["link"])


def test_looking_at_a_link_changes_nothing(alice: User, ask: Ask) -> None:
    token = ask()

    for _ in range(20):
        assert reset_links.check_link(token).user_id == alice.id
        db.session.rollback()

    password_reset.reset_password(token, NEW_PASSWORD, NEW_PASSWORD, TEST_CLIENT)


def test_the_first_opening_of_a_link_is_on_record(ask: Ask) -> None:
    token = ask()
    opened_at = now() + timedelta(minutes=5)
    for moment in (opened_at, opened_at + AN_HOUR / 2):
        with time_machine.travel(moment, tick=False):
            reset_links.note_opening(token, TEST_CLIENT)
    reset_links.note_opening("no link of ours", TEST_CLIENT)

    (event,) = db.session.query(SecurityEvent).filter_by(kind="password_reset.opened")
    assert (event.at, event.detail) == (opened_at, {"link": str(reset_links.check_link(token).id)})


def test_a_newer_link_voids_the_older(alice: User, ask: Ask) -> None:
    older, newer = ask(), ask()

    with pytest.raises(LinkReplaced):
        reset_links.check_link(older)
    assert reset_links.check_link(newer).user_id == alice.id


def test_each_way_to_be_no_good_is_told_apart(ask: Ask) -> None:
    replaced = ask()
    used = ask()
    password_reset.reset_password(used, NEW_PASSWORD, NEW_PASSWORD, TEST_CLIENT)
    db.session.remove()
    expired = ask()

    with time_machine.travel(now() + AN_HOUR + timedelta(seconds=1)):
        for token, refusal in ((used, TokenAlreadyUsed), (expired, TokenExpired), ("unknown", InvalidToken)):
            with pytest.raises(refusal):
                reset_links.check_link(token)
    with pytest.raises(LinkReplaced):
        reset_links.check_link(replaced)


@pytest.mark.settings(password_reset_token_expires_in=timedelta(seconds=90))
def test_a_link_lives_as_long_as_the_setting_says(ask: Ask, delivered: Delivered) -> None:
    asked_at = datetime.fromisoformat("2026-11-21T12:00:00+00:00")
    with time_machine.travel(asked_at, tick=False):
        token = ask()
        assert "1 minute 30 seconds" in delivered()[0].text
    with time_machine.travel(asked_at + timedelta(seconds=89), tick=False):
        reset_links.check_link(token)
    with time_machine.travel(asked_at + timedelta(seconds=90), tick=False), pytest.raises(TokenExpired):
        reset_links.check_link(token)


def test_a_change_of_password_voids_the_link(ask: Ask) -> None:
    token = ask()
    session = sign_in.sign_in(ALICE, PASSWORD, TEST_CLIENT)
    password_change.change_password(session, PASSWORD, NEW_PASSWORD, NEW_PASSWORD, TEST_CLIENT)
    db.session.remove()

    with pytest.raises(LinkReplaced):
        reset_links.check_link(token)


def test_a_disabled_account_has_no_good_link_and_gets_no_mail(alice: User, ask: Ask, delivered: Delivered) -> None:
    token = ask()
    db.session.execute(update(User).values(disabled_at=now()))
    db.session.commit()
    db.session.remove()

    with pytest.raises(LinkReplaced):
        reset_links.check_link(token)
    password_reset.request_link(ALICE, TEST_CLIENT)
    assert len(delivered()) == 1


@pytest.mark.parametrize("place", [0, 5, -15, -2])
def test_a_token_with_a_changed_letter_is_no_token(ask: Ask, place: int) -> None:
    token = ask()
    other = "A" if token[place] != "A" else "B"

    with pytest.raises(InvalidToken):
        reset_links.check_link(token[:place] + other + token[place:][1:])


@pytest.mark.parametrize("text", ["", ".", "a.b.c", "\0", "\ud800", "é" * 500, "x" * 100_000, "W10.abc.def"])
def test_what_is_not_ours_is_no_token(app: Application, text: str) -> None:
    with pytest.raises(InvalidToken):
        reset_links.check_link(text)


def test_a_link_whose_row_was_cleaned_up_is_expired_not_unknown(ask: Ask) -> None:
    token = ask()
    db.session.execute(delete(PasswordResetToken))
    db.session.commit()

    with time_machine.travel(now() + timedelta(days=90)), pytest.raises(TokenExpired):
        reset_links.check_link(token)
    with pytest.raises(InvalidToken):
        reset_links.check_link(token)


@pytest.mark.settings(secret_key="a-newer-signing-key-0123456789-abcdefgh", secret_key_fallbacks=["k" * 40])
def test_links_outlive_a_change_of_the_signing_key(app: Application, alice: User, ask: Ask) -> None:
    token = ask()
    keys = app.extensions["settings"]
    app.extensions["settings"] = keys.model_copy(
        update={"secret_key_fallbacks": [keys.secret_key], "secret_key": keys.jwt_secret}
    )

    assert reset_links.check_link(token).user_id == alice.id


def test_composing_again_gives_the_same_link(alice: User) -> None:
    entry = promise()
    first = composed(entry)

    with time_machine.travel(now() + timedelta(minutes=30)):
        assert composed(entry) == first


def test_a_link_that_could_not_be_sent_in_its_life_gets_a_new_one(alice: User) -> None:
    entry = promise()
    composed(entry)

    with time_machine.travel(now() + timedelta(hours=5)):
        token = composed(entry).partition("token=")[2]
        assert reset_links.check_link(token).expires_at > now() + timedelta(minutes=59)


def test_an_older_promise_that_comes_late_does_not_void_the_newer_link(alice: User) -> None:
    older = promise()
    composed(older)
    newest = composed(promise()).partition("token=")[2]

    with pytest.raises(NotSent, match="replaced by a newer link"):
        composers.compose(older)
    reset_links.check_link(newest)


def test_two_workers_that_compose_one_entry_make_one_link(app: Application, alice: User) -> None:
    entry = promise()
    links: list[str] = []

    def compose_it() -> None:
        links.append(composers.compose(entry).values["link"])

    assert in_threads(app, [compose_it] * 4) == [OK] * 4
    assert len(set(links)) == 1


def test_no_row_holds_a_link(app: Application, ask: Ask) -> None:
    token = ask()

    rows = [db.session.execute(table.select()).all() for table in reversed(db.metadata.sorted_tables)]
    assert rows
    for part in (token, *token.split(".")[2:]):
        assert part not in str(rows)


@pytest.mark.settings(
    frontend_url="https://app.example.com",
    password_reset_redirect_url="/new-password",
    mobile_deep_link="movr://reset-password",
)
def test_the_link_leads_where_the_settings_say(ask: Ask, delivered: Delivered) -> None:
    token = ask()

    assert delivered()[0].links[:2] == [
        f"https://app.example.com/new-password?token={token}",
        f"movr://reset-password?token={token}",
    ]
    assert "movr://" not in delivered()[0].html
