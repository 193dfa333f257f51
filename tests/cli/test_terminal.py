"""Commands on a real terminal: tables, questions, passwords that are not shown, progress, and Ctrl-C."""

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import update

from chirp_auth.accounts import sign_in
from chirp_auth.admin import audit_trail
from chirp_auth.errors import InvalidCredentials
from chirp_auth.extensions import db
from chirp_auth.http.routing import Application
from chirp_auth.models import User
from config import Settings
from tests.conftest import ALICE, MALLORY, NEW_PASSWORD, PASSWORD, TEST_CLIENT
from tests.support.server import environment_for
from tests.support.terminal import Terminal

Sit = Callable[..., Terminal]
ESCAPE = "\x1b"


@pytest.fixture(params=["sqlite"])
def database_url(database_url: str) -> str:
    """What a terminal shows does not depend on the database."""
    return database_url


@pytest.fixture
def sit(app: Application, settings: Settings, tmp_path: Path) -> Iterator[Sit]:
    """Start `flask auth …` on a terminal, with this test's database."""
    opened: list[Terminal] = []

    def start(*arguments: str, piped_output: bool = False, **environment: str) -> Terminal:
        chosen = {
            "DATABASE_URL": settings.database_url,
            "BCRYPT_COST": "4",
            "SECRET_KEY": settings.secret_key.get_secret_value(),
            "JWT_SECRET": settings.jwt_secret.get_secret_value(),
        }
        db.session.remove()
        terminal = Terminal(
            ["flask", "--app", "wsgi", "auth", *arguments],
            environment_for({**chosen, **environment}, tmp_path),
            piped_output=piped_output,
        )
        opened.append(terminal)
        return terminal.__enter__()

    yield start
    for terminal in opened:
        terminal.__exit__(None, None, None)


def test_a_list_is_a_table_and_steers_no_terminal(sit: Sit, alice: User) -> None:
    db.session.execute(update(User).values(first_name=f"{ESCAPE}]0;owned\x07Alice\u202e"))
    db.session.commit()

    terminal = sit("user", "list", COLUMNS="160")

    assert terminal.wait() == 0
    assert re.search(r"\bid +email +name +status +created_at +last_sign_in_at\b", terminal.plain)
    assert f" {ALICE} " in terminal.plain
    assert "?]0;owned?Alice?" in terminal.plain
    assert f"{ESCAPE}]0;" not in terminal.seen


def test_a_narrow_terminal_shows_whole_facts_below_each_other(sit: Sit, alice: User) -> None:
    terminal = sit("user", "list", COLUMNS="80")

    assert terminal.wait() == 0
    assert [line.split() for line in terminal.plain.splitlines()][:2] == [["id", str(alice.id)], ["email", ALICE]]


def test_no_color_means_no_escape_sequence(sit: Sit, alice: User) -> None:
    terminal = sit("user", "list", NO_COLOR="1")

    assert terminal.wait() == 0
    assert ALICE in terminal.seen
    assert "[3" not in terminal.seen


def test_a_pipe_gets_the_lines_alone(sit: Sit, alice: User) -> None:
    terminal = sit("user", "list", piped_output=True)

    assert terminal.wait() == 0
    assert terminal.piped().split("\t")[1:4] == [ALICE, "Alice Archer", "active"]
    assert terminal.seen == ""


@pytest.mark.parametrize(
    "arguments",
    [
        ["user", "export"],
        ["user", "export", "--output", "/dev/tty"],
        ["user", "export", "--json"],
        ["audit", "export", "--format", "csv"],
        ["audit", "export"],
    ],
)
def test_an_export_on_a_terminal_steers_it_not_and_has_no_progress_bar_in_it(
    sit: Sit, alice: User, arguments: list[str]
) -> None:
    steering = f"{ESCAPE}]0;owned\x07\x7f\u202eAlice"
    db.session.execute(update(User).values(first_name=steering))
    audit_trail.note("profile.changed", replace(TEST_CLIENT, user_agent=steering))

    terminal = sit(*arguments)

    assert terminal.wait() == 0
    assert "owned" in terminal.seen
    assert not re.search(r"[\x00-\x09\x0b\x0c\x0e-\x1f\x7f\u202e]", terminal.seen)
    assert "Exporting" not in terminal.seen


