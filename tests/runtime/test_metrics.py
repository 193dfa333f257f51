"""Metrics: who may see them, and that they count right, over several processes too."""

import json
import urllib.error
import urllib.request
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import time_machine
from flask.testing import FlaskClient
from prometheus_client.parser import text_string_to_metric_families

from chirp_auth import create_app
from chirp_auth.accounts import password_reset, sign_in
from chirp_auth.clock import now
from chirp_auth.errors import InvalidCredentials
from chirp_auth.extensions import db
from chirp_auth.mail import job_locks, outbox
from chirp_auth.mail.mailbox import Mail
from chirp_auth.models import User
from config import Settings
from tests.conftest import ALICE, NEW_PASSWORD, TEST_CLIENT
from tests.server.test_worker_process import ask_for_a_link, workers
from tests.support.redis import RedisServer
from tests.support.server import application
from tests.support.smtp import SmtpServer

Values = dict[tuple[str, frozenset[tuple[str, str]]], float]
ON_SQLITE = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
TOKEN = "a-token-for-the-scraper-0123456789"


def parsed(text: str) -> Values:
    return {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def scraped(client: FlaskClient) -> Values:
    db.session.remove()
    answer = client.get("/metrics")
    assert answer.status_code == 200
    return parsed(answer.text)


def value(values: Values, name: str, **labels: str) -> float:
    return values.get((name, frozenset(labels.items())), 0)


@ON_SQLITE
@pytest.mark.parametrize("peer", ["203.0.113.9", "::ffff:203.0.113.9", "2001:db8::9", ""])
def test_strangers_see_no_metrics(client: FlaskClient, peer: str) -> None:
    assert client.get("/metrics", environ_overrides={"REMOTE_ADDR": peer}).status_code == 404


PROXIES_SAY = [
    *("X-Forwarded-For", "X-Forwarded-Proto", "X-Forwarded-Host", "X-Forwarded-Port", "X-Forwarded-Server"),
    *("X-Forwarded", "X-Original-Forwarded-For", "Forwarded", "Via", "CDN-Loop", "X-Envoy-External-Address"),
    *("X-Real-IP", "X-Client-IP", "X-Cluster-Client-IP", "Client-IP", "X-Azure-ClientIP"),
    *("True-Client-IP", "Fastly-Client-IP", "CF-Connecting-IP", "CF-Connecting-IPv6"),
]


@ON_SQLITE
@pytest.mark.parametrize("hops", [0, 1])
def test_a_proxy_on_this_machine_shows_no_metrics_to_strangers(settings: Settings, hops: int) -> None:
    client = create_app(settings.model_copy(update={"trusted_proxy_hops": hops})).test_client()

    for header in PROXIES_SAY:
        assert client.get("/metrics", headers={header: "127.0.0.1"}).status_code == 404, header


@ON_SQLITE
@pytest.mark.parametrize("host", ["auth.example.com", "localhost.example.com:5000", "203.0.113.9:5000", "", "[::1"])
def test_whoever_asks_by_a_public_name_is_no_scraper_of_this_machine(client: FlaskClient, host: str) -> None:
    old = {"SERVER_PROTOCOL": "HTTP/1.0"}  # Later ones have to name a host.
    assert client.get("/metrics", headers={"Host": host}, environ_overrides=old).status_code == 404


@ON_SQLITE
@pytest.mark.parametrize("host", ["127.0.0.1:5000", "localhost:5000", "LOCALHOST", "127.0.0.1", "[::1]:5000", "[::1]"])
@pytest.mark.parametrize("peer", ["127.0.0.1", "::1", "::ffff:127.0.0.1"])
def test_a_scraper_on_this_machine_sees_them(client: FlaskClient, host: str, peer: str) -> None:
    headers = {"Host": host, "User-Agent": "Prometheus/3.5", "X-Prometheus-Scrape-Timeout-Seconds": "10"}

    assert client.get("/metrics", headers=headers, environ_overrides={"REMOTE_ADDR": peer}).status_code == 200


IN_PRODUCTION = {"app_env": "production", "smtp_host": "127.0.0.1", "smtp_security": "none", "bcrypt_cost": 10}


@ON_SQLITE
@pytest.mark.parametrize("changed", [IN_PRODUCTION, {"trusted_proxy_hops": 1}])
def test_without_a_token_nobody_sees_them_where_something_is_in_front(
    settings: Settings, changed: dict[str, Any]
) -> None:
    client = create_app(settings.model_copy(update=changed)).test_client()

    assert client.get("/metrics", headers={"Host": "127.0.0.1:5000"}).status_code == 404


@pytest.mark.settings(trusted_proxy_hops=1)
def test_a_believed_address_is_not_the_peer(client: FlaskClient) -> None:
    answer = client.get(
        "/metrics", headers={"X-Forwarded-For": "127.0.0.1"}, environ_overrides={"REMOTE_ADDR": "203.0.113.9"}
    )

    assert answer.status_code == 404


@pytest.mark.settings(metrics_token=TOKEN)
def test_a_token_opens_them_from_anywhere_and_nothing_else_does(client: FlaskClient) -> None:
    def status(**headers: str) -> int:
        return client.get("/metrics", headers=headers, environ_overrides={"REMOTE_ADDR": "203.0.113.9"}).status_code

    assert status(Authorization=f"Bearer {TOKEN}") == status(Authorization=f"bearer {TOKEN}") == 200
    assert status(Authorization=TOKEN) == status(Authorization=f"Basic {TOKEN}") == 404
    assert status() == status(Authorization="Bearer ") == status(Authorization=f"Bearer {TOKEN}x") == 404
    assert client.get("/metrics").status_code == 404


def test_requests_are_counted_by_route_and_status(client: FlaskClient) -> None:
    before = scraped(client)
    client.get("/forgot-password")
    client.get("/static/style.css").close()
    client.get("/no/such/place/4711")
    client.get("/logout")
    client.open("/logout", method="4711")
    after = scraped(client)

    def gained(**labels: str) -> float:
        name = "chirp_auth_requests_total"
        return value(after, name, **labels) - value(before, name, **labels)

    assert gained(method="GET", route="/forgot-password", status="200") == 1
    assert gained(method="GET", route="/static/<path:filename>", status="200") == 1
    assert gained(method="any", route="none", status="404") == 1
    assert gained(method="any", route="/logout", status="405") == 2
    assert not [labels for _, labels in after if "4711" in str(labels)]


def test_outcomes_are_counted_by_kind(client: FlaskClient, alice: User) -> None:
    labels = {"kind": "session.signed_in", "outcome": "wrong_password"}
    before = value(scraped(client), "chirp_auth_events_total", **labels)
    with pytest.raises(InvalidCredentials):
        sign_in.sign_in(ALICE, NEW_PASSWORD, TEST_CLIENT)

    assert value(scraped(client), "chirp_auth_events_total", **labels) == before + 1


def test_the_outbox_is_read_when_asked(client: FlaskClient, alice: User, delivered: Callable[[], list[Mail]]) -> None:
    password_reset.request_link(ALICE, TEST_CLIENT)
    job_locks.heartbeat()
    waiting = scraped(client)
    delivered()
    sent = scraped(client)

    assert value(waiting, "chirp_auth_outbox_entries", state="waiting") == 1
    assert value(waiting, "chirp_auth_outbox_oldest_seconds") > 0
    assert value(waiting, "chirp_auth_worker_seen_seconds") >= 0
    assert value(sent, "chirp_auth_outbox_entries", state="waiting") == 0
    assert value(sent, "chirp_auth_mail_latency_seconds", quantile="0.95") > 0
    assert value(sent, "chirp_auth_hash_gate") == 0
    assert value(sent, "chirp_auth_limiter_degraded") == 0


def test_a_worker_that_never_lived_was_last_seen_longer_ago_than_any_alert_allows(client: FlaskClient) -> None:
    assert value(scraped(client), "chirp_auth_worker_seen_seconds") > 120


def test_metrics_answer_without_a_database(client: FlaskClient) -> None:
    with db.engine.begin() as connection:
        connection.exec_driver_sql("ALTER TABLE outbox RENAME TO elsewhere")

    assert value(scraped(client), "chirp_auth_database_up") == 0


def test_several_web_processes_and_their_one_worker_count_together(
    postgres_url: str, redis_server: RedisServer, smtp_server: SmtpServer, tmp_path: Path
) -> None:
    settings = {"DATABASE_URL": postgres_url, "REDIS_URL": redis_server.url, "WEB_WORKERS": "2", "BCRYPT_COST": "4"}
    settings |= {"SMTP_HOST": smtp_server.host, "SMTP_PORT": str(smtp_server.port)}
    with application(settings, tmp_path, seconds=60) as server:
        for _ in range(30):
            _ask(server.base_url)
        ask_for_a_link(server)
        smtp_server.wait_for(1, seconds=60)
        assert len(workers(server.pid)) == 1
        text = urllib.request.urlopen(f"{server.base_url}/metrics", timeout=10).read().decode()

    values = parsed(text)
    route = "/api/v1/auth/login"
    assert value(values, "chirp_auth_requests_total", method="POST", route=route, status="401") == 30
    assert value(values, "chirp_auth_events_total", kind="session.signed_in", outcome="no_account") == 30
    assert 'chirp_auth_events_total{kind="password_reset.requested"' in text, "the worker's"
    assert value(values, "chirp_auth_hash_gate") == 0


def _ask(base_url: str) -> None:
    body = json.dumps({"email": "mallory@example.com", "password": "seven quiet herons"}).encode()
    request = urllib.request.Request(
        f"{base_url}/api/v1/auth/login", body, {"Content-Type": "application/json", "Connection": "close"}
    )
    with pytest.raises(urllib.error.HTTPError) as refused:
        urllib.request.urlopen(request, timeout=10)
    refused.value.close()


def test_mail_that_is_to_leave_later_is_not_late(
    client: FlaskClient, alice: User, delivered: Callable[[], list[Mail]]
) -> None:
    outbox.put("password_changed", ALICE, alice.id, delay=timedelta(minutes=10), ended=0)
    db.session.commit()

    with time_machine.travel(now() + timedelta(minutes=10, seconds=2), tick=False):
        waiting = scraped(client)
        delivered()
        sent = scraped(client)

    assert 1 < value(waiting, "chirp_auth_outbox_oldest_seconds") < 3
    assert 1 < value(sent, "chirp_auth_mail_latency_seconds", quantile="1") < 3
