"""Batches: what is composed and sent together keeps every promise of what is composed and sent alone."""

from sqlalchemy import select

from chirp_auth.accounts import password_reset, reset_links
from chirp_auth.extensions import db
from chirp_auth.mail import outbox
from chirp_auth.mail.rendering import Email, NotSent
from chirp_auth.models import OutboxEntry, User
from chirp_auth.worker import composers, delivery
from tests.conftest import ALICE, MALLORY, TEST_CLIENT
from tests.support.smtp import SmtpServer


def test_of_several_links_in_a_batch_each_is_mailed_and_the_newest_is_good(alice: User) -> None:
    for _ in range(4):
        password_reset.request_link(ALICE, TEST_CLIENT)
    entries = outbox.claim(10)
    db.session.commit()

    first = composers.compose_all(entries)
    again = composers.compose_all(entries)

    mails = [first[entry.id] for entry in entries]
    assert [type(mail) for mail in mails] == [Email, Email, Email, NotSent]
    assert [str(again[entry.id]) for entry in entries[:2]] == ["replaced by a newer link"] * 2
    assert again[entries[2].id] == mails[2]
    newest = mails[2]
    assert isinstance(newest, Email)
    reset_links.check_link(newest.values["link"].partition("token=")[2])


def test_a_decoy_is_composed_for_an_address_without_account_and_never_sent(
    alice: User, smtp_server: SmtpServer
) -> None:
    for email in (MALLORY, ALICE):
        password_reset.request_link(email, TEST_CLIENT)

    delivery.run_once()

    assert [mail.recipients for mail in smtp_server.messages] == [(ALICE,)]
    db.session.remove()
    reasons = {entry.recipient: entry.last_error for entry in db.session.scalars(select(OutboxEntry))}
    assert reasons == {MALLORY: "no account", ALICE: None}


def test_mails_to_one_address_keep_their_order_over_several_connections(alice: User, smtp_server: SmtpServer) -> None:
    for number in range(30):
        outbox.put("password_changed", f"someone{number % 3}@example.com", alice.id, ended=0)
        db.session.commit()
    entries = db.session.scalars(select(OutboxEntry).order_by(OutboxEntry.created_at)).all()
    promised = [(entry.recipient, entry.message_id) for entry in entries]
    db.session.remove()

    delivery.run_once()

    sent = [(mail.recipients[0], mail.message["Message-ID"]) for mail in smtp_server.messages]
    assert sorted(sent, key=lambda mail: mail[0]) == sorted(promised, key=lambda mail: mail[0])
