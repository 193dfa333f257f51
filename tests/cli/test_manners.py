"""Manners that all commands share: help with an example, JSON, questions, exit codes, harmless output."""

from collections.abc import Iterator

import click
import pytest
from flask.testing import FlaskCliRunner

from chirp_auth import cli
from chirp_auth.accounts import registration
from chirp_auth.accounts.registration import Applicant
from chirp_auth.cli._common.prompts import Span, system_user
from chirp_auth.extensions import db
from chirp_auth.models import SecurityEvent, User
from tests.conftest import ALICE, PASSWORD, TEST_CLIENT


def commands(group: click.Group = cli.auth, *path: str) -> Iterator[tuple[str, click.Command]]:
    for name, command in sorted(group.commands.items()):
        if isinstance(command, click.Group):
            yield from commands(command, *path, name)
        else:
            yield " ".join([*path, name]), command


ALL = dict(commands())
GROUPS = [cli.auth, *(each for each in cli.auth.commands.values() if isinstance(each, click.Group))]
DELETES = {"purge", "user delete", "session revoke", "reset revoke", "mail cancel"}


@pytest.mark.parametrize("name", sorted(ALL))
def test_every_command_has_an_example(name: str) -> None:
    assert f"Example: flask --app wsgi auth {name}" in (ALL[name].help or "")


@pytest.mark.parametrize(
    "group", [cli.auth, *(each for each in cli.auth.commands.values() if hasattr(each, "commands"))]
)
def test_every_group_has_an_example_that_can_be_run(group: click.Group, runner: FlaskCliRunner, alice: User) -> None:
    example = (group.help or "").partition("Example: flask --app wsgi ")[2]

    assert runner.invoke(args=example.split()).exit_code in (0, 1)  # 1: the doctor is not content


@pytest.mark.parametrize("group", GROUPS)
def test_every_summary_is_a_whole_sentence_on_a_terminal(group: click.Group) -> None:
    width = 80 - 6 - max(map(len, group.commands))

    assert not [each.name for each in group.commands.values() if each.get_short_help_str(width).endswith("...")]


@pytest.mark.parametrize("name", sorted(ALL))
def test_every_command_speaks_json(name: str) -> None:
    assert any("--json" in option.opts for option in ALL[name].params)


@pytest.mark.parametrize("name", sorted(DELETES))
def test_what_deletes_can_be_tried_dry(name: str) -> None:
    assert any("--dry-run" in option.opts for option in ALL[name].params)


def test_no_command_takes_a_password_as_an_argument() -> None:
    names = {
        name
        for command in ALL.values()
        for option in command.params
        if not getattr(option, "is_flag", False)
        for name in (*option.opts, option.name or "")
    }

    assert not [name for name in names if "password" in name or "secret" in name]


@pytest.mark.parametrize(
    "arguments",
    [
        ["user", "lock", ALICE],
        ["user", "delete", ALICE],
        ["user", "set-email", ALICE, "other@example.com"],
        ["session", "revoke", "--all-users"],
        ["reset", "revoke", "--all"],
        ["reset", "link", ALICE],
    ],
)
def test_without_a_terminal_a_change_wants_yes(runner: FlaskCliRunner, alice: User, arguments: list[str]) -> None:
    before = db.session.query(SecurityEvent).count()

    result = runner.invoke(args=["auth", *arguments])

    assert result.exit_code == 2
    assert "--yes" in result.stderr
    assert result.stdout == ""
    assert db.session.query(SecurityEvent).count() == before


@pytest.mark.parametrize(
    "mistyped",
    ["alice@exmaple.com", "lice@example.com", "alcie@example.com", "akice@example.com", "aalice@example.com"],
)
def test_a_mistyped_address_is_not_found_and_the_right_one_offered(
    runner: FlaskCliRunner, alice: User, mistyped: str
) -> None:
    result = runner.invoke(args=["auth", "user", "show", mistyped])

    assert result.exit_code == 3
    assert f"Did you mean {ALICE}?" in result.stderr
    assert result.stderr.count("\n") == 1


def test_controls_in_a_name_do_not_reach_the_terminal(runner: FlaskCliRunner, alice: User) -> None:
    alice.first_name = "\x1b[31mred\x07\u202e"
    db.session.commit()

    result = runner.invoke(args=["auth", "user", "list"])

    assert "?[31mred??" in result.stdout
    assert "\x1b" not in result.stdout


def test_the_actor_is_on_record(runner: FlaskCliRunner, alice: User) -> None:
    runner.invoke(args=["auth", "--as", "carol", "user", "lock", ALICE, "--yes"])

    event = db.session.query(SecurityEvent).filter_by(kind="user.locked").one()
    assert (event.actor, event.face) == (f"{system_user()} (as: carol)", "cli")


def test_columns_are_not_cut_in_a_pipe(runner: FlaskCliRunner) -> None:
    email = f"{'a' * 60}@{'b' * 60}.{'c' * 60}.example.com"
    registration.create(Applicant(email, PASSWORD), TEST_CLIENT)

    assert email in runner.invoke(args=["auth", "user", "list"]).stdout


@pytest.mark.parametrize("text", ["", "7", "d", "-3d", "3 weeks", "9999999d", "999999d", "3651d"])
def test_a_span_needs_a_number_and_a_unit_within_the_calendar(text: str) -> None:
    with pytest.raises(click.BadParameter):
        Span().convert(text, None, None)


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["create", ALICE, "--invite"], "Error: An account with this email address already exists. See: flask"),
        (["create", "bob@example.com"], "Error: Password must be at least 8 characters long. Choose another one"),
        (["create", "nobody", "--invite"], "Error: That is not a valid email address. Write it as name@host"),
    ],
)
def test_a_refusal_says_what_to_do_next(runner: FlaskCliRunner, alice: User, arguments: list[str], told: str) -> None:
    result = runner.invoke(args=["auth", "user", *arguments], input="short\n")

    assert (result.exit_code, result.stderr.startswith(told)) == (4, True), result.stderr
