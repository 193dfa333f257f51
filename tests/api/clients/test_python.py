"""A Python client, generated from the document by openapi-python-client, makes the whole journey of an account."""

import importlib
import json
import subprocess
import sys
import time
import urllib.request
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import ALICE, NEW_PASSWORD, PASSWORD
from tests.support.server import Application

CONFIG = "post_hooks: []\n"  # They would only make the code prettier.


@pytest.fixture
def generated(document: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Make the package `chirp_client` importable; a warning of the generator fails."""
    (tmp_path / "config.yaml").write_text(CONFIG, encoding="utf-8")
    command = [sys.executable, "-m", "openapi_python_client", "generate", "--path", str(document), "--meta", "none"]
    command += ["--output-path", str(tmp_path / "chirp_client"), "--config", str(tmp_path / "config.yaml")]
    run = subprocess.run([*command, "--fail-on-warning"], capture_output=True, text=True, timeout=120, check=False)
    assert run.returncode == 0, run.stdout + run.stderr
    monkeypatch.syspath_prepend(tmp_path)


class Caller:
    """Calls of v1 by their operation, with models by their names."""

    def __init__(self, server: str) -> None:
        self.server = server

    def call(self, operation: str, token: str | None = None, **arguments: Any) -> Any:
        """Return the parsed answer; the status has to be a success."""
        answer = self.answer(operation, token, **arguments)
        assert answer.status_code < 300, answer
        return answer.parsed

    def answer(self, operation: str, token: str | None = None, **arguments: Any) -> Any:
        package = importlib.import_module("chirp_client")
        client = (
            package.AuthenticatedClient(self.server, token=token) if token is not None else package.Client(self.server)
        )
        with client:
            module = importlib.import_module(f"chirp_client.api.v1.v1_{operation}")
            return module.sync_detailed(client=client, **arguments)


def model(name: str, **members: Any) -> Any:
    return getattr(importlib.import_module("chirp_client.models"), name)(**members)


def mailed_token(server: Application) -> str:
    for _ in range(300):
        with urllib.request.urlopen(f"{server.base_url}/dev/mailbox.json", timeout=10) as answer:
            for mail in json.load(answer):
                for link in mail["links"]:
                    if mail["to"] == ALICE and "/reset-password?token=" in link:
                        return str(link.partition("token=")[2])
        time.sleep(0.1)
    raise AssertionError("no mail with a link")


@pytest.mark.usefixtures("generated")
def test_a_python_client_makes_the_whole_journey(server: Application) -> None:
    v1 = Caller(server.base_url)
    account = model("Registration", email=ALICE, password=PASSWORD, first_name="Alice", last_name="Archer")
    registered = v1.call("register", body=account)
    assert type(registered).__name__ == "SignedIn"

    v1.call("change_me", registered.access_token, body=model("ProfileChange", last_name="Adams"))
    user = v1.call("me", registered.access_token).user
    assert (user.email, user.first_name, user.last_name) == (ALICE, "Alice", "Adams")

    login = v1.call("login", body=model("Login", email=ALICE, password=PASSWORD))
    refreshed = v1.call("refresh", body=model("TokenRefresh", refresh_token=login.refresh_token))
    sessions = v1.call("list_sessions", refreshed.access_token).sessions
    assert sorted(session.current for session in sessions) == [False, True]
    other = next(session.id for session in sessions if not session.current)
    v1.call("end_session", refreshed.access_token, session_id=other)

    v1.call("forgot_password", body=model("EmailOnly", email=ALICE))
    chosen = model("PasswordReset", new_password=NEW_PASSWORD, confirm_password=NEW_PASSWORD)
    assert v1.call("reset_password", mailed_token(server), body=chosen).email == ALICE
    refused = v1.answer("me", refreshed.access_token)
    assert (refused.status_code, refused.parsed.code) == (401, "UNAUTHENTICATED")

    again = v1.call("login", body=model("Login", email=ALICE, password=NEW_PASSWORD))
    latest = "nine violet anvils"
    change = model("PasswordChange", current_password=NEW_PASSWORD, new_password=latest, confirm_password=latest)
    renewed = v1.call("change_password", again.access_token, body=change)
    page = v1.call("list_events", renewed.access_token, limit=1)
    assert [event.kind for event in page.events] == ["password.changed"]
    older = v1.call("list_events", renewed.access_token, limit=1, before=page.next_)
    assert [event.kind for event in older.events] == ["session.signed_in"]

    v1.call("logout", renewed.access_token)
    assert v1.answer("me", renewed.access_token).status_code == 401
