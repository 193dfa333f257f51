"""What the mails say, read from the raw messages: both parts with the same facts, and nothing that gives away more."""

import re
from collections.abc import Callable
from email import message_from_bytes, policy
from email.message import EmailMessage
from html import unescape

import pytest

from chirp_auth.accounts import password_reset, registration, sessions
from chirp_auth.accounts.registration import Applicant
from chirp_auth.extensions import db
from chirp_auth.mail import mailbox
from chirp_auth.mail.mailbox import Mail
from chirp_auth.models import User
from config import Settings
from tests.conftest import ALICE, MALLORY, NEW_PASSWORD, TEST_CLIENT, on_one_database, token_in

pytestmark = on_one_database

Delivered = Callable[[], list[Mail]]
Read = Callable[[], EmailMessage]
ORIGIN = "https://auth.example.com"


@pytest.fixture
def settings(settings: Settings) -> Settings:
    """The settings of the test, with the development mailbox in place of a mail server."""
    return settings.model_copy(update={"smtp_host": None})


@pytest.fixture
def newest(delivered: Delivered) -> Read:
    """Deliver, and return the newest message parsed from its raw source."""

    def read() -> EmailMessage:
        raw = mailbox.source(delivered()[0].id)
        assert raw is not None
        assert len(raw) < 100_000
        message = message_from_bytes(raw, policy=policy.default)
        assert isinstance(message, EmailMessage)
        return message

    return read


@pytest.fixture
def link_mail(alice: User, newest: Read) -> EmailMessage:
    password_reset.request_link(ALICE, TEST_CLIENT)
    return newest()


@pytest.fixture
def confirmation(alice: User, delivered: Delivered, newest: Read) -> EmailMessage:
    sessions.add(alice, TEST_CLIENT)
    db.session.commit()
    password_reset.request_link(ALICE, TEST_CLIENT)
    password_reset.reset_password(token_in(delivered()[0]), NEW_PASSWORD, NEW_PASSWORD, TEST_CLIENT)
    return newest()


def part(message: EmailMessage, kind: str) -> str:
    body = message.get_body((kind,))
    assert body is not None
    return str(body.get_content()).replace("\r\n", "\n")


def links(text: str) -> list[str]:
    return re.findall(r"[a-z][a-z0-9+.-]*://[^\s<>\"']+", unescape(text))


def test_the_message_is_a_pure_alternative_with_text_first(link_mail: EmailMessage) -> None:
    assert link_mail.get_content_type() == "multipart/alternative"
    assert [piece.get_content_type() for piece in link_mail.iter_parts()] == ["text/plain", "text/html"]
    assert {piece.get_content_charset() for piece in link_mail.iter_parts()} == {"utf-8"}


def test_the_headers_say_who_and_that_a_machine_wrote(link_mail: EmailMessage) -> None:
    assert link_mail["From"] == "Chirpworks <no-reply@auth.example.com>"
    assert link_mail["To"] == ALICE
    assert link_mail["Reply-To"] == "help@example.com"
    assert link_mail["Message-ID"].endswith("@auth.example.com>")
    assert link_mail["Date"].datetime.tzinfo is not None
    assert link_mail["Auto-Submitted"] == "auto-generated"
    assert link_mail["X-Auto-Response-Suppress"] == "All"
    assert link_mail["Content-Language"] == "en"
    assert link_mail["Subject"] == "Password reset for Chirpworks"


def test_both_parts_hold_the_same_link_and_facts(link_mail: EmailMessage) -> None:
    text, html = part(link_mail, "plain"), part(link_mail, "html")

    (link,) = links(text)
    assert link.startswith(f"{ORIGIN}/reset-password?token=")
    assert set(links(html)) == {link}
    facts = (
        "Alice Archer",
        ALICE,
        "1 hour",
        "UTC",
        "once",
        "Firefox",
        "192.0.2.x",
        "Never share",
        "nothing has changed",
    )
    for fact in (*facts, "help@example.com"):
        assert fact in " ".join(text.split())
        assert fact in html
    assert "192.0.2.7" not in text + html


def test_the_link_stands_alone_on_its_line_and_lines_are_short(link_mail: EmailMessage) -> None:
    lines = part(link_mail, "plain").splitlines()

    (link,) = links(part(link_mail, "plain"))
    assert link in lines
    assert max(len(line) for line in lines if line != link) <= 78


def test_the_html_loads_and_runs_nothing(link_mail: EmailMessage) -> None:
    html = part(link_mail, "html")

    assert not re.search(r"<(img|script|link|iframe|object|form)\b", html)
    assert "url(" not in html
    assert "@import" not in html
    assert re.search(r'<td class="button-cell"[^>]*style="[^"]*background', html)
    assert '<html lang="en" dir="ltr">' in html


