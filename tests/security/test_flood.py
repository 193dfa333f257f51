"""A flood of sign-ins: all wait in turn, nobody else does, and beyond HASH_WAIT it is refused at once."""

import socket
import sqlite3
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from typing import Any

import bcrypt
import pytest
from flask.testing import FlaskClient
from sqlalchemy import func, select

from chirp_auth.extensions import db
from chirp_auth.http.places import Places
from chirp_auth.http.routing import Application
from chirp_auth.models import SecurityEvent, User
from chirp_auth.security.hash_queue import HashQueue
from tests.conftest import NEW_PASSWORD, PASSWORD
from tests.security.test_hash_queue import wait_until
from tests.support.server import application
from tests.support.visitor import SIGN_IN_DOORS, forgot, login, post_form, sign_in

pytestmark = pytest.mark.settings(rate_limits_enabled=False)


def test_sixty_four_at_once_all_get_in(app: Application, alice: User) -> None:
    with ThreadPoolExecutor(64) as pool:
        answers = list(pool.map(lambda _: login(app.test_client()), range(64)))

    assert {answer.status_code for answer in answers} == {200}


@pytest.mark.settings(web_threads=2)
def test_whoever_waits_for_a_hash_holds_no_place_and_no_connection(app: Application, alice: User) -> None:
    queue = app.extensions["hash_queue"] = HashQueue(1, timedelta(minutes=1), current_holder=Places.current)
    db.session.remove()
    with ThreadPoolExecutor(12) as pool:
        with queue.slot("others"):
            answers = [pool.submit(login, app.test_client()) for _ in range(12)]
            wait_until(lambda: queue.waiting() == 12)

            assert db.engine.pool.checkedout() == 0  # type: ignore[attr-defined]  # a QueuePool's
            assert app.test_client().get("/login").status_code == 200
            assert forgot(app.test_client()).status_code == 200

        assert {answer.result().status_code for answer in answers} == {200}


def test_no_connection_is_held_while_a_hash_is_computed(
    client: FlaskClient, app: Application, ask: Callable[[], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    held: list[int] = []

    def watched(hashing: Callable[..., Any]) -> Callable[..., Any]:
        def hash_now(*arguments: bytes) -> Any:
            held.append(db.engine.pool.checkedout())  # type: ignore[attr-defined]  # a QueuePool's
            return hashing(*arguments)

        return hash_now

    token = ask()
    db.session.remove()
    for name in ("checkpw", "hashpw"):
        monkeypatch.setattr(bcrypt, name, watched(getattr(bcrypt, name)))

    assert client.post("/reset-password", json={"token": token, "new_password": NEW_PASSWORD}).status_code == 200
    assert sign_in(client, password=NEW_PASSWORD).status_code == 303
    change = {"current_password": NEW_PASSWORD, "new_password": PASSWORD, "confirm_password": PASSWORD}
    assert post_form(client, "/change-password", **change).status_code == 303
    account = {"email": "bob@example.com", "password": PASSWORD}
    assert client.post("/api/v1/auth/register", json=account).status_code == 201

    assert len(held) >= 6
    assert set(held) == {0}, held


def test_who_hung_up_is_not_hashed_for(tmp_path: Path) -> None:
    with application({"BCRYPT_COST": "12", "RATE_LIMITS_ENABLED": "false"}, tmp_path) as server:
        body = b'{"email": "mallory@example.com", "password": "wrong password"}'
        head = "POST /api/v1/auth/login HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
        wire = f"{head}Content-Length: {len(body)}\r\nConnection: close\r\n\r\n".encode() + body
        connections = [socket.create_connection(("127.0.0.1", server.port), timeout=60) for _ in range(40)]
        for connection in connections:
            connection.sendall(wire)
        for connection in connections[:-1]:
            connection.close()
        with closing(connections[-1]) as last:
            assert b" 401 " in last.recv(4096)

    with closing(sqlite3.connect(tmp_path / "chirp.db")) as database:
        query = "SELECT count(*) FROM security_events WHERE kind = 'session.signed_in'"
        assert database.execute(query).fetchone()[0] < 20


@pytest.mark.parametrize("door", SIGN_IN_DOORS)
def test_a_full_queue_refuses_at_every_door_and_counts_nothing(app: Application, alice: User, door: str) -> None:
    queue = app.extensions["hash_queue"] = HashQueue(slots=1, max_wait=timedelta())
    before = db.session.scalar(select(func.count()).select_from(SecurityEvent))
    with queue.slot("others"):
        answer = SIGN_IN_DOORS[door](app.test_client(), alice.email, "wrong")
        assert forgot(app.test_client()).status_code == 200, "what hashes nothing goes on"

    assert answer.status_code == 503
    assert int(answer.headers["Retry-After"]) >= 1
    user = db.session.get_one(User, alice.id, populate_existing=True)
    assert user.failed_sign_ins == 0
    assert db.session.scalar(select(func.count()).select_from(SecurityEvent)) == before


def test_a_slot_is_given_back_after_a_failure(client: FlaskClient, app: Application) -> None:
    queue = app.extensions["hash_queue"] = HashQueue(slots=1, max_wait=timedelta())
    with pytest.raises(RuntimeError), queue.slot("others"):
        raise RuntimeError

    assert login(client).status_code == 401
