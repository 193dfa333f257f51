"""The message as it travels: bytes made directly, as the `email` package takes 7 ms for what takes a tenth of one."""

from binascii import b2a_qp
from dataclasses import dataclass
from email.header import Header

from flask_mail import Message as FlaskMailMessage

_LONGEST_PLAIN_VALUE = 60  # Longer words are folded: lines stay below 78 characters (RFC 5322, 2.1.1).


@dataclass(eq=False)
class Message(FlaskMailMessage):
    """A finished message with its envelope, in the shape that Flask-Mail's connection sends.

    Flask-Mail's own constructor is not called: it asks the resolver for this machine's name, for a Message-ID.
    """

    sender: str | tuple[str, str]  # a bare address, as in the envelope
    recipient: str
    raw: bytes

    def __post_init__(self) -> None:
        # With a name beside it, if an empty one, Flask-Mail does not parse an address once more.
        self.sender, self.recipients = ("", str(self.sender)), [("", self.recipient)]
        self.subject, self.reply_to, self.date, self.cc, self.bcc = "", None, 0.0, [], []
        self.mail_options, self.rcpt_options = [], []

    def as_bytes(self) -> bytes:
        return self.raw


def to_bytes(headers: dict[str, str], text: str, html: str, language: str) -> bytes:
    """Return a pure multipart/alternative in UTF-8, text first. The headers are encoded and folded already.

    Raises:
        ValueError: a header has a line break, with which a stranger could add others.
    """
    for name, value in headers.items():
        if {"\r", "\n"} & set(value.replace("\r\n ", "")):
            raise ValueError(f"a line break in {name}")
    head = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    head += "MIME-Version: 1.0\r\n"
    head += 'Content-Type: multipart/alternative; boundary="=_alternative"\r\n'  # No encoded part holds "=_".
    head += f"Content-Language: {language}\r\n\r\n"
    return b"".join((head.encode(), _part("plain", text), _part("html", html), b"--=_alternative--\r\n"))


def encoded(text: str, header: str) -> str:
    """Return words for a header: folded if they are long, as encoded words where they are not ASCII (RFC 2047)."""
    is_plain = text.isascii() and "=?" not in text
    if is_plain and len(text) <= _LONGEST_PLAIN_VALUE:
        return text
    return Header(text, "us-ascii" if is_plain else "utf-8", header_name=header).encode(linesep="\r\n")


def _part(subtype: str, content: str) -> bytes:
    body = content.replace("\r\n", "\n").replace("\n", "\r\n").encode()
    return (
        (
            f'--=_alternative\r\nContent-Type: text/{subtype}; charset="utf-8"\r\n'
            "Content-Transfer-Encoding: quoted-printable\r\n\r\n"
        ).encode()
        + b2a_qp(body, istext=True)
        + b"\r\n"
    )
