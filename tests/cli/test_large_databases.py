"""What operators look for is found by an index: `python -m bench.million` measures it, this holds it.

On SQLite, which chooses by its rules; PostgreSQL reads a table this small as a whole.
"""

from typing import Any

import pytest
from flask.testing import FlaskCliRunner
from sqlalchemy import event

from chirp_auth.accounts import sign_in
from chirp_auth.extensions import db
from chirp_auth.models import User
from tests.conftest import ALICE, PASSWORD, TEST_CLIENT, on_one_database

SEARCHES = {
    "user list --status locked": {"ix_users_locked"},
    "user list --status unverified": {"ix_users_unverified"},
    "user list --status active": {"ix_users_created_at"},
    f"user show {ALICE}": {"ix_security_events_user_id", "ix_security_events_email_digest"},
    f"audit search --user {ALICE}": {"ix_security_events_user_id", "ix_security_events_email_digest"},
    f"audit search --email {ALICE}": {"ix_security_events_user_id", "ix_security_events_email_digest"},
    f"audit search --email {ALICE} --action password_reset --before 900": {"ix_security_events_email_digest"},
    "audit search --email nobody@example.com": {"ix_security_events_email_digest"},
    "audit search --ip 192.0.2.7": {"ix_security_events_ip"},
    f"reset revoke {ALICE} --yes": {"ix_outbox_due_at", "ix_outbox_parked"},
}


@on_one_database
@pytest.mark.parametrize("command", SEARCHES)
def test_a_search_walks_over_no_table(runner: FlaskCliRunner, alice: User, command: str) -> None:
    sign_in.sign_in(ALICE, PASSWORD, TEST_CLIENT)
    db.session.remove()
    plans: list[str] = []

    def explain(connection: Any, _cursor: Any, statement: str, parameters: Any, *_: Any) -> None:
        if statement.startswith(("SELECT", "UPDATE")):
            plan = connection.connection.driver_connection.execute(f"EXPLAIN QUERY PLAN {statement}", parameters)
            plans.extend(row[3] for row in plan)

    event.listen(db.engine, "before_cursor_execute", explain)
    result = runner.invoke(args=["auth", *command.split()])
    event.remove(db.engine, "before_cursor_execute", explain)

    assert result.exit_code == 0, result.output
    used = {word for plan in plans for word in plan.split() if word.startswith("ix_")}
    assert SEARCHES[command] <= used, plans
    walks = [plan for plan in plans if plan.startswith("SCAN ") and "INDEX" not in plan]
    assert not [plan for plan in walks if plan.split()[1] in db.metadata.tables]
