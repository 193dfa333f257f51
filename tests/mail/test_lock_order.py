"""Whoever changes several mails locks them in the order of their ids, so that two never wait for each other."""

from collections.abc import Callable
from datetime import timedelta
from functools import partial
from threading import Thread
from uuid import UUID

import pytest
from sqlalchemy import insert, text

from chirp_auth.admin import bulk_changes, outbox, support_links
from chirp_auth.clock import now
from chirp_auth.extensions import db
from chirp_auth.http.routing import Application
from chirp_auth.models import OutboxEntry, User
from tests.conftest import ALICE, TEST_CLIENT

LOW, HIGH = UUID(int=1), UUID(int=2)
WAITING = text("SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'")
LOCK = text("SELECT id FROM outbox WHERE id = :id FOR UPDATE NOWAIT")

on_postgresql = pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)


def add(*, due: bool) -> None:
    """Add two mails with a link, in the table the one with the higher id first."""
    due_at = now() - timedelta(seconds=1) if due else None
    for entry_id in (HIGH, LOW):
        row = {"id": entry_id, "kind": "reset_link", "recipient": ALICE, "params": {}, "message_id": "", "attempts": 1}
        db.session.execute(insert(OutboxEntry).values(**row, created_at=now(), due_at=due_at))
    db.session.commit()


def revoke_of_many(alice: User) -> None:
    bulk_changes.voiding_links().make({alice.id: alice}, TEST_CLIENT)
    db.session.commit()


CHANGES: dict[str, Callable[[User], object]] = {
    "reset revoke": lambda alice: support_links.revoke_links(alice, TEST_CLIENT),
    "reset revoke --all": lambda _: support_links.revoke_links(None, TEST_CLIENT),
    "reset revoke --from": revoke_of_many,
    "mail retry --failed": lambda _: outbox.retry(None, TEST_CLIENT),
    "mail cancel --failed": lambda _: outbox.cancel(None, TEST_CLIENT),
}


@on_postgresql
@pytest.mark.parametrize("command", CHANGES)
def test_mails_are_locked_in_the_order_of_their_ids(app: Application, alice: User, command: str) -> None:
    add(due=command.startswith("reset"))
    with db.engine.connect() as other:
        other.execute(LOCK, {"id": LOW})
        changing = Thread(target=partial(in_context, app, partial(CHANGES[command], alice)))
        changing.start()
        while not db.session.scalar(WAITING):
            db.session.rollback()
            assert changing.is_alive()
        other.execute(LOCK, {"id": HIGH})  # It fails if the change holds this one while it waits for the other.
        other.rollback()
    changing.join()
    db.session.rollback()


def in_context(app: Application, act: Callable[[], object]) -> None:
    with app.app_context():
        act()
        db.session.remove()
