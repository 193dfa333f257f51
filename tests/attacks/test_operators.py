"""Attacks by whoever sits at the command line, or talks to somebody who does."""

import os
import time
from collections.abc import Callable, Iterator

import click
import pytest
import time_machine
from flask.testing import FlaskClient, FlaskCliRunner

from chirp_auth.accounts import password_reset, sign_in
from chirp_auth.cli import auth
from chirp_auth.cli._common.prompts import system_user
from chirp_auth.errors import InvalidCredentials, LinkReplaced
from chirp_auth.extensions import db
from chirp_auth.mail.mailbox import Mail
from chirp_auth.models import SecurityEvent, User
from tests.cli.conftest import quiet_logs  # noqa: F401 - a fixture that every test here has
from tests.conftest import ALICE, NEW_PASSWORD, PASSWORD, TEST_CLIENT
from tests.support.visitor import post_form

Delivered = Callable[[], list[Mail]]


def actor_of(kind: str) -> str | None:
    return db.session.query(SecurityEvent).filter_by(kind=kind).order_by(SecurityEvent.id.desc()).limit(1).one().actor


def test_whoever_names_another_is_on_record_too(runner: FlaskCliRunner, alice: User) -> None:
    runner.invoke(args=["auth", "--as", "carol", "user", "lock", ALICE, "--yes"])
    runner.invoke(args=["auth", "user", "unlock", ALICE])

    assert actor_of("user.locked") == f"{system_user()} (as: carol)"
    assert actor_of("user.unlocked") == system_user()


def test_no_name_passes_for_the_systems_user(runner: FlaskCliRunner, alice: User) -> None:
    for name in ("x" * 500, "root) root (as: carol", "root\n(as: carol)"):
        runner.invoke(args=["auth", "--as", name, "user", "lock", ALICE, "--yes"])

        actor = actor_of("user.locked")
        assert actor is not None
        assert actor.startswith(f"{system_user()} (as: ")
        assert actor.endswith(")")
        assert len(actor) <= 100
        assert "\n" not in actor


def test_the_environment_does_not_say_who_acts(
    runner: FlaskCliRunner, alice: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("LOGNAME", "USER", "LNAME", "USERNAME"):
        monkeypatch.setenv(name, "mallory")

    runner.invoke(args=["auth", "user", "lock", ALICE, "--yes"])

    assert "mallory" not in str(actor_of("user.locked"))


def test_a_user_id_without_a_name_is_on_record_as_it_is(
    runner: FlaskCliRunner, alice: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "getuid", lambda: 2**31 - 7)

    runner.invoke(args=["auth", "--as", "carol", "user", "lock", ALICE, "--yes"])

    assert actor_of("user.locked") == "uid 2147483641 (as: carol)"


def test_the_owner_is_told_of_a_link_that_support_gives_away(
    runner: FlaskCliRunner, alice: User, delivered: Delivered
) -> None:
    link = runner.invoke(args=["auth", "reset", "link", ALICE, "--yes"]).stdout.strip()

    (mail,) = delivered()
    assert mail.to == ALICE
    assert mail.subject == "A reset link for your Chirpworks account"
    assert link.partition("token=")[2] not in mail.text + mail.html
    assert [found.partition("?")[0] for found in mail.links] == ["https://auth.example.com/not-me"]


def test_the_owner_voids_the_link_that_support_gave_to_a_thief(
    runner: FlaskCliRunner, client: FlaskClient, alice: User, delivered: Delivered
) -> None:
    token = runner.invoke(args=["auth", "reset", "link", ALICE, "--yes"]).stdout.strip().partition("token=")[2]

    press_not_me(client, delivered()[0])

    with pytest.raises(LinkReplaced):
        password_reset.reset_password(token, NEW_PASSWORD, NEW_PASSWORD, TEST_CLIENT)


def test_the_owner_comes_back_after_the_thief_has_used_it(
    runner: FlaskCliRunner, client: FlaskClient, alice: User, delivered: Delivered
) -> None:
    token = runner.invoke(args=["auth", "reset", "link", ALICE, "--yes"]).stdout.strip().partition("token=")[2]
    notice = delivered()[0]
    with time_machine.travel(time.time() + 300, tick=True):
        password_reset.reset_password(token, NEW_PASSWORD, NEW_PASSWORD, TEST_CLIENT)

    with time_machine.travel(time.time() + 3600, tick=True):
        press_not_me(client, notice)

        with pytest.raises(InvalidCredentials):
            sign_in.sign_in(ALICE, NEW_PASSWORD, TEST_CLIENT)


def press_not_me(client: FlaskClient, notice: Mail) -> None:
    (link,) = notice.links
    path = link.removeprefix("https://auth.example.com")
    done = post_form(client, "/not-me", page=path)
    assert done.status_code in (200, 302, 303), done.text


@pytest.mark.parametrize("options", [[], ["--without-undo"]])
def test_the_owner_is_told_of_a_new_address(
    runner: FlaskCliRunner, alice: User, delivered: Delivered, options: list[str]
) -> None:
    runner.invoke(args=["auth", "user", "set-email", ALICE, "thief@example.org", "--yes", *options])

    mails = {mail.to: mail for mail in delivered()}
    assert set(mails) == {ALICE, "thief@example.org"}
    assert "support has given" in " ".join(mails[ALICE].text.split())


def commands(group: click.Command = auth) -> Iterator[click.Command]:
    yield group
    for command in group.commands.values() if isinstance(group, click.Group) else ():
        yield from commands(command)


def test_no_command_takes_a_password_or_a_key_where_ps_shows_it() -> None:
    options = [parameter for command in commands() for parameter in command.params]
    parameters = {str(option.name) for option in options if not getattr(option, "is_flag", False)}

    assert len(parameters) > 20
    assert not [name for name in parameters if any(word in name for word in ("password", "secret", "token", "hash"))]


def test_a_password_comes_from_standard_input_alone(runner: FlaskCliRunner, client: FlaskClient) -> None:
    create = ["auth", "user", "create", "carol@example.org"]

    assert runner.invoke(args=[*create, PASSWORD]).exit_code == 2
    assert runner.invoke(args=[*create, "--password", PASSWORD]).exit_code == 2
    assert runner.invoke(args=create, input=f"{PASSWORD}\n").exit_code == 0

    assert sign_in.sign_in("carol@example.org", PASSWORD, TEST_CLIENT).user.email == "carol@example.org"
