"""PostgreSQL as a database for a server: bounds how long a request waits for a PostgreSQL that does not respond.

A frozen server or a lost network reports no error. Commands and the mail worker wait for it; requests do not.
"""

import math
import select
import time
from typing import Any

import psycopg
from flask import has_request_context
from psycopg.pq import TransactionStatus
from sqlalchemy import Dialect, Engine, ExceptionContext, event
from sqlalchemy.exc import InvalidatePoolError, OperationalError

ANSWER_SECONDS = 5.0
IDLE_SECONDS = 5.0
CONNECT_ARGS = {
    "connect_timeout": int(ANSWER_SECONDS),
    "keepalives_idle": 30,  # A lost network is noticed after a minute, where no shorter limit applies.
    "keepalives_interval": 10,
    "keepalives_count": 3,
    "tcp_user_timeout": 30_000,  # milliseconds
}


def prepare(engine: Engine) -> None:
    """Let this engine's connections give up in time, and replace those that died while nobody used them."""
    checks = _Checks(engine.dialect)
    event.listen(engine, "do_connect", _connect)
    event.listen(engine, "checkin", checks.on_checkin)
    event.listen(engine, "checkout", checks.on_checkout)
    event.listen(engine, "handle_error", _leave_read_only_server)


class _Impatient(psycopg.Connection[Any]):
    """A connection that gives up, and is closed, when a request's statement takes too long."""

    def wait(self, gen: Any, interval: float = 0.1, timeout: float | None = None) -> Any:
        try:
            return super().wait(gen, interval, timeout or (ANSWER_SECONDS if has_request_context() else None))
        except psycopg.OperationalError:
            if self.pgconn.transaction_status == TransactionStatus.ACTIVE:
                self.pgconn.finish()  # Its answer may still arrive, and would be taken for that of the next statement.
            raise


def _connect(_dialect: Any, _record: Any, arguments: Any, options: Any) -> psycopg.Connection[Any]:
    return _Impatient.connect(*arguments, **options)


def _leave_read_only_server(context: ExceptionContext) -> None:
    """Give up a connection whose server may only read, as after a failover: a new one may lead to its successor.

    Raises:
        OperationalError: as for a server that is away; a later try may succeed.
    """
    error = context.original_exception
    if isinstance(error, psycopg.errors.ReadOnlySqlTransaction):
        context.is_disconnect = True
        context.invalidate_pool_on_disconnect = False  # Each connection finds out by itself.
        raise OperationalError(context.statement, None, error, hide_parameters=True) from error


class _Checks:
    """Finds connections that died in the pool, without a round trip for those in steady use."""

    def __init__(self, dialect: Dialect) -> None:
        self._dialect = dialect

    def on_checkin(self, _connection: Any, record: Any) -> None:
        record.info["idle_since"] = time.monotonic()

    def on_checkout(self, connection: Any, record: Any, _proxy: Any) -> None:
        """Ping a connection that was idle for long, or to which the server said something, such as good-bye.

        If it is dead, the pool drops all that are as old: after a restart of PostgreSQL none of them lives.
        """
        idle_since = record.info.get("idle_since", math.inf)  # A new one answered just now.
        if time.monotonic() - idle_since < IDLE_SECONDS and not _has_news(connection):
            return
        try:
            self._dialect.do_ping(connection)
        except psycopg.Error as error:
            raise InvalidatePoolError from error


def _has_news(connection: psycopg.Connection[Any]) -> bool:
    """Say whether something arrived while nothing was asked for: a message, or the end of the stream."""
    poll = select.poll()
    try:
        poll.register(connection.fileno(), select.POLLIN)
    except psycopg.OperationalError:
        return True  # It is closed.
    return bool(poll.poll(0))
