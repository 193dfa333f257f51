"""Attacks on a server that runs in development where it should not, and on what development leaves behind."""

import http.client
import json
from collections.abc import Callable
from pathlib import Path

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select

from chirp_auth.accounts import registration, sign_in
from chirp_auth.accounts.registration import Applicant
from chirp_auth.admin import demo_accounts
from chirp_auth.errors import InvalidCredentials
from chirp_auth.extensions import db
from chirp_auth.http.routing import Application
from chirp_auth.mail.mailbox import Mail
from chirp_auth.models import SecurityEvent, User
from chirp_auth.security.client import Client
from chirp_auth.server import serve
from config import ConfigurationError, Settings, load
from tests.attacks.settings import PRODUCTION
from tests.conftest import ALICE, PASSWORD, TEST_CLIENT, on_one_database
from tests.support.child import free_port
from tests.support.server import Application as Server
from tests.support.server import application, command

MAILBOX = ("/dev/mailbox", "/dev/mailbox.json")
LOOPBACK, ELSEWHERE = "127.0.0.1", "203.0.113.9"
CHEAP = {"BCRYPT_COST": "4"}
DEMO_PEOPLE = ("demo@example.com", "unverified@example.com", "locked@example.com")


REFUSAL = "HOST lets others reach a server that is set up for development: set APP_ENV=production"


def test_development_listens_for_this_machine_only(tmp_path: Path) -> None:
    refused = Server({**CHEAP, "PUBLIC_URL": "https://auth.example.com"}, tmp_path, host="0.0.0.0")

    assert refused.wait() == 1
    assert REFUSAL in refused.output
    assert not (tmp_path / "chirp.db").exists()


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.1.20", "auth.example.com", "127.0.0.1.example.com"])
def test_others_reach_development_under_each_of_these_names(host: str) -> None:
    with pytest.raises(ConfigurationError) as refused:
        load(_env_file=None, host=host, public_url="https://auth.example.com")

    assert any(REFUSAL in problem for problem in refused.value.problems)


@pytest.mark.parametrize("host", ["127.0.0.1", "127.8.9.10", "::1", "localhost", "::ffff:127.0.0.1"])
def test_this_machine_has_several_names(host: str) -> None:
    assert load(_env_file=None, host=host).host == host


def test_an_exposed_server_shows_its_mailbox_to_no_neighbour(tmp_path: Path) -> None:
    with application({**CHEAP, "DEV_EXPOSE": "true"}, tmp_path, host="0.0.0.0") as exposed:
        assert "127.0.0.1" in exposed.output.partition("Mailbox")[2].splitlines()[0]

        assert _status(exposed.port, "/dev/mailbox.json", f"127.0.0.1:{exposed.port}") == 200
        assert _status(exposed.port, "/dev/mailbox.json", "auth.example.com") == 404
        assert _status(exposed.port, "/login", "auth.example.com") == 200


@on_one_database
@pytest.mark.settings(host="0.0.0.0", dev_expose=True)
@pytest.mark.parametrize(
    ("peer", "host", "headers"),
    [
        (ELSEWHERE, "127.0.0.1:5000", {}),
        ("::ffff:203.0.113.9", "localhost", {}),
        (LOOPBACK, "rebound.example.com", {}),
        (LOOPBACK, "127.0.0.1.example.com:5000", {}),
        (LOOPBACK, "localhost", {"X-Forwarded-For": ELSEWHERE}),
        (LOOPBACK, "localhost", {"Via": "1.1 proxy"}),
        ("", "localhost", {}),
    ],
)
@pytest.mark.parametrize("path", MAILBOX)
def test_the_mailbox_answers_this_machine_under_its_own_name_only(
    client: FlaskClient, peer: str, host: str, headers: dict[str, str], path: str
) -> None:
    answer = client.get(path, headers={"Host": host, **headers}, environ_overrides={"REMOTE_ADDR": peer})

    assert answer.status_code == 404


@on_one_database
@pytest.mark.settings(trusted_proxy_hops=1)
def test_a_forwarded_address_is_not_who_asks(client: FlaskClient) -> None:
    for peer, forwarded in ((ELSEWHERE, LOOPBACK), (LOOPBACK, ELSEWHERE), (LOOPBACK, LOOPBACK)):
        headers = {"Host": "localhost", "X-Forwarded-For": forwarded}
        answer = client.get("/dev/mailbox.json", headers=headers, environ_overrides={"REMOTE_ADDR": peer})
        assert answer.status_code == 404

    assert client.get("/dev/mailbox.json", headers={"Host": "[::1]:5000"}).status_code == 200


