"""Limits: one budget over all doors and processes, told in headers, never open when Redis dies."""

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select

from chirp_auth import create_app
from chirp_auth.extensions import db
from chirp_auth.http.routing import Application
from chirp_auth.models import SecurityEvent
from chirp_auth.security import limits
from config import Settings
from tests.conftest import MALLORY
from tests.support.redis import RedisServer
from tests.support.visitor import FORGOT_DOORS, SIGN_IN_DOORS, Visitor, forgot, login


@contextmanager
def several_processes(settings: Settings, redis_url: str, count: int) -> Iterator[list[FlaskClient]]:
    """Yield a client for each of several applications that share nothing but the database and Redis."""
    shared = settings.model_copy(update={"redis_url": redis_url})
    apps = [create_app(shared) for _ in range(count)]
    for app in apps:
        app.test_client_class = Visitor
    yield [app.test_client() for app in apps]
    for app in apps:
        with app.app_context():
            db.engine.dispose()


def forgot_from(address: str, client: FlaskClient) -> int:
    path = "/api/v1/auth/forgot-password"
    return client.post(path, json={"email": MALLORY}, environ_base={"REMOTE_ADDR": address}).status_code


def accepted(answers: list[int]) -> int:
    assert set(answers) <= {200, 429}, answers
    return answers.count(200)


def test_forgot_password_has_one_budget_over_all_doors(client: FlaskClient) -> None:
    statuses = [door(client, f"nobody{n}@example.com").status_code for n, door in enumerate(FORGOT_DOORS.values())]

    assert sorted(statuses)[:3] == [200, 200, 200]
    assert statuses[3] == 429


def test_guessing_has_one_budget_over_all_doors(client: FlaskClient) -> None:
    doors = list(SIGN_IN_DOORS.values())
    for n in range(30):
        assert doors[n % len(doors)](client, f"nobody{n}@example.com", "guess").status_code in (401, 404)

    assert {door(client, MALLORY, "guess").status_code for door in doors} == {429}


def test_a_refusal_tells_how_long_to_wait(client: FlaskClient) -> None:
    told = [forgot(client, MALLORY) for _ in range(4)]

    assert [answer.headers["RateLimit"].partition(";t=")[0] for answer in told] == [
        '"forgot_password";r=2',
        '"forgot_password";r=1',
        '"forgot_password";r=0',
        '"forgot_password";r=0',
    ]
    assert {answer.headers["RateLimit-Policy"] for answer in told} == {'"forgot_password";q=3;w=3600'}
    assert "Retry-After" not in told[2].headers
    assert 3590 <= int(told[3].headers["Retry-After"]) <= 3600


def test_an_answer_without_a_limit_has_no_limit_headers(client: FlaskClient) -> None:
    assert "RateLimit" not in client.get("/forgot-password").headers


def test_a_browser_reads_the_waiting_time_in_words(client: FlaskClient) -> None:
    for _ in range(3):
        FORGOT_DOORS["browser"](client, MALLORY)

    refused = FORGOT_DOORS["browser"](client, MALLORY)

    assert refused.status_code == 429
    assert "try again in 1 hour" in refused.text or "try again in 59 minutes" in refused.text


def test_a_limit_that_was_hit_is_on_record_once_in_its_period(client: FlaskClient) -> None:
    answers = [forgot(client, MALLORY) for _ in range(6)]

    rows = list(db.session.scalars(select(SecurityEvent).where(SecurityEvent.kind == "limit.hit")))
    assert [(row.outcome, row.face, row.detail) for row in rows] == [
        ("refused", "api", {"limit": "forgot_password"}),
    ]
    assert rows[0].reference == answers[3].headers["X-Request-Id"]


@pytest.mark.settings(rate_limits_enabled=False)
def test_limits_can_be_lifted(client: FlaskClient) -> None:
    assert {forgot(client, MALLORY).status_code for _ in range(8)} == {200}
    assert client.get("/api/v1/auth/me", headers={"Authorization": "Bearer x.y.z"}).status_code == 401


def test_a_request_of_the_wrong_shape_counts_for_nothing(client: FlaskClient) -> None:
    for typo in ({"email": "alice.example.com"}, {"mail": MALLORY}, ["alice@example.com"]):
        assert client.post("/api/v1/auth/forgot-password", json=typo).status_code in (400, 422)

    assert forgot(client, MALLORY).headers["RateLimit"].startswith('"forgot_password";r=2;')


