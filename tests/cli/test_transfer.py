"""`auth user import` and `export`: many accounts at once."""

import csv
import io
import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import bcrypt
import pytest
import time_machine
from flask.testing import FlaskCliRunner
from sqlalchemy import delete, update

from chirp_auth.accounts import password_reset, sign_in, users
from chirp_auth.clock import now
from chirp_auth.extensions import db
from chirp_auth.mail import status as mail_status
from chirp_auth.mail.mailbox import Mail
from chirp_auth.models import OutboxEntry, SecurityEvent, User
from tests.conftest import ALICE, MALLORY, NEW_PASSWORD, PASSWORD, TEST_CLIENT, events, token_in

Delivered = Callable[[], list[Mail]]
HASH = bcrypt.hashpw(PASSWORD.encode(), b"$2b$04$" + b"a" * 21 + b"u").decode()


def imported(runner: FlaskCliRunner, path: Path, *options: str) -> dict[str, int]:
    counts: dict[str, int] = json.loads(
        runner.invoke(args=["auth", "user", "import", str(path), "--json", *options]).stdout
    )
    return counts


def without_ids(path: Path) -> list[dict[str, str]]:
    """Return who is in an export, by address."""
    with path.open(encoding="utf-8", newline="") as text:
        found = list(csv.DictReader(text)) if path.suffix == ".csv" else [json.loads(line) for line in text]
    return sorted(({**row, "id": ""} for row in found), key=lambda row: row["email"])


def csv_file(folder: Path, *lines: str) -> Path:
    path = folder / "users.csv"
    path.write_text("\n".join(["email,password_hash,first_name,phone_number", *lines, ""]), encoding="utf-8")
    return path


@pytest.mark.parametrize("prefix", ["$2a$", "$2b$", "$2y$"])
def test_whoever_comes_with_a_hash_keeps_the_password(runner: FlaskCliRunner, tmp_path: Path, prefix: str) -> None:
    counts = imported(runner, csv_file(tmp_path, f"{ALICE},{prefix}{HASH[4:]},Alice,"))

    assert counts == {"imported": 1, "invited": 0, "skipped": 0, "refused": 0}
    assert sign_in.sign_in(ALICE, PASSWORD, TEST_CLIENT).user.first_name == "Alice"


def test_nobody_waits_for_a_reset_behind_many_invitations(
    runner: FlaskCliRunner, alice: User, tmp_path: Path, delivered: Delivered
) -> None:
    path = tmp_path / "many.csv"
    path.write_text("email\n" + "".join(f"person{n}@example.org\n" for n in range(700)))
    with time_machine.travel(now(), tick=False):  # On a busy machine more invitations fall due meanwhile.
        assert imported(runner, path)["invited"] == 700
        password_reset.request_link(ALICE, TEST_CLIENT)
        sent = [mail.to for mail in delivered()]

    assert ALICE in sent
    assert 50 <= len(sent) < 350
    assert mail_status.read().oldest_seconds < 10, "what is to leave later is not late"
    with time_machine.travel(now() + timedelta(minutes=2)):
        assert mail_status.read().oldest_seconds > 60, "what should have left by then is"


def test_whoever_comes_without_a_hash_is_invited(runner: FlaskCliRunner, tmp_path: Path, delivered: Delivered) -> None:
    path = tmp_path / "users.jsonl"
    path.write_text(json.dumps({"email": ALICE, "first_name": "Alice"}) + "\n")

    assert imported(runner, path)["invited"] == 1

    token = token_in(delivered()[0])
    password_reset.reset_password(token, NEW_PASSWORD, NEW_PASSWORD, TEST_CLIENT)
    assert sign_in.sign_in(ALICE, NEW_PASSWORD, TEST_CLIENT).user.email == ALICE


def test_a_repeated_import_skips_whom_it_finds(runner: FlaskCliRunner, tmp_path: Path) -> None:
    path = csv_file(tmp_path, *(f"user{number}@example.org,{HASH},," for number in range(600)))
    first = imported(runner, path)
    path.write_text(path.read_text() + f"new@example.org,{HASH},,\n")

    again = imported(runner, path)

    assert (first["imported"], again["imported"], again["skipped"]) == (600, 1, 600)
    assert db.session.query(User).count() == 601
    assert db.session.query(SecurityEvent).filter_by(kind="user.imported").count() == 601


