"""A mail server for the tests: it speaks real SMTP, keeps what it receives and fails as real ones do."""

import asyncio
import contextlib
import email
import email.policy
import socket
import ssl
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from email.message import EmailMessage
from functools import partial
from typing import Any, Literal

from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

from tests.support.child import POLL_SECONDS, free_port

Loop = asyncio.AbstractEventLoop
HangUp = Literal["never", "before the answer", "after the answer"]
Command = Literal["RCPT", "DATA"]

CLOSING = "421 4.3.2 Try later, closing the connection"


@dataclass(frozen=True)
class ReceivedMail:
    """One accepted message: who it came from and went to on the envelope, and what it says."""

    sender: str
    recipients: tuple[str, ...]
    message: EmailMessage
    raw: bytes
    encrypted: bool
    signed_in_as: str | None

    @property
    def text(self) -> str:
        part = self.message.get_body(("plain",))
        return part.get_content() if part else ""

    @property
    def html(self) -> str:
        part = self.message.get_body(("html",))
        return part.get_content() if part else ""


@dataclass
class SmtpServer:
    """A server on 127.0.0.1. Set the fields below at any time to make it misbehave from then on."""

    seconds_before_answer: float = 0  # how long it thinks about a message after its last line
    seconds_after_keeping: float = 0  # how long the client then still waits to hear that it was kept
    refused_recipients: set[str] = field(default_factory=set)  # 550 for these addresses
    broken_off_at: dict[str, Command] = field(default_factory=dict)  # 421 for these recipients at this command
    hung_up_on: set[str] = field(default_factory=set)  # for these recipients it ends the connection without a word
    silent_for: set[str] = field(default_factory=set)  # for these it answers nothing any more
    answers_to_senders: list[str] = field(default_factory=list)  # such as "451 Not now": one for each MAIL FROM
    answer_to_data: str | None = None  # such as "451 Try again later": says that, and keeps nothing
    hang_up: HangUp = "never"  # around the answer to a message, which is kept in both cases
    accounts: dict[str, str] = field(default_factory=dict)  # user names and passwords that may sign in
    tls: ssl.SSLContext | None = None
    tls_from_the_start: bool = False  # else by STARTTLS
    port: int = field(default_factory=free_port)
    host: str = "127.0.0.1"
    messages: list[ReceivedMail] = field(default_factory=list)
    deliveries: int = 0  # how often a client got as far as sending a whole message
    _changed: threading.Condition = field(default_factory=threading.Condition, repr=False)
    _loop: Loop | None = field(default=None, repr=False)
    _thread: threading.Thread | None = field(default=None, repr=False)

    def start(self) -> None:
        """Start, or start again on the same port; what it received before is still there."""
        if self._thread is not None:
            return
        listener = socket.create_server((self.host, self.port))
        loop = self._loop = asyncio.new_event_loop()
        started = threading.Event()
        self._thread = threading.Thread(target=self._serve, args=(loop, listener, started), daemon=True)
        self._thread.start()
        started.wait()

    def stop(self) -> None:
        """Close the port and every connection."""
        if self._thread is None or self._loop is None:
            return
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._thread = self._loop = None

    def wait_for(self, count: int = 1, *, seconds: float = 10) -> list[ReceivedMail]:
        """Return all messages as soon as there are `count`; raise `TimeoutError` if that does not happen."""
        with self._changed:
            if not self._changed.wait_for(lambda: len(self.messages) >= count, seconds):
                raise TimeoutError(f"{len(self.messages)} of {count} messages arrived within {seconds:g} s")
            return list(self.messages)

    def clear(self) -> None:
        with self._changed:
            self.messages.clear()
            self.deliveries = 0

    def _serve(self, loop: Loop, listener: socket.socket, started: threading.Event) -> None:
        conversations: set[Conversation] = set()

        def converse() -> Conversation:
            conversation = Conversation(self, loop)
            conversations.add(conversation)
            return conversation

        context = self.tls if self.tls_from_the_start else None
        asyncio.set_event_loop(loop)
        server = loop.run_until_complete(loop.create_server(converse, sock=listener, ssl=context))
        loop.call_soon(started.set)
        loop.run_forever()
        server.close()
        for conversation in conversations:
            conversation.close()
        tasks = asyncio.all_tasks(loop)
        for task in tasks:
            task.cancel()
        loop.run_until_complete(asyncio.gather(*tasks, return_exceptions=True))
        loop.run_until_complete(loop.shutdown_default_executor())
        loop.close()

    def keep(self, mail: ReceivedMail) -> None:
        with self._changed:
            self.messages.append(mail)
            self._changed.notify_all()


