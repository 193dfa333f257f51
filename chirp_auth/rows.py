"""Many rows at once: locking them in one order, and reading them without holding all of them."""

from collections.abc import Iterator
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, select

from chirp_auth.extensions import db

MAX_AT_ONCE = 10_000
STREAMED_AT_ONCE = 500


def locked_in_order(model: Any, *which: ColumnElement[bool]) -> ColumnElement[bool]:
    """Return the condition by which an UPDATE changes these rows, locked first in the order of their ids.

    Two transactions that lock several rows in different orders could wait for each other. SQLite has one writer.
    """
    if db.engine.dialect.name == "sqlite":
        return and_(*which)
    rows = select(model.id).where(*which).order_by(model.id).with_for_update().cte("locked")
    condition: ColumnElement[bool] = model.id.in_(select(rows.c.id))
    return condition


def of(query: Select[Any], limit: int | None = None) -> Iterator[Any]:
    """Yield the query's entities; more than 10,000 of them are streamed.

    A cursor is planned for its first rows, which is slow where few of many rows are looked for.
    """
    query = query.limit(limit)
    if limit is None or limit > MAX_AT_ONCE:
        query = query.execution_options(yield_per=STREAMED_AT_ONCE)
    yield from db.session.scalars(query)
