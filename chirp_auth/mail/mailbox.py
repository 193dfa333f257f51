"""The development mailbox: the same messages as in production, kept as files in place of being sent."""

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from email import message_from_bytes
from email.header import decode_header, make_header
from email.policy import default
from functools import lru_cache
from html import unescape
from itertools import takewhile
from pathlib import Path
from types import TracebackType
from typing import Self
from uuid import uuid4

from flask import current_app
from flask_mail import Connection

from chirp_auth.clock import now
from chirp_auth.extensions import settings
from chirp_auth.mail.message import Message

CAPACITY = 200
_LINK = re.compile(r"[a-z][a-z0-9+.-]*://[^\s<>\"']+")
_ID = re.compile(r"\d{8}T\d{12}-[0-9a-f]{8}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Heading:
    """What a list shows of one message."""

    id: str
    to: str
    subject: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Mail:
    """One message, taken apart for reading."""

    id: str
    to: str
    subject: str
    text: str
    html: str
    links: list[str]
    headers: dict[str, str]
    at: datetime


class DevMailbox:
    """Keeps messages in a folder of the database they belong to; the newest 200 stay."""

    is_connected = True  # A folder needs no connection.

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Nothing is kept open."""

    def hang_up(self) -> None:
        """Nothing is kept open."""

    def send(self, message: Message) -> None:
        with _Connection(current_app.extensions["mail"]) as connection:
            connection.send(message)


class _Connection(Connection):
    """Flask-Mail's connection to the folder."""

    def configure_host(self) -> "_Folder":  # type: ignore[override]  # of a client it uses these two methods
        return _Folder()


class _Folder:
    """What stands in for the mail server."""

    def sendmail(self, _sender: str, _recipients: Sequence[str], raw: bytes, *_options: object) -> None:
        folder = _folder()
        folder.mkdir(parents=True, exist_ok=True)
        name = f"{now():%Y%m%dT%H%M%S%f}-{uuid4().hex[:8]}"
        draft = folder / f"{name}.part"
        draft.write_bytes(raw)
        draft.chmod(0o600)
        draft.replace(folder / f"{name}.eml")
        for old in _newest_first()[CAPACITY:]:
            old.unlink(missing_ok=True)

    def quit(self) -> None:
        """There is nothing to end."""


def messages() -> list[Mail]:
    """Return what is in the mailbox, newest first."""
    return [mail for path in _newest_first() if (mail := _read(path))]


def headings() -> list[Heading]:
    """Return what a list shows of the mailbox, newest first; no body is read, which would take two seconds for 200."""
    return [heading for path in _newest_first() if (heading := _heading(path))]


def message(mail_id: str) -> Mail | None:
    """Return one message, or None if there is none of that id."""
    return _read(_path(mail_id)) if _ID.fullmatch(mail_id) else None


def source(mail_id: str) -> bytes | None:
    """Return one message as it would have travelled, or None if there is none of that id."""
    try:
        return _path(mail_id).read_bytes() if _ID.fullmatch(mail_id) else None
    except FileNotFoundError:
        return None


def clear() -> None:
    """Throw all messages away."""
    for path in _newest_first():
        path.unlink(missing_ok=True)


def forget(recipients: Collection[str]) -> None:
    """Throw away the messages to these addresses, which are in lower case."""
    for heading in headings():
        if heading.to.lower() in recipients:
            _path(heading.id).unlink(missing_ok=True)


def _folder() -> Path:
    return settings.beside_database("mailbox")


def _path(mail_id: str) -> Path:
    return _folder() / f"{mail_id}.eml"


def _newest_first() -> list[Path]:
    return sorted((path for path in _folder().glob("*.eml") if _ID.fullmatch(path.stem)), reverse=True)


def _heading(path: Path) -> Heading | None:
    try:
        with path.open("rb") as file:
            head = b"".join(takewhile(lambda line: bytes(line).strip(), file)).decode()
    except FileNotFoundError:
        return None
    # Our own messages: the package that parses any takes longer for one than we have for two hundred.
    lines = re.sub(r"\r?\n[ \t]+", " ", head).splitlines()
    fields = dict(line.split(": ", 1) for line in lines if ": " in line)
    subject = str(make_header(decode_header(fields.get("Subject", ""))))
    return Heading(path.stem, fields.get("To", ""), subject, _sent_at(path))


def _sent_at(path: Path) -> datetime:
    return datetime.strptime(path.stem[:21], "%Y%m%dT%H%M%S%f").replace(tzinfo=UTC)


def _read(path: Path) -> Mail | None:
    try:
        path.stat()
        return _parsed(path)
    except FileNotFoundError:  # cleared by another process since it was listed
        return None


@lru_cache(maxsize=CAPACITY)
def _parsed(path: Path) -> Mail:
    """Return the message in this file, which never changes: whoever polls the mailbox reads each once."""
    parsed = message_from_bytes(path.read_bytes(), policy=default)
    leaves = [part for part in parsed.walk() if not part.is_multipart()]
    parts = {leaf.get_content_type(): leaf.get_content().replace("\r\n", "\n") for leaf in leaves}
    text, html = parts.get("text/plain", ""), parts.get("text/html", "")
    return Mail(
        id=path.stem,
        to=str(parsed["To"]),
        subject=str(parsed["Subject"]),
        text=text,
        html=html,
        links=list(dict.fromkeys(_LINK.findall(text) + _LINK.findall(unescape(html)))),
        headers={name: str(value) for name, value in parsed.items()},
        at=_sent_at(path),
    )
