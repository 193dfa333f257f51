"""Attacks with names that a spreadsheet runs: exports show them, and the import reads them back as they were."""

import csv
import io
import json
import re
from pathlib import Path

import pytest
from flask.testing import FlaskCliRunner

from chirp_auth.accounts import registration
from chirp_auth.accounts.registration import Applicant
from chirp_auth.admin import audit_trail
from chirp_auth.cli._common.output import as_written, inert
from chirp_auth.extensions import db
from chirp_auth.http.routing import Application
from chirp_auth.models import User
from chirp_auth.security.client import Client
from tests.cli.conftest import quiet_logs  # noqa: F401 - a fixture that every test here has
from tests.conftest import PASSWORD, TEST_CLIENT

FORMULAS = (
    '=HYPERLINK("https://evil.example","Invoice")',
    "+1+cmd|' /C calc'!A1",
    "-2+3",
    "@SUM(A1:A9)",
    "\N{FULLWIDTH EQUALS SIGN}1+1",
)
QUOTED = ("'=1+1", "''=1+1", "'plain", "O'Brien", "'")
FORMULA_STARTS = re.compile(r"[=+\-@\t\r\n\uff1d\uff0b\uff0d\uff20]")


@pytest.fixture
def odd_people(app: Application) -> dict[str, tuple[str, str, str]]:
    """Accounts whose names, address and phone number begin like formulas: by address, what else they said."""
    people = {
        f"{'+-'[number % 2]}odd{number}@example.org": (name, f"{name}!", f"+9198765432{number:02}")
        for number, name in enumerate(FORMULAS + QUOTED)
    }
    for email, (first_name, last_name, phone_number) in people.items():
        registration.create(Applicant(email, PASSWORD, first_name, last_name, phone_number), TEST_CLIENT)
    return people


def people_now() -> dict[str, tuple[str | None, str | None, str | None]]:
    return {user.email: (user.first_name, user.last_name, user.phone_number) for user in db.session.query(User)}


def test_no_cell_of_an_export_is_a_formula(runner: FlaskCliRunner, odd_people: object) -> None:
    exported = runner.invoke(args=["auth", "user", "export"])

    cells = [cell for row in csv.reader(io.StringIO(exported.stdout)) for cell in row]
    assert len(cells) == 8 * (len(FORMULAS + QUOTED) + 1)
    assert not [cell for cell in cells if FORMULA_STARTS.match(cell)]


def test_the_import_reads_an_export_back_as_it_was(
    runner: FlaskCliRunner, odd_people: dict[str, tuple[str, str, str]], tmp_path: Path
) -> None:
    path = tmp_path / "users.csv"
    assert runner.invoke(args=["auth", "user", "export", "--output", str(path)]).exit_code == 0
    db.session.query(User).delete()
    db.session.commit()

    imported = runner.invoke(args=["auth", "user", "import", str(path)])

    assert imported.exit_code == 0, imported.output
    assert people_now() == odd_people


def test_a_file_from_elsewhere_keeps_its_phone_numbers(
    runner: FlaskCliRunner, app: Application, tmp_path: Path
) -> None:
    path = tmp_path / "users.csv"
    path.write_text("email,first_name,phone_number\na@example.org,Zoë,+919876543210\nb@example.org,Bo,'+919876543211\n")

    assert runner.invoke(args=["auth", "user", "import", str(path)]).exit_code == 0

    assert people_now() == {
        "a@example.org": ("Zoë", None, "+919876543210"),
        "b@example.org": ("Bo", None, "+919876543211"),
    }


def test_no_cell_of_an_exported_trail_is_a_formula(runner: FlaskCliRunner, app: Application) -> None:
    stranger = Client("api", ip="192.0.2.1", user_agent='=WEBSERVICE("https://evil.example")', reference="@ref")
    audit_trail.note("session.signed_in", stranger, outcome="no_account")

    exported = runner.invoke(args=["auth", "audit", "export", "--format", "csv"])
    found = runner.invoke(args=["auth", "audit", "search"])

    (row,) = csv.DictReader(io.StringIO(exported.stdout))
    assert row["user_agent"] == "'" + str(stranger.user_agent)
    assert row["reference"] == "'@ref"
    assert "\t'@ref\t" in found.stdout


@pytest.mark.parametrize(
    "command",
    [["user", "list"], ["user", "show", "+odd0@example.org"], ["audit", "search"], ["audit", "tail"]],
)
def test_no_cell_of_a_table_in_a_pipe_is_a_formula(
    runner: FlaskCliRunner, odd_people: object, command: list[str]
) -> None:
    printed = runner.invoke(args=["auth", *command])

    assert printed.exit_code == 0, printed.output
    assert not [cell for line in printed.stdout.splitlines() for cell in line.split("\t") if FORMULA_STARTS.match(cell)]


def test_json_says_everything_as_it_is(runner: FlaskCliRunner, odd_people: dict[str, tuple[str, str, str]]) -> None:
    lines = runner.invoke(args=["auth", "user", "export", "--json"]).stdout.splitlines()

    assert {row["email"]: row["first_name"] for row in map(json.loads, lines)} == {
        email: first_name for email, (first_name, *_) in odd_people.items()
    }


@pytest.mark.parametrize("cell", ["", "x", "=x", "'=x", "''=x", "'x", "''", "\tx", "\rx", "\nx", "x=", "-", "'"])
def test_every_cell_comes_back(cell: str) -> None:
    assert as_written(inert(cell)) == cell
    assert not FORMULA_STARTS.match(inert(cell))
