"""An application whose mail travels over SMTP to the server of the test, and what its outbox says."""

from collections.abc import Callable

import pytest
from sqlalchemy import select

from chirp_auth.accounts import password_reset
from chirp_auth.extensions import db
from chirp_auth.mail import outbox
from chirp_auth.models import OutboxEntry, User
from config import Settings
from tests.conftest import ALICE, TEST_CLIENT
from tests.support.smtp import SmtpServer


@pytest.fixture
def settings(settings: Settings, smtp_server: SmtpServer) -> Settings:
    """The settings of the test, with the mail server of the test."""
    return settings.model_copy(update={"smtp_host": smtp_server.host, "smtp_port": smtp_server.port})


@pytest.fixture
def promise(alice: User) -> Callable[..., None]:
    """Promise so many mails to Alice: notices of a changed password, which no limit holds back."""

    def put(count: int = 1, recipient: str = ALICE) -> None:
        for _ in range(count):
            outbox.put("password_changed", recipient, alice.id, ended=0)
        db.session.commit()

    return put


@pytest.fixture
def ask_for_a_link(alice: User) -> Callable[[], OutboxEntry]:
    """Have Alice ask for a reset link; return its entry."""

    def ask() -> OutboxEntry:
        password_reset.request_link(ALICE, TEST_CLIENT)
        return entries()[-1]

    return ask


def entries() -> list[OutboxEntry]:
    """Return the whole outbox, oldest first, as it is now."""
    db.session.remove()
    return list(db.session.scalars(select(OutboxEntry).order_by(OutboxEntry.created_at)))
