"""What a process has read at its start, an upgrade cannot take from it."""

from collections.abc import Callable

import pytest
from flask.templating import DispatchingJinjaLoader
from flask.testing import FlaskClient

from chirp_auth.accounts import password_reset
from chirp_auth.http.routing import Application
from chirp_auth.mail.mailbox import Mail
from chirp_auth.models import User
from chirp_auth.runtime import release_files
from tests.conftest import ALICE, TEST_CLIENT, on_one_database


@on_one_database
def test_pages_and_mails_need_no_file_any_more(
    app: Application,
    client: FlaskClient,
    alice: User,
    delivered: Callable[[], list[Mail]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    release_files.read_for_pages(app)
    release_files.read_for_mails(app)

    def gone(*_about: object) -> None:
        raise AssertionError("a template was read")

    monkeypatch.setattr(DispatchingJinjaLoader, "get_source", gone)
    alice.locale = "de"
    password_reset.request_link(ALICE, TEST_CLIENT)

    assert [client.get(page).status_code for page in ("/login", "/nothing")] == [200, 404]
    assert len(delivered()) == 1
