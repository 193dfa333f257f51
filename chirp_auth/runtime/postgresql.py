"""PostgreSQL as a database for a server: a request that it does not answer is not kept waiting without end.

A server that was frozen, or whose network is gone, says nothing at all. Commands and the mail worker wait for it;
people do not.
"""

from typing import Any

import psycopg
from flask import has_request_context
from psycopg.pq import TransactionStatus
from sqlalchemy import Engine, event

ANSWER_SECONDS = 5.0
CONNECT_ARGS = {
    "connect_timeout": int(ANSWER_SECONDS),
    "keepalives_idle": 30,  # A network that is gone is noticed after a minute, where nobody waits for less.
    "keepalives_interval": 10,
    "keepalives_count": 3,
    "tcp_user_timeout": 30_000,  # milliseconds
}


class _Impatient(psycopg.Connection[Any]):
    """A connection that gives up, and is closed, when a request's statement takes too long."""

    def wait(self, gen: Any, interval: float = 0.1, timeout: float | None = None) -> Any:
        try:
            return super().wait(gen, interval, timeout or (ANSWER_SECONDS if has_request_context() else None))
        except psycopg.OperationalError:
            if self.pgconn.transaction_status == TransactionStatus.ACTIVE:
                self.pgconn.finish()  # Its answer may still come, and nobody would know to what.
            raise


@event.listens_for(Engine, "do_connect")
def _connect(dialect: Any, _record: Any, arguments: Any, options: Any) -> psycopg.Connection[Any] | None:
    return _Impatient.connect(*arguments, **options) if dialect.driver == "psycopg" else None