def test_the_same_address_twice_is_one_account(runner: FlaskCliRunner, tmp_path: Path) -> None:
    counts = imported(runner, csv_file(tmp_path, f"{ALICE},{HASH},,", f"ALICE@example.com,{HASH},,"))

    assert (counts["imported"], counts["skipped"]) == (1, 1)


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (f"not an address,{HASH},,", "not a valid email"),
        (f"{ALICE},plaintext,,", "not a bcrypt hash"),
        (f"{ALICE},$2x${HASH[4:]},,", "not a bcrypt hash"),
        (f"{ALICE},$2b$31{HASH[6:]},,", "cost outside"),
        (f"{ALICE},$2b$\u0660\u0664{HASH[6:]},,", "not a bcrypt hash"),
        (f"{ALICE},$2b$04$abcdefghijklmnopqrstuz{HASH[29:]},,", "hash is damaged"),
        (f"{ALICE},$2y$04$abcdefghijklmnopqrstuz{HASH[29:]},,", "hash is damaged"),
        (f"{ALICE},{HASH[:-1]}b,,", "hash is damaged"),
        (f"{ALICE},{HASH},{'x' * 101},", "too long"),
        (f"{ALICE},{HASH},\x1b[0m,", "control character"),
        (f"{ALICE},{HASH},,12", "not a phone number"),
        (f"{ALICE},{HASH}", "2 fields"),
        (f"{ALICE},{HASH},{'x' * 30_000},", "too long"),
    ],
)
def test_a_bad_line_is_refused_by_its_number_alone(
    runner: FlaskCliRunner, tmp_path: Path, line: str, reason: str
) -> None:
    path = csv_file(tmp_path, f"good@example.org,{HASH},,", line, f"fine@example.org,{HASH},,")

    result = runner.invoke(args=["auth", "user", "import", str(path)])

    assert result.exit_code == 1
    assert result.stderr.startswith("line 3: ")
    assert reason in result.stderr
    assert HASH[7:] not in result.output
    assert db.session.query(User).count() == 2


@pytest.mark.parametrize(
    ("created_at", "reason"),
    [
        ("0001-01-01T00:00:00+14:00", "before 1970"),
        ("1970-01-01T00:00:00+00:01", "before 1970"),
        ("9999-12-31T23:59:59-14:00", "in the future"),
        ("yesterday", "must be a time"),
    ],
)
def test_a_moment_that_cannot_be_is_refused_dry_and_for_good(
    runner: FlaskCliRunner, tmp_path: Path, created_at: str, reason: str
) -> None:
    path = tmp_path / "users.csv"
    path.write_text(f"email,created_at\ngood@example.org,1970-01-01T05:00:00+05:00\n{ALICE},{created_at}\n")

    told = [runner.invoke(args=["auth", "user", "import", str(path), *dry]).stderr for dry in (["--dry-run"], [])]

    assert told[0] == told[1]
    assert told[0].startswith("line 3: created_at ")
    assert reason in told[0]
    assert [user.created_at for user in db.session.query(User)] == [datetime(1970, 1, 1, tzinfo=UTC)]


@pytest.mark.parametrize("line", ["{", "[]", "null", '{"email": "a@example.com", "password": "x"}', "[" * 10_000])
def test_a_bad_json_line_is_refused(runner: FlaskCliRunner, tmp_path: Path, line: str) -> None:
    path = tmp_path / "users.jsonl"
    path.write_text(f"{line}\n")

    result = runner.invoke(args=["auth", "user", "import", str(path)])

    assert result.exit_code == 1
    assert result.stderr.startswith("line 1: The line ")