@pytest.mark.settings(mobile_deep_link="movr://reset-password")
def test_the_app_link_is_in_the_text_alone(link_mail: EmailMessage) -> None:
    assert [link.partition(":")[0] for link in links(part(link_mail, "plain"))] == ["https", "movr"]
    assert {link.partition(":")[0] for link in links(part(link_mail, "html"))} == {"https"}


@pytest.mark.settings(
    frontend_url="https://app.example.com", password_reset_redirect_url="/new-password", app_name="Café & Sons"
)
def test_the_link_goes_to_the_front_end_and_the_name_is_the_setting(link_mail: EmailMessage) -> None:
    assert links(part(link_mail, "plain"))[0].startswith("https://app.example.com/new-password?token=")
    assert link_mail["Subject"] == "Password reset for Café & Sons"
    assert "Café &amp; Sons" in part(link_mail, "html")
    assert "&amp;" not in part(link_mail, "plain")


PUBLISHED = """\
Hello Alice Archer,

Your password has been successfully reset for your Chirpworks account.

If you did not request this password reset, please contact our support team immediately.

For security reasons, we recommend:
- Using a strong, unique password
- Not sharing your password with anyone
- Logging out of any devices you no longer use

Thank you for using Chirpworks.

Best regards,
The Chirpworks Team
"""


def test_the_confirmation_says_what_is_published(confirmation: EmailMessage) -> None:
    assert confirmation["Subject"] == "Password Reset Successful - Chirpworks"
    assert part(confirmation, "plain").startswith(PUBLISHED)


def test_the_html_of_the_confirmation_says_it_too_in_that_order(confirmation: EmailMessage) -> None:
    shown = " ".join(re.sub(r"<[^>]+>", " ", part(confirmation, "html").partition("</head>")[2]).split())

    assert " ".join(PUBLISHED.replace("- ", "").split()) in shown


def test_the_confirmation_tells_when_from_where_and_what_ended(confirmation: EmailMessage) -> None:
    for told in (part(confirmation, "plain"), part(confirmation, "html")):
        assert re.search(r"\d{1,2} \w{3} \d{4}, \d\d:\d\d UTC", told)
        assert "Firefox" in told
        assert "1 other place" in told
        assert "/reset-password" not in told
        assert NEW_PASSWORD not in told
        assert all(link.startswith(ORIGIN) for link in links(told))


NAMES = ["<b>Al</b>", "http://evil.example/x", "Al\r\nBcc: x@example.com", "A" * 100, "{{ 7*7 }}"]


@pytest.mark.parametrize("name", NAMES)
def test_a_name_stays_inert(newest: Read, name: str) -> None:
    registration.register(Applicant(MALLORY, NEW_PASSWORD, name), TEST_CLIENT)

    message = newest()

    text, html = part(message, "plain"), part(message, "html")
    assert message["Bcc"] is None
    assert message["Subject"] == "Confirm your address for Chirpworks"
    assert all(link.startswith(ORIGIN) for link in links(text) + links(html))
    assert "<b>Al" not in html
    assert "49" not in text.partition("\n")[0]
    assert len(text.partition("\n")[0]) <= 100


@pytest.mark.parametrize(
    ("email", "first_name", "last_name", "greeted"),
    [
        ("john.smith@techcorp.com", None, None, "john.smith"),
        ("j@techcorp.com", "J.R.R.", "Tolkien", "J.R.R. Tolkien"),
        ("j@techcorp.com", "Jean-Luc", "O'Neill", "Jean-Luc O'Neill"),
    ],
)
def test_a_mail_greets_by_the_names_or_the_part_before_the_at(
    newest: Read, email: str, first_name: str | None, last_name: str | None, greeted: str
) -> None:
    registration.create(Applicant(email, NEW_PASSWORD, first_name, last_name), TEST_CLIENT)
    password_reset.request_link(email, TEST_CLIENT)

    assert part(newest(), "plain").startswith(f"Hello {greeted},")


@pytest.mark.settings(conceal_accounts=True)
def test_an_owner_hears_of_a_registration_with_their_address(alice: User, newest: Read) -> None:
    registration.register(Applicant(ALICE, NEW_PASSWORD), TEST_CLIENT)

    message = newest()

    assert message["Subject"] == "You already have a Chirpworks account"
    assert links(part(message, "plain")) == [f"{ORIGIN}/login", f"{ORIGIN}/forgot-password"]
    assert set(links(part(message, "html"))) == set(links(part(message, "plain")))
