"""A really running server that the tests of the contracts share."""

from collections.abc import Iterator

import pytest

from tests.support.postgres import PostgresServer
from tests.support.server import Application, application


@pytest.fixture(scope="session")
def server(postgres_server: PostgresServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Application]:
    """A server on PostgreSQL, which refuses more than SQLite: NUL in a text, a text that is too long, a wrong type."""
    settings = {"RATE_LIMITS_ENABLED": "false", "BCRYPT_COST": "4"}
    with (
        postgres_server.database() as url,
        application({**settings, "DATABASE_URL": url}, tmp_path_factory.mktemp("server")) as running,
    ):
        yield running