def test_a_line_that_is_not_utf8_is_refused(runner: FlaskCliRunner, tmp_path: Path) -> None:
    path = tmp_path / "users.csv"
    path.write_bytes(b"email,first_name\nalice@example.com,Zo\xeb\n")

    assert "line 2: The line is not UTF-8" in runner.invoke(args=["auth", "user", "import", str(path)]).stderr


@pytest.mark.parametrize(
    ("form", "content"),
    [
        ("csv", b'\xef\xbb\xbfemail,last_name\r\nalice@example.com,"Zo\xc3\xab\rZ"\r\nx@example.com,Zo\xeb\r\n'),
        ("jsonl", b'\xef\xbb\xbf{"email": "alice@example.com"}\n{"email": "Zo\xeb"}\n{"email": "x"}\n'),
    ],
)
def test_standard_input_is_read_as_the_same_file_is(
    runner: FlaskCliRunner, tmp_path: Path, form: str, content: bytes
) -> None:
    path = tmp_path / f"users.{form}"
    path.write_bytes(content)
    arguments = ["auth", "user", "import", "--dry-run", "--format", form]

    by_path = runner.invoke(args=[*arguments, str(path)])
    piped = runner.invoke(args=[*arguments, "-"], input=content)

    assert piped.output == by_path.output
    assert "is not UTF-8, or it is too long" in by_path.stderr
    assert "Would import 1 account" in by_path.stdout


@pytest.mark.parametrize("opened", ['"Alice', f'"{"x" * 30_000}'])
@pytest.mark.parametrize("later", ["Person", '"Person"', f'"Per\n{MALLORY},{HASH},,"'])
def test_a_quote_left_open_ends_the_reading_and_what_came_before_is_kept(
    runner: FlaskCliRunner, tmp_path: Path, opened: str, later: str
) -> None:
    people = [f"person{number}@example.org,{HASH},{later}," for number in range(2000)]
    path = csv_file(tmp_path, f"good@example.org,{HASH},,", f"{ALICE},{HASH},{opened},", *people)

    dry, result = (runner.invoke(args=["auth", "user", "import", str(path), *more]) for more in (["--dry-run"], []))

    assert result.exit_code == 1
    assert dry.stderr == result.stderr
    assert result.stderr.startswith("line 3: A quote opens here")
    assert result.stderr.endswith("Nothing after it was read.\n")
    assert [user.email for user in db.session.query(User)] == ["good@example.org"]


def test_a_field_may_have_line_breaks_and_a_long_one_lets_nothing_out(runner: FlaskCliRunner, tmp_path: Path) -> None:
    inside = f"\n{MALLORY},{HASH},,\n"
    path = csv_file(
        tmp_path,
        f'{ALICE},{HASH},"Alice\nAnne",',
        f'long@example.org,{HASH},"{"x" * 30_000}{inside}",',
        f'x"y,{HASH}"z,,',
        f'quoted@example.org,{HASH},"a"b,',
        "last@example.org,,,",
    )

    result = runner.invoke(args=["auth", "user", "import", str(path)])

    numbers = [line.split(":")[0] for line in result.stderr.splitlines()]
    assert numbers == ["line 4", "line 7", "line 8"]
    assert [user.first_name for user in db.session.query(User).order_by(User.email)] == ["Alice Anne", None]


def test_a_password_column_is_a_wrong_file(runner: FlaskCliRunner, tmp_path: Path) -> None:
    path = tmp_path / "users.csv"
    path.write_text(f"email,password\n{ALICE},{PASSWORD}\n")

    result = runner.invoke(args=["auth", "user", "import", str(path)])

    assert result.exit_code == 2
    assert PASSWORD not in result.output


def test_a_dry_run_says_the_same_and_imports_nobody(runner: FlaskCliRunner, alice: User, tmp_path: Path) -> None:
    path = csv_file(tmp_path, f"{ALICE},{HASH},,", "new@example.org,,,", "nobody,,,")

    counts = imported(runner, path, "--dry-run")

    assert counts == {"imported": 1, "invited": 1, "skipped": 1, "refused": 1}
    assert db.session.query(User).count() == 1
    assert db.session.query(OutboxEntry).count() == 0


