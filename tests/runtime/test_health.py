"""Health: alive as long as the process is, ready while the database is there and migrated."""

import time
from pathlib import Path

import pytest
from flask.testing import FlaskClient
from sqlalchemy import make_url, text

from chirp_auth import create_app
from chirp_auth.extensions import db
from chirp_auth.models import User
from chirp_auth.runtime.postgresql import ANSWER_SECONDS
from config import Settings
from tests.conftest import ALICE, PASSWORD
from tests.support.line import line_to


def test_a_migrated_database_is_ready(client: FlaskClient) -> None:
    for path in ("/healthz/live", "/healthz/ready"):
        answer = client.get(path)
        assert (answer.status_code, answer.json) == (200, {"status": "ok"})
        assert "Set-Cookie" not in answer.headers


@pytest.mark.parametrize("version", ["0000", None])
def test_a_database_that_is_not_migrated_is_not_ready(client: FlaskClient, version: str | None) -> None:
    db.session.execute(text("DELETE FROM alembic_version"))
    if version:
        db.session.execute(text("INSERT INTO alembic_version VALUES (:version)"), {"version": version})
    db.session.commit()

    answer = client.get("/healthz/ready")

    assert answer.status_code == 503
    assert answer.json == {
        "status": "unavailable",
        "reason": "The database is not migrated: run flask --app wsgi db upgrade.",
    }
    assert client.get("/healthz/live").status_code == 200


@pytest.fixture
def without_database(settings: Settings, tmp_path: Path) -> FlaskClient:
    """A browser of an application whose database nobody can reach."""
    nowhere = {
        True: f"sqlite:///{tmp_path}/no/such/folder/chirp.db",
        False: "postgresql+psycopg://chirp@127.0.0.1:1/chirp",
    }
    app = create_app(settings.model_copy(update={"database_url": nowhere[settings.on_sqlite]}))
    return app.test_client()


def test_a_database_that_is_away_is_not_ready(without_database: FlaskClient) -> None:
    answer = without_database.get("/healthz/ready")

    assert answer.status_code == 503
    assert answer.json == {"status": "unavailable", "reason": "The database cannot be reached."}
    assert without_database.get("/healthz/live").status_code == 200


def test_without_the_database_every_face_says_busy_in_its_own_form(without_database: FlaskClient) -> None:
    body = {"email": ALICE, "password": PASSWORD}

    problem = without_database.post("/api/v1/auth/login", json=body)
    plain = without_database.post("/login", json=body)

    assert (problem.status_code, problem.content_type) == (503, "application/problem+json")
    assert problem.json is not None
    assert problem.json["code"] == "SERVICE_BUSY"
    assert (plain.status_code, set(plain.json or ())) == (503, {"detail"})
    assert problem.headers["Retry-After"]


def test_somebody_signed_in_sees_a_page_when_the_database_goes_away(
    client: FlaskClient, alice: User, without_database: FlaskClient
) -> None:
    page = client.get("/login").text
    token = page.partition('name="csrf_token"')[2].partition('value="')[2].partition('"')[0]
    signed_in = client.post("/login", data={"email": ALICE, "password": PASSWORD, "csrf_token": token})
    assert signed_in.status_code == 303
    cookie = client.get_cookie("session")
    assert cookie is not None
    without_database.set_cookie("session", cookie.value)

    answer = without_database.get("/")

    assert answer.status_code == 503
    assert "<h1" in answer.text
    assert "The service is busy" in answer.text
    for path, status in (("/nothing", 404), ("/logout", 405), ("/static/nothing.css", 404)):
        assert without_database.get(path).status_code == status


def test_a_database_that_is_frozen_is_given_up_in_time_and_found_again(settings: Settings) -> None:
    if settings.on_sqlite:
        pytest.skip("SQLite has no server that could freeze")
    real = make_url(settings.database_url)
    if "host" not in real.query:
        pytest.skip("the server that TEST_DATABASE_URL names is not on a socket of this machine")
    with line_to(f"{real.query['host']}/.s.PGSQL.{real.query.get('port', 5432)}") as line:
        url = real.set(host="127.0.0.1", port=line.port, query={}).render_as_string(hide_password=False)
        app = create_app(settings.model_copy(update={"database_url": url}))
        client = app.test_client()
        assert client.get("/healthz/ready").status_code == 200

        line.freeze()
        started = time.monotonic()
        ready = client.get("/healthz/ready")
        refused = client.post("/api/v1/auth/forgot-password", json={"email": ALICE})
        waited = time.monotonic() - started
        line.thaw()

        assert (ready.status_code, refused.status_code) == (503, 503)
        assert waited < 4 * ANSWER_SECONDS
        assert client.post("/api/v1/auth/forgot-password", json={"email": ALICE}).status_code == 200
        with app.app_context():
            db.engine.dispose()
