"""The SMTP client: smtplib's, with one deadline for all commands of a message, and fewer round trips (RFC 2920)."""

import smtplib
import socket
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from typing import Any

CLOSING = 421  # The server closes the connection after it (RFC 5321, 3.8).
_ACCEPTED, _FORWARDED, _GO_ON = 250, 251, 354


class PunctualSmtp(smtplib.SMTP):
    """SMTP whose commands share one deadline: a server that is slow at each of them must not outlast the lease."""

    def __init__(self, *where: Any, deadline: float, **how: Any) -> None:
        self.deadline = deadline  # of the monotonic clock; each message sets its own
        self.took_sender = False  # Once it is, the message may be on its way.
        super().__init__(*where, **how)

    def sendmail(self, from_addr: str, to_addrs: Sequence[str], msg: Any, *_options: Any) -> dict[str, Any]:
        """Send a message between two bare addresses; MAIL, RCPT and DATA go in one write where the server allows it.

        Raises:
            smtplib.SMTPException: as smtplib's own does.
        """
        (recipient,) = to_addrs
        self.took_sender = False
        size = f" SIZE={len(msg)}" if self.has_extn("size") else ""
        commands = (
            f"MAIL FROM:<{from_addr}>{size}",
            f"RCPT TO:<{recipient}>",
            "DATA",
        )
        replies = self._replies(commands)
        code, words = next(replies)
        if code != _ACCEPTED:
            self._give_up(code, replies)
            raise smtplib.SMTPSenderRefused(code, words, from_addr)
        self.took_sender = True
        code, words = next(replies)
        if code not in (_ACCEPTED, _FORWARDED):
            self._give_up(code, replies)
            raise smtplib.SMTPRecipientsRefused({recipient: (code, words)})
        code, words = next(replies)
        if code == _GO_ON:
            self.send(msg.replace(b"\r\n.", b"\r\n..") + b".\r\n")
            code, words = self.getreply()
        if code != _ACCEPTED:
            self._give_up(code, replies)
            raise smtplib.SMTPDataError(code, words)
        return {}

    def getreply(self) -> tuple[int, bytes]:
        if self.file is None and self.sock:
            self.file = _Lines(self.sock, self.time_left)
        return super().getreply()

    def send(self, s: Any) -> None:
        if self.sock:
            self.sock.settimeout(self.time_left())
        super().send(s)

    def time_left(self) -> float:
        """Return the seconds until the deadline; never nothing, which would mean without end."""
        return max(0.01, self.deadline - time.monotonic())

    def _replies(self, commands: Sequence[str]) -> Iterator[tuple[int, bytes]]:
        """Yield the reply to each command. Without pipelining a command is only sent when its reply is asked for."""
        if self.has_extn("pipelining"):
            self.send("".join(f"{command}\r\n" for command in commands))
            for _ in commands:
                yield self.getreply()
        else:
            for command in commands:
                yield self.docmd(command)

    def _give_up(self, code: int, replies: Iterator[tuple[int, bytes]]) -> None:
        """End a refused message, so that the connection can be used for the next; what fails here closes it."""
        if code == CLOSING:
            self.close()
            return
        with suppress(OSError):
            if self.has_extn("pipelining"):
                for late_code, _ in replies:
                    if late_code == _GO_ON:  # without a recipient: the message is empty (RFC 2920, 3.1)
                        self.send(".\r\n")
                        self.getreply()
            self.docmd("RSET")


class PunctualSmtpTls(PunctualSmtp, smtplib.SMTP_SSL):
    """The same over TLS from the start."""


class _Lines:
    """The server's lines. Each piece that comes has only the time that is left: bytes in drops gain none."""

    def __init__(self, sock: socket.socket, time_left: Callable[[], float]) -> None:
        self._sock, self._time_left = sock, time_left
        self._read = b""

    def readline(self, limit: int) -> bytes:
        while b"\n" not in self._read and len(self._read) < limit:
            self._sock.settimeout(self._time_left())
            piece = self._sock.recv(4096)
            if not piece:
                break
            self._read += piece
        end = min(self._read.find(b"\n") + 1 or len(self._read), limit)
        line, self._read = self._read[:end], self._read[end:]
        return line

    def close(self) -> None:
        """The socket is closed by whoever opened it."""
