"""Column types and indexes that several tables share."""

from datetime import UTC, datetime

from sqlalchemy import BigInteger, DateTime, Dialect, Index, Integer, TypeDecorator, text

MAX_EMAIL_CHARACTERS = 254  # RFC 5321, 4.5.3.1.3, less the angle brackets.
MAX_NAME_CHARACTERS = 100
MAX_USER_AGENT_CHARACTERS = 300

BigId = BigInteger().with_variant(Integer(), "sqlite")


class UtcDateTime(TypeDecorator[datetime]):
    """An aware datetime in UTC, on SQLite too, where the column itself knows no zone."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None or dialect.name != "sqlite":
            return value
        return value.astimezone(UTC).replace(tzinfo=None)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


def where_set(column: str) -> Index:
    """Return an index of the rows where this column is set: other rows cost no index write."""
    return partial_index(None, column, f"{column} IS NOT NULL")


def partial_index(name: str | None, columns: str, condition: str) -> Index:
    """Return an index of the rows that meet a condition; without a name the naming convention gives one."""
    return Index(name, *columns.split(), sqlite_where=text(condition), postgresql_where=text(condition))
