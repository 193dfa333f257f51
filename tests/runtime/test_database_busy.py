"""A database that is busy: who has to wait too long is told so, in time and in words, and can try again."""

import sqlite3
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass

import pytest
from flask.testing import FlaskCliRunner
from werkzeug.test import TestResponse

import chirp_auth
from chirp_auth.extensions import db
from chirp_auth.http.routing import Application
from chirp_auth.mail.mailbox import Mail
from chirp_auth.models import User
from chirp_auth.runtime import sqlite
from config import Settings
from tests.conftest import ALICE
from tests.web.conftest import Tab, Visitor, words

WAIT_SECONDS = 2.0
APART_SECONDS = 0.1
SLACK_SECONDS = 1.5  # Two waits in a row would take longer.
THREADS = 3

pytestmark = pytest.mark.settings(web_threads=THREADS, rate_limits_enabled=False)


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sqlite, "WAIT_SECONDS", WAIT_SECONDS)
    monkeypatch.setattr(chirp_auth, "POOL_WAIT_SECONDS", WAIT_SECONDS)


@dataclass
class Asked:
    """A request for a link, and how long its answer took."""

    answer: TestResponse
    seconds: float


def ask_three_contracts(app: Application) -> list[Asked]:
    """Ask for a link in three contracts at once, each a little later than the one before."""

    def ask(path: str) -> Asked:
        started = time.monotonic()
        answer = app.test_client().post(path, json={"email": ALICE})
        return Asked(answer, time.monotonic() - started)

    with ThreadPoolExecutor() as threads:
        asking = []
        for path in ("/api/v1/auth/forgot-password", "/api/auth/forgot-password", "/forgot-password"):
            asking.append(threads.submit(ask, path))
            time.sleep(APART_SECONDS)
        return [asked.result() for asked in asking]


def assert_told_in_time(asked: list[Asked]) -> None:
    """Every contract says in its own words, and within the time that anybody waits, that the service is busy."""
    problem, envelope, detail = (each.answer.get_json() for each in asked)
    assert (problem["status"], problem["code"]) == (503, "SERVICE_BUSY")
    assert (envelope["success"], envelope["error_code"]) == (False, "SERVICE_BUSY")
    assert detail == {"detail": problem["detail"]}
    for each in asked:
        assert each.answer.status_code == 503
        assert int(each.answer.headers["Retry-After"]) >= 1
        assert each.seconds < WAIT_SECONDS + SLACK_SECONDS


def assert_page_tells(answer: TestResponse) -> None:
    assert (answer.status_code, answer.content_type) == (503, "text/html; charset=utf-8")
    assert "The service is busy. Please try again in a few seconds." in words(answer)
    assert int(answer.headers["Retry-After"]) >= 1


@contextmanager
def held_by_another(settings: Settings) -> Iterator[None]:
    """Another program has begun to write to the SQLite file, and takes its time."""
    with closing(sqlite3.connect(str(settings.database_file), isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        yield
        other.execute("ROLLBACK")


@contextmanager
def every_connection_taken() -> Iterator[None]:
    with ExitStack() as taken:
        for _ in range(THREADS + 2):
            taken.enter_context(db.engine.connect())
        yield


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_a_database_that_another_program_holds_is_told_in_time_and_found_again(
    app: Application, settings: Settings, alice: User, delivered: Callable[[], list[Mail]]
) -> None:
    visitor = Visitor(Tab(app, app.response_class))
    visitor.send("/forgot-password", email=ALICE)
    with held_by_another(settings):
        for _ in range(2):  # More refusals than there are connections, so that none may keep one.
            assert_told_in_time(ask_three_contracts(app))
        assert_page_tells(visitor.send("/forgot-password", email=ALICE))

    assert len(delivered()) == 1, "what was accepted before is there, what was refused is not"
    assert [asked.answer.status_code for asked in ask_three_contracts(app)] == [200] * 3


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_an_operator_is_told_who_keeps_a_database_from_being_changed(
    runner: FlaskCliRunner, settings: Settings, alice: User
) -> None:
    db.session.remove()
    with held_by_another(settings):
        result = runner.invoke(args=["auth", "user", "lock", ALICE, "--yes"])

    assert result.exit_code == 1
    assert result.stderr.startswith("Error: Another program keeps the database locked")


def test_a_pool_without_a_free_connection_is_told_in_time_and_filled_again(app: Application, alice: User) -> None:
    visitor = Visitor(Tab(app, app.response_class))
    visitor.sign_in()
    db.session.remove()
    with every_connection_taken():
        assert_told_in_time(ask_three_contracts(app))
        assert_page_tells(visitor.client.get("/"))

    assert [asked.answer.status_code for asked in ask_three_contracts(app)] == [200] * 3
    assert visitor.client.get("/").status_code == 200