@pytest.mark.parametrize(("typed", "code", "told", "locked"), [("y", 0, "is locked", True), ("n", 4, "Nothing", False)])
def test_a_change_is_asked_for_first(sit: Sit, alice: User, typed: str, code: int, told: str, locked: bool) -> None:
    terminal = sit("user", "lock", ALICE)
    terminal.wait_for(f"Lock the account {ALICE}? [y/N]: ")
    terminal.type(typed)

    assert terminal.wait() == code
    assert told in terminal.plain
    db.session.expire_all()
    assert bool(db.session.get_one(User, alice.id).disabled_at) is locked


def test_a_password_is_asked_for_twice_and_never_shown(sit: Sit) -> None:
    terminal = sit("user", "create", MALLORY)
    for typed in (NEW_PASSWORD, "another one", NEW_PASSWORD, NEW_PASSWORD):
        terminal.wait_for("Password: ", "Repeat for confirmation: ")
        terminal.type(typed)

    assert terminal.wait() == 0
    assert "do not match" in terminal.plain
    assert MALLORY in terminal.plain
    assert NEW_PASSWORD not in terminal.plain
    assert sign_in.sign_in(MALLORY, NEW_PASSWORD, TEST_CLIENT).user.email == MALLORY


def test_ctrl_c_at_a_question_changes_nothing(sit: Sit, alice: User) -> None:
    terminal = sit("user", "delete", ALICE)
    terminal.wait_for("[y/N]: ")
    terminal.press_ctrl_c()

    assert terminal.wait() == 1
    assert "Traceback" not in terminal.seen
    assert db.session.query(User).count() == 1


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["user", "import", "-"], "Importing"),
        (["user", "export"], "Exporting"),
        (["audit", "export"], "Exporting events"),
        (["audit", "verify", "--json"], "Verifying events"),
        (["purge", "--older-than", "1s", "--yes", "--json"], "Deleting"),
    ],
)
def test_long_work_shows_how_far_it_is_and_leaves_the_output_clean(
    sit: Sit, alice: User, tmp_path: Path, arguments: list[str], words: str
) -> None:
    audit_trail.seal_events()
    people = tmp_path / "people.jsonl"
    people.write_text("".join(json.dumps({"email": f"person{n}@example.org"}) + "\n" for n in range(50)))
    arguments = [str(people) if argument == "-" else argument for argument in arguments]

    terminal = sit(*arguments, piped_output=True)

    assert terminal.wait() == 0, terminal.plain
    assert words in terminal.plain
    assert words not in terminal.piped()


def test_verify_tells_how_far_it_is(sit: Sit, alice: User) -> None:
    audit_trail.note("mail.tested", TEST_CLIENT)
    audit_trail.seal_events()

    terminal = sit("audit", "verify")

    assert terminal.wait() == 0, terminal.plain
    assert re.search(r"Verifying events\s+2/2\b", terminal.plain)


def test_the_trail_is_followed_until_ctrl_c(sit: Sit, alice: User) -> None:
    terminal = sit("audit", "tail", "-f", "--json", piped_output=False)
    terminal.wait_for("user.created")

    with pytest.raises(InvalidCredentials):
        sign_in.sign_in(ALICE, "nine wrong guesses", TEST_CLIENT)
    terminal.wait_for("wrong_password")
    sign_in.sign_in(ALICE, PASSWORD, TEST_CLIENT)
    terminal.wait_for('"session.signed_in", "outcome": "ok"')
    terminal.press_ctrl_c()

    assert terminal.wait() == 0
    assert "Traceback" not in terminal.seen
    assert "Abort" not in terminal.seen
    kinds = [json.loads(line)["kind"] for line in terminal.plain.splitlines() if line.startswith("{")]
    assert kinds[-2:] == ["session.signed_in"] * 2


def test_seeding_twice_gives_the_same_cast_and_production_gets_none(sit: Sit, tmp_path: Path) -> None:
    casts = []
    for _ in range(2):
        terminal = sit("seed", "--json", piped_output=True)
        assert terminal.wait() == 0
        casts.append(json.loads(terminal.piped()))
    assert [person["status"] for person in casts[0]] == ["active", "unverified", "locked"]
    assert casts[0] == casts[1]

    production = {"APP_ENV": "production", "PUBLIC_URL": "https://auth.example.com", "SMTP_HOST": "127.0.0.1"}
    refused = sit("seed", **production, SMTP_SECURITY="none", BCRYPT_COST="10", SUPPORT_EMAIL="help@example.com")

    assert refused.wait() == 4
    assert "seed is for development" in refused.plain
