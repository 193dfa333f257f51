"""One connection to the SMTP server."""

import smtplib
import ssl
import time
from contextlib import suppress
from functools import lru_cache

from flask import current_app
from flask_mail import Connection

from chirp_auth.extensions import settings
from chirp_auth.mail.smtp_client import PunctualSmtp, PunctualSmtpTls

CONNECT_SECONDS = 10.0
TRUST_SECONDS = 3600.0  # So soon a change of the system's certificates counts.


def _trust() -> ssl.SSLContext:
    """Return whom we trust. Reading the system's certificates takes some 10 ms, so it is done once an hour."""
    paths = ssl.get_default_verify_paths()
    return _read_certificates(paths.cafile, paths.capath, int(time.monotonic() // TRUST_SECONDS))


@lru_cache(maxsize=1)
def _read_certificates(_file: str | None, _folder: str | None, _period: int) -> ssl.SSLContext:
    return ssl.create_default_context()


class CheckedConnection(Connection):
    """Flask-Mail's connection with what it lacks: a deadline, certificate checks, and a quit that cannot fail."""

    def __init__(self, deadline: float) -> None:
        super().__init__(current_app.extensions["mail"])
        self._deadline = deadline

    def configure_host(self) -> PunctualSmtp:
        times = {"timeout": CONNECT_SECONDS, "deadline": self._deadline}
        host: PunctualSmtp
        if settings.smtp_security == "tls":
            host = PunctualSmtpTls(self.mail.server, self.mail.port, context=_trust(), **times)
        else:
            host = PunctualSmtp(self.mail.server, self.mail.port, **times)
        try:
            if settings.smtp_security == "starttls":
                host.starttls(context=_trust())
            if self.mail.username and self.mail.password:
                host.login(self.mail.username, self.mail.password)
            host.ehlo_or_helo_if_needed()  # What fails here fails for every message.
        except BaseException:
            host.close()
            raise
        return host

    @property
    def took_sender(self) -> bool:
        """Whether the server has taken the sender of the message at hand."""
        return isinstance(self.host, PunctualSmtp) and self.host.took_sender

    def begin(self, deadline: float) -> None:
        """Give the next message its time."""
        if isinstance(self.host, PunctualSmtp):
            self.host.deadline = deadline

    def is_alive(self, deadline: float) -> bool:
        """Ask the server whether it still listens."""
        self.begin(deadline)
        with suppress(OSError, smtplib.SMTPException):
            return bool(self.host and self.host.noop()[0] == 250)
        return False

    def close(self) -> None:
        """Say goodbye; a server that hung up already has all the same accepted what it accepted."""
        if self.host is not None:
            with suppress(OSError, smtplib.SMTPException):
                self.host.quit()
