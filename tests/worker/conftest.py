"""The worker's tests deliver over the mail server of the test, as those of `tests/mail` do."""

from tests.mail.conftest import ask_for_a_link, promise, settings

__all__ = ["ask_for_a_link", "promise", "settings"]
