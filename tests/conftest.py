"""The application under test, on both databases, and the people in the tests: Alice has an account, Mallory none."""

import os
import shutil
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient, FlaskCliRunner
from jinja2 import FileSystemBytecodeCache
from sqlalchemy import select

from chirp_auth import create_app
from chirp_auth.accounts import password_reset, registration
from chirp_auth.accounts.registration import Applicant
from chirp_auth.extensions import db
from chirp_auth.http.routing import Application
from chirp_auth.mail import mailbox
from chirp_auth.mail.mailbox import Mail
from chirp_auth.models import SecurityEvent, User
from chirp_auth.runtime import migrations
from chirp_auth.security.client import Client
from chirp_auth.worker import delivery
from config import Settings, load
from tests.support import kept_work, people
from tests.support.postgres import PostgresServer
from tests.support.postgres_reused import ReusedDatabase
from tests.support.visitor import Visitor

pytest_plugins = ["tests.support.plugin"]

ALICE, MALLORY = people.ALICE, people.MALLORY
PASSWORD, NEW_PASSWORD = people.PASSWORD, people.NEW_PASSWORD

TEST_CLIENT = Client(face="test", ip="192.0.2.7", user_agent="Mozilla/5.0 Firefox/140.0", reference="test")


# For tests of what happens before any database is asked.
on_one_database = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest, run_folder: Path, tmp_path: Path) -> Iterator[str]:
    """The URL of a migrated, empty database of this test's own, on SQLite and then on PostgreSQL."""
    if request.param == "sqlite":
        yield f"sqlite:///{shutil.copy(_sqlite_template(run_folder), tmp_path / 'chirp.db')}"
        return
    reused: ReusedDatabase = request.getfixturevalue("reused_database")
    with reused.as_new() as url:
        yield url
        shutil.rmtree(_mailbox(url), ignore_errors=True)


@pytest.fixture(scope="session")
def reused_database(postgres_server: PostgresServer) -> Iterator[ReusedDatabase]:
    """The PostgreSQL database that the tests of this process share, one after the other."""
    tables = [table.name for table in reversed(db.metadata.sorted_tables)]
    reused = ReusedDatabase(postgres_server, postgres_server.template("migrated", _migrate), tables)
    yield reused
    reused.drop()


@pytest.fixture
def settings(request: pytest.FixtureRequest, database_url: str) -> Settings:
    """Development settings, cheap in hashes; `@pytest.mark.settings(name=value)` changes some for a test."""
    changed: dict[str, Any] = {}
    for marker in reversed(list(request.node.iter_markers("settings"))):
        changed |= marker.kwargs
    return _settings(database_url, **changed)


@pytest.fixture(scope="session")
def compiled_templates(run_folder: Path) -> FileSystemBytecodeCache:
    """The bytecode of templates, which every application under test would compile again; by their source."""
    folder = run_folder / "templates"
    folder.mkdir(exist_ok=True)
    return FileSystemBytecodeCache(str(folder))


@pytest.fixture
def app(settings: Settings, compiled_templates: FileSystemBytecodeCache) -> Iterator[Application]:
    """The application, with its context: rules can be called directly."""
    app = create_app(settings)
    app.jinja_env.bytecode_cache = compiled_templates
    app.test_client_class = Visitor
    with app.app_context():
        kept_work.keep_statements(db.engine)
        yield app
        db.session.remove()
        db.engine.dispose()


@pytest.fixture
def client(app: Application) -> FlaskClient:
    """A browser or a mobile app, as far as HTTP goes."""
    return app.test_client()


@pytest.fixture
def runner(app: Application) -> FlaskCliRunner:
    """An operator at a command line."""
    return app.test_cli_runner()


@pytest.fixture
def alice(app: Application) -> User:
    """Alice, who has an account with a confirmed address."""
    return registration.create(Applicant(ALICE, PASSWORD, "Alice", "Archer"), TEST_CLIENT)


@pytest.fixture
def delivered(app: Application) -> Callable[[], list[Mail]]:
    """Let the worker deliver all that is due, and return the development mailbox, newest first."""

    def deliver() -> list[Mail]:
        while delivery.run_once():
            pass
        db.session.remove()
        return mailbox.messages()

    return deliver


@pytest.fixture
def ask(alice: User, delivered: Callable[[], list[Mail]]) -> Callable[[], str]:
    """Let Alice ask for a reset link and return its token from her mail."""

    def ask_and_read() -> str:
        password_reset.request_link(ALICE, TEST_CLIENT)
        return token_in(delivered()[0])

    return ask_and_read


def events(kind: str) -> list[str]:
    """Return the outcomes of all events of a kind, oldest first."""
    query = select(SecurityEvent).where(SecurityEvent.kind == kind).order_by(SecurityEvent.id)
    return [event.outcome for event in db.session.scalars(query)]


def token_in(mail: Mail) -> str:
    """Return the token of the link in a mail."""
    return next(link.partition("token=")[2] for link in mail.links if "token=" in link)


_SECRETS = {
    "secret_key": "b3c9a51f0e7d4826a94b1c60f28e57d3",
    "jwt_secret": "62f08ad94c1be7530da8f96b247ce513",
}


def _settings(database_url: str, **changed: Any) -> Settings:
    defaults: dict[str, Any] = {
        "bcrypt_cost": 4,
        "public_url": "https://auth.example.com",
        "support_email": "help@example.com",
        **_SECRETS,
    }
    return load(**{"_env_file": None, "database_url": database_url, **defaults, **changed})


@cache
def _mailbox(url: str) -> Path:
    return _settings(url).beside_database("mailbox")


def _sqlite_template(folder: Path) -> Path:
    """Return a migrated SQLite file, made once per test process."""
    template = folder / f"migrated-{os.getpid()}.db"
    if not template.exists():
        _migrate(f"sqlite:///{template}")
    return template


def _migrate(url: str) -> None:
    app = create_app(_settings(url))
    with app.app_context():
        migrations.upgrade()
        db.engine.dispose()