@on_one_database
@pytest.mark.parametrize("name", ["127.0.0.1:5000", "localhost:5000", "LOCALHOST", "[::1]:5000", "127.9.9.9"])
def test_the_developer_reads_the_mailbox(
    client: FlaskClient, alice: User, delivered: Callable[[], list[Mail]], name: str
) -> None:
    client.post("/api/auth/forgot-password", json={"email": ALICE})
    delivered()

    (mail,) = json.loads(client.get("/dev/mailbox.json", headers={"Host": name}).text)

    assert mail["to"] == ALICE
    assert "/dev/mailbox" in client.get("/login", headers={"Host": name}).text


@on_one_database
def test_pages_offer_no_mailbox_to_whom_it_is_closed(client: FlaskClient) -> None:
    assert "mailbox" not in client.get("/login", headers={"Host": "auth.example.com"}).text


@pytest.mark.parametrize("options", [("--debug",), ("--debugger",)])
def test_no_debugger_runs_with_the_settings_of_production(tmp_path: Path, options: tuple[str, ...]) -> None:
    arguments = ("flask", "--app", "wsgi", "run", "--port", str(free_port()), *options)
    with command(arguments, PRODUCTION, tmp_path) as refused:
        assert refused.wait() == 1
        assert "APP_ENV=production allows no debugger" in refused.output


def test_a_debug_flag_in_the_environment_brings_no_debugger_either(tmp_path: Path) -> None:
    arguments = ("flask", "--app", "wsgi", "run", "--port", str(free_port()))
    with command(arguments, {**PRODUCTION, "FLASK_DEBUG": "1"}, tmp_path) as refused:
        assert refused.wait() == 1
        assert "allows no debugger" in refused.output


def test_flasks_own_server_is_not_exposed_by_its_option(tmp_path: Path) -> None:
    arguments = ("flask", "--app", "wsgi", "run", "--port", str(free_port()), "--host", "0.0.0.0")
    with command(arguments, CHEAP, tmp_path) as refused:
        assert refused.wait() == 1
        assert "--host lets others reach a server that is set up for development" in refused.output


def test_production_removes_the_demo_accounts_and_nobody_else(app: Application, alice: User) -> None:
    demo_accounts.create_missing(Client("cli", actor="developer"))
    password = demo_accounts._kept_password()
    stranger_session = registration.register(Applicant("demo@example.org", PASSWORD), TEST_CLIENT)
    assert stranger_session is not None
    sign_in.sign_in(demo_accounts.EMAIL, password, TEST_CLIENT)

    production = _in_production(app)
    for _ in range(2):
        serve._demo_account(production)

    emails = set(db.session.scalars(select(User.email_key)))
    assert emails == {ALICE, "demo@example.org"}
    with pytest.raises(InvalidCredentials):
        sign_in.sign_in(demo_accounts.EMAIL, password, TEST_CLIENT)
    details = db.session.scalars(select(SecurityEvent.detail).where(SecurityEvent.kind == "user.deleted")).all()
    assert [detail and detail["reason"] for detail in details] == ["demo account"] * 3


def test_whoever_registers_under_the_demo_accounts_address_keeps_the_account(app: Application) -> None:
    registration.register(Applicant(demo_accounts.EMAIL, PASSWORD), TEST_CLIENT)

    serve._demo_account(_in_production(app))

    assert db.session.scalars(select(User.email_key)).all() == [demo_accounts.EMAIL]


def test_another_server_than_ours_leaves_it_to_the_worker(app: Application, delivered: Callable[[], object]) -> None:
    demo_accounts.create_missing(Client("cli", actor="developer"))
    app.extensions["settings"] = _in_production(app)

    demo_accounts.remove_from_production()

    assert db.session.scalars(select(User.email_key)).all() == []


def test_a_database_of_development_loses_its_demo_account_when_production_starts(
    postgres_url: str, tmp_path: Path
) -> None:
    database = {"DATABASE_URL": postgres_url}
    with application({**CHEAP, **database}, tmp_path) as development:
        words = development.output.partition("Demo account")[2].split()
        email, password = words[0], words[1]
        assert _sign_in(development.port, email, password) == 200

    with application({**PRODUCTION, **database}, tmp_path) as production:
        assert _sign_in(production.port, email, password) == 401


def test_the_demo_password_is_one_of_millions() -> None:
    assert len(set(demo_accounts.WORDS.split())) ** 4 > 2**27


def test_the_image_is_production() -> None:
    image = (Path(__file__).parents[2] / "deploy" / "Dockerfile").read_text()

    assert "APP_ENV=production" in image


def _in_production(app: Application) -> Settings:
    return app.extensions["settings"].model_copy(update={"app_env": "production"})  # type: ignore[no-any-return]


def _sign_in(port: int, email: str, password: str) -> int:
    body = json.dumps({"email": email, "password": password})
    return _status(port, "/api/v1/auth/login", "localhost", body, {"Content-Type": "application/json"})


def _status(port: int, path: str, host: str, body: str | None = None, headers: dict[str, str] | None = None) -> int:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    try:
        connection.request("POST" if body else "GET", path, body, {"Host": host, **(headers or {})})
        return connection.getresponse().status
    finally:
        connection.close()
