"""Many rows at once: locking them in one order, reading them without holding all of them, and inserting them fast."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import sqlalchemy
from sqlalchemy import ColumnElement, Select, and_, select

from chirp_auth.extensions import db

MAX_AT_ONCE = 10_000
STREAMED_AT_ONCE = 500
SQLITE_CACHE_KIB = 65_536


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


def keep_pages() -> None:
    """Give a command that writes all over large indexes 64 MiB to keep their pages in; SQLite's default is 2 MB.

    It holds for the connection, not for the transaction: this is for commands, which have one and end soon.
    """
    if db.engine.dialect.name == "sqlite":
        db.session.connection().exec_driver_sql(f"PRAGMA cache_size = -{SQLITE_CACHE_KIB}")


def insert(model: Any, rows: Sequence[Mapping[str, Any]]) -> None:
    """Insert rows, which have the same columns, in the caller's transaction.

    SQLAlchemy converts each value of each row for the driver, which takes longer than the database needs. Here an
    object that many rows share, such as the moment of an import, is converted once. A default is one value for all
    rows, so the rows need ids of their own where the database gives none.
    """
    connection = db.session.connection()
    dialect = connection.dialect
    statement: Any = sqlalchemy.insert(model.__table__).compile(
        dialect=dialect, column_keys=list(rows[0]), for_executemany=True
    )
    defaults = {column.key: _default(column) for column in statement.insert_prefetch}
    names = statement.positiontup or list(statement.binds)
    columns = []
    for name in names:
        values = [row[name] for row in rows] if name in rows[0] else [defaults[name]] * len(rows)
        convert = statement.binds[name].type.dialect_impl(dialect).bind_processor(dialect)
        columns.append(_converted(values, convert) if convert else values)
    parameters: Any = list(zip(*columns, strict=True))
    if not statement.positional:
        parameters = [dict(zip(names, values, strict=True)) for values in parameters]
    connection.exec_driver_sql(statement.string, parameters)


def _converted(values: Sequence[Any], convert: Any) -> list[Any]:
    """Return the values for the driver. They are told apart by identity, for not every one can be hashed."""
    known = {identity: convert(value) for identity, value in {id(value): value for value in values}.items()}
    return [known[id(value)] for value in values]


def _default(column: Any) -> Any:
    return column.default.arg(None) if column.default.is_callable else column.default.arg