class Conversation(SMTP):
    """One client's connection."""

    def __init__(self, server: SmtpServer, loop: Loop) -> None:
        self.closes_after_answer = False
        super().__init__(
            Moods(server),
            hostname="mail.test",
            loop=loop,
            tls_context=None if server.tls_from_the_start else server.tls,
            authenticator=partial(sign_in, server.accounts),
            auth_require_tls=False,
            enable_SMTPUTF8=True,
        )

    @property
    def encrypted(self) -> bool:
        return self.transport is not None and self.transport.get_extra_info("ssl_object") is not None

    def close(self) -> None:
        for transport in (self._original_transport, self.transport):  # the first is below STARTTLS
            # Python 3.11.2 forgets what is below an encrypted transport that was closed twice.
            with contextlib.suppress(AttributeError):
                if isinstance(transport, asyncio.WriteTransport):
                    transport.abort()

    async def push(self, status: Any) -> None:
        await super().push(status)
        if self.closes_after_answer and self.transport is not None:
            self.transport.close()


class Moods:
    """What the server says to a recipient and to a message, as its fields are at that moment."""

    def __init__(self, server: SmtpServer) -> None:
        self.server = server

    async def handle_MAIL(  # noqa: N802 - the library's name
        self, _smtp: SMTP, _session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        if self.server.answers_to_senders:
            return self.server.answers_to_senders.pop(0)
        envelope.mail_from = address
        envelope.mail_options.extend(options)
        return "250 OK"

    async def handle_RCPT(  # noqa: N802 - the library's name
        self, conversation: Conversation, _session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        if self.server.broken_off_at.get(address) == "RCPT":
            conversation.closes_after_answer = True
            return CLOSING
        if address in self.server.hung_up_on:
            conversation.close()
        while address in self.server.silent_for:
            await asyncio.sleep(POLL_SECONDS)
        if address in self.server.refused_recipients:
            return "550 No such mailbox here"
        envelope.rcpt_tos.append(address)
        envelope.rcpt_options.extend(options)
        return "250 OK"

    async def handle_DATA(  # noqa: N802 - the library's name
        self, conversation: Conversation, session: Session, envelope: Envelope
    ) -> str:
        server = self.server
        server.deliveries += 1
        if any(server.broken_off_at.get(recipient) == "DATA" for recipient in envelope.rcpt_tos):
            conversation.closes_after_answer = True
            return CLOSING
        await asyncio.sleep(server.seconds_before_answer)
        if server.answer_to_data:
            return server.answer_to_data
        server.keep(received(conversation, session, envelope))
        kept_at = time.monotonic()
        while time.monotonic() - kept_at < server.seconds_after_keeping:  # asked again: it may have been changed
            await asyncio.sleep(POLL_SECONDS)
        conversation.closes_after_answer = server.hang_up == "after the answer"
        if server.hang_up == "before the answer":
            conversation.close()
        return "250 OK"


def sign_in(accounts: dict[str, str], *question: Any) -> AuthResult:
    login: LoginPassword = question[-1]
    user, password = login.login.decode(), login.password.decode()
    return AuthResult(success=accounts.get(user) == password, handled=False, auth_data=user)


def received(conversation: Conversation, session: Session, envelope: Envelope) -> ReceivedMail:
    raw = envelope.original_content or b""
    message = email.message_from_bytes(raw, policy=email.policy.default)
    assert isinstance(message, EmailMessage)
    return ReceivedMail(
        sender=envelope.mail_from or "",
        recipients=tuple(envelope.rcpt_tos),
        message=message,
        raw=raw,
        encrypted=conversation.encrypted,
        signed_in_as=session.auth_data if session.authenticated else None,
    )


@contextlib.contextmanager
def server(**moods: Any) -> Iterator[SmtpServer]:
    """Yield a running server; `moods` are fields of `SmtpServer`."""
    smtp = SmtpServer(**moods)
    smtp.start()
    try:
        yield smtp
    finally:
        smtp.stop()
