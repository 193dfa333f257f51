"""The box that `make run` prints: what it says can be used."""

import pytest

from chirp_auth.accounts import password_change
from chirp_auth.admin import demo_accounts
from chirp_auth.http.routing import Application
from chirp_auth.models import User
from chirp_auth.server import start_box
from config import Settings
from tests.conftest import NEW_PASSWORD, TEST_CLIENT


@pytest.fixture(params=["sqlite"])
def database_url(database_url: str) -> str:
    """What is printed does not depend on the database."""
    return database_url


def demo_row(settings: Settings) -> str:
    box = start_box.drawn(settings, demo_accounts.ensure_account())
    (row,) = (line for line in box.splitlines() if "Demo account" in line)
    return row


def test_the_demo_password_is_printed_as_long_as_it_works(app: Application, settings: Settings) -> None:
    account = demo_accounts.ensure_account()
    assert account
    assert account.password
    assert account.password in demo_row(settings)

    password_change.change_password_by_email(account.email, account.password, NEW_PASSWORD, TEST_CLIENT)

    assert account.password not in demo_row(settings)
    assert "demo@example.com   with the password that it was given since" in demo_row(settings)


def test_a_database_with_other_people_gets_no_demo_account(alice: User, settings: Settings) -> None:
    assert "not here: this database has users" in demo_row(settings)


def test_it_names_the_api_s_documentation_and_how_to_begin_again(settings: Settings) -> None:
    box = start_box.drawn(settings, None)

    assert f"API docs      {settings.public_url}/api/docs" in box
    assert "Begin again   make reset" in box
    assert len({len(line) for line in box.splitlines()}) == 1
