"""A flood of sign-ins: beyond what the cores can hash it is refused at once, with a time to come back."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from flask.testing import FlaskClient
from sqlalchemy import func, select

from chirp_auth.extensions import db
from chirp_auth.http.routing import Application
from chirp_auth.models import SecurityEvent, User
from chirp_auth.security.hash_queue import HashQueue
from tests.security.acts import SIGN_IN_DOORS, forgot, login

pytestmark = pytest.mark.settings(rate_limits_enabled=False, bcrypt_cost=10)


def test_a_flood_is_refused_with_a_time_to_come_back(app: Application, alice: User) -> None:
    with ThreadPoolExecutor(24) as pool:
        answers = list(pool.map(lambda _: login(app.test_client(), password="wrong"), range(48)))

    statuses = {answer.status_code for answer in answers}
    assert statuses == {401, 503}
    assert all(int(answer.headers["Retry-After"]) >= 1 for answer in answers if answer.status_code == 503)
    assert all(answer.get_json()["code"] == "SERVICE_BUSY" for answer in answers if answer.status_code == 503)


@pytest.mark.parametrize("door", SIGN_IN_DOORS)
def test_a_full_gate_refuses_at_every_door_and_counts_nothing(app: Application, alice: User, door: str) -> None:
    gate = app.extensions["hash_gate"] = HashQueue(running=1, waiting=0)
    before = db.session.scalar(select(func.count()).select_from(SecurityEvent))
    with gate.passage():
        answer = SIGN_IN_DOORS[door](app.test_client(), alice.email, "wrong")
        assert forgot(app.test_client()).status_code == 200, "what hashes nothing goes on"

    assert answer.status_code == 503
    assert int(answer.headers["Retry-After"]) >= 1
    user = db.session.get_one(User, alice.id, populate_existing=True)
    assert user.failed_sign_ins == 0
    assert db.session.scalar(select(func.count()).select_from(SecurityEvent)) == (before or 0) + 1


def test_a_place_is_given_back_after_a_failure(client: FlaskClient, app: Application) -> None:
    gate = app.extensions["hash_gate"] = HashQueue(running=1, waiting=0)
    with pytest.raises(RuntimeError), gate.passage():
        raise RuntimeError

    assert login(client).status_code == 401