def test_a_dry_run_counts_whoever_comes_twice_as_the_import_does(
    runner: FlaskCliRunner, alice: User, tmp_path: Path
) -> None:
    people = [f"person{number}@example.org,{HASH if number % 2 else ''},," for number in range(600)]
    again = [f"PERSON{number}@example.org,{'' if number % 3 else HASH},," for number in range(600)]
    path = csv_file(tmp_path, f"{ALICE},,,", *people, *again)

    dry = imported(runner, path, "--dry-run")

    assert dry == {"imported": 600, "invited": 300, "skipped": 601, "refused": 0}
    assert imported(runner, path) == dry


def test_an_export_has_everybody_and_no_hash(runner: FlaskCliRunner, alice: User, tmp_path: Path) -> None:
    result = runner.invoke(args=["auth", "user", "export"])

    rows = list(csv.DictReader(io.StringIO(result.stdout)))
    assert [row["email"] for row in rows] == [ALICE]
    assert "$2b$" not in result.stdout
    assert db.session.query(SecurityEvent).filter_by(kind="user.exported").count() == 1


@pytest.mark.parametrize("form", ["csv", "jsonl"])
def test_an_export_can_be_imported_and_who_is_locked_stays_so(
    runner: FlaskCliRunner, alice: User, tmp_path: Path, delivered: Delivered, form: str
) -> None:
    path, again = tmp_path / f"users.{form}", tmp_path / f"again.{form}"
    imported(runner, csv_file(tmp_path, f"zoe@example.org,{HASH},Zoë,+91 98765 43210", f"{MALLORY},{HASH},,"))
    db.session.execute(update(User).where(User.email == "zoe@example.org").values(email_verified_at=None))
    runner.invoke(args=["auth", "user", "lock", MALLORY, "--yes"])
    runner.invoke(args=["auth", "user", "export", "--format", form, "--output", str(path)])
    db.session.execute(delete(User))
    db.session.commit()

    dry = imported(runner, path, "--dry-run")
    counts = imported(runner, path)
    runner.invoke(args=["auth", "user", "export", "--format", form, "--output", str(again)])

    assert counts == dry == {"imported": 3, "invited": 2, "skipped": 0, "refused": 0}
    assert without_ids(again) == without_ids(path)
    assert [person["status"] for person in without_ids(path)] == ["active", "locked", "unverified"]
    assert sorted(mail.to for mail in delivered()) == [ALICE, "zoe@example.org"]
    assert events("user.locked") == ["ok", "ok"]


@pytest.mark.parametrize(("status", "becomes"), [("LOCKED ", "locked"), ("unverified", "unverified"), ("", "active")])
def test_a_status_alone_opens_and_confirms_no_more_than_it_says(
    runner: FlaskCliRunner, tmp_path: Path, status: str, becomes: str
) -> None:
    path = tmp_path / "users.csv"
    path.write_text(f"email,status\n{ALICE},{status}\n{MALLORY},suspended\n")

    result = runner.invoke(args=["auth", "user", "import", str(path)])

    assert result.stderr == "line 3: status must be active, unverified or locked.\n"
    assert [users.status(user) for user in db.session.query(User)] == [becomes]


@pytest.mark.parametrize("form", ["csv", "jsonl"])
def test_a_full_disk_is_told_in_a_sentence(runner: FlaskCliRunner, alice: User, form: str) -> None:
    result = runner.invoke(args=["auth", "user", "export", "--format", form, "--output", "/dev/full"])

    assert result.exit_code == 1
    assert result.stderr == "Error: /dev/full could not be written: No space left on device.\n"


def test_a_file_gets_what_the_database_has(runner: FlaskCliRunner, alice: User, tmp_path: Path) -> None:
    alice.first_name = "\x1b[31mred"
    db.session.commit()

    for path in (tmp_path / "users.csv", tmp_path / "users.jsonl"):
        runner.invoke(args=["auth", "user", "export", "--format", path.suffix[1:], "--output", str(path)])
        assert [row["first_name"] for row in without_ids(path)] == ["\x1b[31mred"]
