"""The development mailbox: the mails as they would have travelled, in development only."""

from collections.abc import Callable
from email import message_from_bytes

import pytest

from chirp_auth.mail import mailbox
from chirp_auth.mail.mailbox import DevMailbox, Mail
from chirp_auth.mail.message import Message, encoded
from chirp_auth.models import User
from tests.conftest import ALICE, on_one_database
from tests.web.conftest import Visitor, words

pytestmark = on_one_database

Delivered = Callable[[], list[Mail]]
PATHS = ("/dev/mailbox", "/dev/mailbox.json", "/dev/mailbox/x", "/dev/mailbox/x/html", "/dev/mailbox/x.eml")
PRODUCTION = {
    "app_env": "production",
    "bcrypt_cost": 10,
    "smtp_host": "localhost",
}


@pytest.fixture
def mail(visitor: Visitor, alice: User, delivered: Delivered) -> Mail:
    visitor.send("/forgot-password", email=ALICE)
    return delivered()[0]


def test_the_list_is_json_as_published(visitor: Visitor, mail: Mail) -> None:
    (item,) = visitor.open("/dev/mailbox.json").get_json()

    assert list(item) == ["id", "to", "subject", "text", "html", "links", "headers", "at"]
    assert (item["to"], item["subject"]) == (ALICE, "Password reset for Chirpworks")
    assert item["links"] == [link for link in item["links"] if link in item["text"]]
    assert item["links"][0].startswith("https://auth.example.com/reset-password?token=")
    assert item["headers"]["To"] == ALICE
    assert item["at"].endswith("Z")


def test_the_newest_comes_first(visitor: Visitor, mail: Mail, delivered: Delivered) -> None:
    visitor.send("/forgot-password", email=ALICE)
    delivered()

    items = visitor.open("/dev/mailbox.json").get_json()

    assert [item["id"] for item in items] == sorted((item["id"] for item in items), reverse=True)
    assert items[1]["id"] == mail.id


def test_a_message_shows_its_text_links_headers_and_source(visitor: Visitor, mail: Mail) -> None:
    page = visitor.open(f"/dev/mailbox/{mail.id}")

    assert mail.subject in words(page)
    assert f'<a href="{mail.links[0]}">' in page.text
    assert mail.headers["Message-ID"] in words(page)
    assert 'sandbox=""' in page.text
    raw = visitor.open(f"/dev/mailbox/{mail.id}.eml")
    assert message_from_bytes(raw.data)["Message-ID"] == mail.headers["Message-ID"]


def test_the_html_part_runs_and_loads_nothing(visitor: Visitor, mail: Mail) -> None:
    policy = visitor.open(f"/dev/mailbox/{mail.id}/html").headers["Content-Security-Policy"]

    assert "default-src 'none'" in policy
    assert "sandbox" in policy
    assert "script-src" not in policy


@pytest.mark.parametrize(
    "tricky", ["..", "..%2f..%2fsecret-key", "%00", "*", "20261121T000000000000-00000000", "a" * 999]
)
def test_an_id_that_is_none_is_not_found(visitor: Visitor, mail: Mail, tricky: str) -> None:
    for path in (f"/dev/mailbox/{tricky}", f"/dev/mailbox/{tricky}/html", f"/dev/mailbox/{tricky}.eml"):
        assert visitor.open(path).status_code == 404


def test_all_can_be_thrown_away(visitor: Visitor, mail: Mail) -> None:
    assert visitor.client.post("/dev/mailbox/clear").status_code == 400

    visitor.send("/dev/mailbox/clear", on="/dev/mailbox")

    assert "No mail yet" in words(visitor.open("/dev/mailbox"))


def test_the_newest_two_hundred_stay(visitor: Visitor, mail: Mail) -> None:
    raw = mailbox.source(mail.id)
    assert raw is not None
    message = Message("no-reply@example.com", ALICE, raw)
    for _ in range(mailbox.CAPACITY):
        DevMailbox().send(message)

    kept = mailbox.messages()

    assert len(kept) == mailbox.CAPACITY
    assert mailbox.message(mail.id) is None


def test_the_list_reads_no_body(visitor: Visitor) -> None:
    unreadable = b"Content-Type: text/plain; charset=none-such\r\n\r\nx"
    subject = encoded("Grüße, und zwar so viele, dass die Zeile des Betreffs gebrochen werden muss", "Subject")
    head = f"Subject: {subject}\r\nTo: {ALICE}\r\n".encode()
    DevMailbox().send(Message("no-reply@example.com", ALICE, head + unreadable))

    (heading,) = mailbox.headings()
    page = words(visitor.open("/dev/mailbox"))

    assert heading.subject == "Grüße, und zwar so viele, dass die Zeile des Betreffs gebrochen werden muss"
    assert heading.subject in page
    assert f"To {ALICE}" in page


def test_a_mail_that_was_thrown_away_is_gone_at_once(visitor: Visitor, mail: Mail) -> None:
    assert mailbox.message(mail.id) == mail

    mailbox.forget({ALICE})

    assert mailbox.message(mail.id) is None
    assert mailbox.messages() == []
    assert mailbox.headings() == []


@pytest.mark.settings(smtp_host="127.0.0.1")
@pytest.mark.parametrize("path", PATHS)
def test_with_a_mail_server_there_is_none(visitor: Visitor, path: str) -> None:
    assert visitor.open(path).status_code == 404
    assert "mailbox" not in visitor.open("/forgot-password").text


@pytest.mark.settings(**PRODUCTION)
@pytest.mark.parametrize("path", PATHS)
def test_in_production_there_is_none(visitor: Visitor, path: str) -> None:
    assert visitor.open(path).status_code == 404
    assert "mailbox" not in visitor.open("/forgot-password").text
