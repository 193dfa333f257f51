"""Many rows at once: inserting them by our own statement leaves what SQLAlchemy's would."""

from datetime import UTC, datetime, timedelta, timezone
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import event, insert, select, text

from chirp_auth import audit, rows
from chirp_auth.extensions import db
from chirp_auth.models import SecurityEvent, User
from tests.conftest import TEST_CLIENT, on_one_database

MOMENT = datetime(2026, 11, 29, 12, 30, 15, 250_000, tzinfo=UTC)
ELSEWHERE = datetime(2026, 11, 29, 12, 30, tzinfo=timezone(timedelta(hours=5, minutes=30)))


def user(name: str, **columns: Any) -> dict[str, Any]:
    email = f"{name}@example.com"
    address: dict[str, Any] = {"email": email, "email_key": email, "email_verified_at": None}
    others = {"former_password_hashes": None, "first_name": "Zoë", "created_at": MOMENT, "updated_at": MOMENT}
    return {"id": uuid4(), **address, **others, **columns}


def stored(model: Any) -> list[tuple[Any, ...]]:
    """Return what the table has, without the ids that it counts itself."""
    table = model.__table__
    columns = [column for column in table.columns if model is User or column.name != "id"]
    return sorted((tuple(row) for row in db.session.execute(select(*columns))), key=repr)


@pytest.mark.usefixtures("app")
@pytest.mark.parametrize("count", [1, 3])
def test_the_rows_are_those_that_sqlalchemy_inserts(count: int) -> None:
    shared = ["hash", "of 'before'"]
    users = [
        user("one", former_password_hashes=shared, email_verified_at=ELSEWHERE),
        user("two", former_password_hashes=shared, created_at=ELSEWHERE, first_name=None),
        user("three", email_verified_at=MOMENT),
    ][:count]
    of_users = [
        {
            **audit.event("user.imported", TEST_CLIENT, user_id=each["id"], detail={"n": 1}),
            "client_salt": "s",
            "at": MOMENT,
        }
        for each in users
    ]
    for model, values in ((User, users), (SecurityEvent, of_users)):
        db.session.execute(insert(db.metadata.tables[model.__tablename__]), values)
        expected = stored(model)
        db.session.rollback()
        assert stored(model) == []

        rows.insert(model, values)

        assert stored(model) == expected
        db.session.rollback()


@pytest.mark.usefixtures("app")
def test_one_moment_is_the_default_of_all_rows() -> None:
    users = [{key: value for key, value in user(name).items() if key != "updated_at"} for name in ("one", "two")]

    rows.insert(User, users)

    assert len(set(db.session.scalars(select(User.updated_at)))) == 1
    assert db.session.scalars(select(User.credential_version)).all() == [1, 1]


@on_one_database
@pytest.mark.usefixtures("app")
@pytest.mark.parametrize("count", [1, 2])
def test_on_sqlite_the_insert_waits_in_line_and_is_durable_like_any_write(count: int) -> None:
    written: list[bool] = []
    event.listen(db.engine, "commit", lambda connection: written.append("writes" in connection.info))

    rows.insert(User, [user(name) for name in ("one", "two")[:count]])
    db.session.commit()

    assert written == [True]


@on_one_database
@pytest.mark.usefixtures("app")
def test_a_command_keeps_pages_over_its_transactions() -> None:
    rows.keep_pages()
    db.session.commit()

    assert db.session.execute(text("PRAGMA cache_size")).scalar() == -rows.SQLITE_CACHE_KIB