def test_a_forged_forwarded_header_moves_no_budget(client: FlaskClient) -> None:
    statuses = [
        client.post(
            "/api/v1/auth/forgot-password", json={"email": MALLORY}, headers={"X-Forwarded-For": f"198.51.100.{n}"}
        ).status_code
        for n in range(4)
    ]

    assert statuses == [200, 200, 200, 429]


@pytest.mark.settings(trusted_proxy_hops=1)
def test_behind_one_proxy_only_its_own_word_counts(client: FlaskClient) -> None:
    def ask(forwarded: str) -> int:
        return client.post(
            "/api/v1/auth/forgot-password", json={"email": MALLORY}, headers={"X-Forwarded-For": forwarded}
        ).status_code

    assert [ask(f"198.51.100.{n}, 203.0.113.9") for n in range(4)] == [200, 200, 200, 429]
    assert ask("203.0.113.9, 198.51.100.77") == 200


@pytest.mark.settings(trusted_proxy_hops=1)
def test_an_address_with_a_port_or_a_zone_is_still_one_client(client: FlaskClient) -> None:
    def ask(forwarded: str) -> int:
        return client.post(
            "/api/v1/auth/forgot-password", json={"email": MALLORY}, headers={"X-Forwarded-For": forwarded}
        ).status_code

    assert [ask(f"203.0.113.9:{port}") for port in range(4000, 4004)] == [200, 200, 200, 429]
    assert [ask(f"2001:db8::{n}") for n in range(1, 5)] == [200, 200, 200, 429]
    assert ask("fe80::1%" + "x" * 300) == 200
    assert ask("no address at all") == 200


def test_forty_requests_at_once_get_exactly_the_budget(app: Application) -> None:
    def ask(_: int) -> int:
        return forgot(app.test_client(), MALLORY).status_code

    with ThreadPoolExecutor(8) as pool:
        assert accepted(list(pool.map(ask, range(40)))) == 3


def test_the_budget_is_exact_over_processes(settings: Settings, redis_server: RedisServer, app: Application) -> None:
    with several_processes(settings, redis_server.url, 4) as clients:
        own_address = f"192.0.2.{1 if settings.on_sqlite else 2}"  # Redis serves both runs

        def ask(n: int) -> int:
            fresh = clients[n % 4].application.test_client()
            return forgot_from(own_address, fresh)

        with ThreadPoolExecutor(8) as pool:
            assert accepted(list(pool.map(ask, range(40)))) == 3


@pytest.mark.settings(web_workers=1)
def test_without_redis_limits_are_stricter_and_come_back_by_themselves(
    settings: Settings, own_redis_server: RedisServer, app: Application, capfd: pytest.CaptureFixture[str]
) -> None:
    with several_processes(settings, own_redis_server.url, 1) as (client,):
        assert login(client, MALLORY).status_code == 401
        own_redis_server.kill()

        answers = [login(client, f"nobody{n}@example.com").status_code for n in range(20)]

        assert answers == [401] * 15 + [429] * 5
        with client.application.app_context():
            assert limits.is_degraded()
        assert "limits degraded" in "".join(capfd.readouterr())

        own_redis_server.start()
        time.sleep(1.1)
        assert login(client, MALLORY).headers["RateLimit-Policy"] == '"sign_in";q=30;w=900'
        with client.application.app_context():
            assert not limits.is_degraded()
        assert "limits shared again" in "".join(capfd.readouterr())


def test_requests_under_way_when_redis_dies_get_no_error(
    settings: Settings, own_redis_server: RedisServer, app: Application
) -> None:
    with several_processes(settings, own_redis_server.url, 1) as (client,):

        def ask(n: int) -> int:
            if n == 20:
                own_redis_server.kill()
            return login(client.application.test_client(), f"nobody{n}@example.com").status_code

        with ThreadPoolExecutor(6) as pool:
            answers = list(pool.map(ask, range(80)))

    assert set(answers) <= {401, 429, 503}
    assert answers.count(401) <= 30 + 15


def test_a_restart_forgets_no_spent_budget(settings: Settings, redis_server: RedisServer, app: Application) -> None:
    own_address = f"192.0.2.{3 if settings.on_sqlite else 4}"
    for expected in ([200, 200, 200], [429]):
        with several_processes(settings, redis_server.url, 1) as (client,):
            answers = [forgot_from(own_address, client) for _ in expected]
            assert answers == expected
