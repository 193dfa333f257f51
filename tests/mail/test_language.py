"""In which language a mail is: of who asked for it, else what its reader used last."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from babel.support import Translations
from flask.testing import FlaskClient
from flask_babel import get_translations
from sqlalchemy import select

from chirp_auth import languages
from chirp_auth.accounts import password_change, password_reset, sign_in
from chirp_auth.extensions import db
from chirp_auth.http.routing import Application
from chirp_auth.mail import outbox, rendering, templates
from chirp_auth.mail.mailbox import Mail
from chirp_auth.models import User
from chirp_auth.worker import composers
from config import Settings
from tests.conftest import ALICE, MALLORY, NEW_PASSWORD, PASSWORD, TEST_CLIENT, on_one_database
from tests.mail.samples import sample
from tests.support.visitor import post_form

Delivered = Callable[[], list[Mail]]
GERMAN = replace(TEST_CLIENT, language="de")
WORDS = {
    "Hello %(name)s,": "Guten Tag %(name)s,",
    "Hello,": "Guten Tag,",
    "Password reset for %(app_name)s": "Neues Passwort für %(app_name)s",
}

pytestmark = on_one_database


class Dictionary(Translations):
    """A catalog of a few texts."""

    def ugettext(self, text: str) -> str:
        return WORDS.get(text, text)


@pytest.fixture
def settings(settings: Settings) -> Settings:
    """The settings of the test, with the development mailbox in place of a mail server."""
    return settings.model_copy(update={"smtp_host": None})


@pytest.fixture(autouse=True)
def in_german(app: Application, monkeypatch: pytest.MonkeyPatch) -> None:
    """A second language, whatever is translated by now."""
    second = {"en": "English", "de": "Deutsch"}
    monkeypatch.setattr(rendering, "LANGUAGES", second)
    monkeypatch.setattr("chirp_auth.http.language.LANGUAGES", second)
    monkeypatch.setattr(
        templates, "get_translations", lambda: Dictionary() if languages.current() == "de" else get_translations()
    )


def locale() -> str | None:
    db.session.rollback()
    return db.session.scalar(select(User.locale).where(User.email == ALICE))


def test_a_link_is_in_the_language_of_who_asked(alice: User, delivered: Delivered) -> None:
    password_reset.request_link(ALICE, GERMAN)

    mail = delivered()[0]
    assert mail.subject == "Neues Passwort für Chirpworks"
    assert mail.text.startswith("Guten Tag Alice Archer,")
    assert '<html lang="de"' in mail.html
    assert "Guten Tag Alice Archer," in mail.html
    assert mail.headers["Content-Language"] == "de"


def test_one_language_leaves_the_next_mail_alone(app: Application) -> None:
    greetings = [sample("reset_link", language).text.partition(",")[0] for language in ("de", "en", "de")]

    assert greetings == ["Guten Tag Alice Archer", "Hello Alice Archer", "Guten Tag Alice Archer"]


def test_a_language_that_we_do_not_speak_is_the_default(alice: User, delivered: Delivered) -> None:
    password_reset.request_link(ALICE, replace(TEST_CLIENT, language="tlh"))

    assert delivered()[0].headers["Content-Language"] == "en"


ACTS: dict[str, Callable[[], Any]] = {
    "sign-in": lambda: sign_in.sign_in(ALICE, PASSWORD, GERMAN),
    "change": lambda: password_change.change_password_by_email(ALICE, PASSWORD, NEW_PASSWORD, GERMAN),
}


@pytest.mark.parametrize("act", ACTS)
def test_what_was_used_last_is_kept_for_the_next_notice(alice: User, delivered: Delivered, act: str) -> None:
    ACTS[act]()
    assert locale() == "de"

    outbox.put("account_locked", ALICE, alice.id)
    db.session.commit()
    assert {mail.headers["Content-Language"] for mail in delivered() if "guessing" in mail.subject} == {"de"}


def test_a_reset_keeps_it_too(ask: Callable[[], str], delivered: Delivered) -> None:
    password_reset.reset_password(ask(), NEW_PASSWORD, NEW_PASSWORD, GERMAN)

    assert locale() == "de"
    assert delivered()[0].headers["Content-Language"] == "de"


def test_a_request_that_says_nothing_changes_nothing(alice: User) -> None:
    sign_in.sign_in(ALICE, PASSWORD, GERMAN)
    sign_in.sign_in(ALICE, PASSWORD, TEST_CLIENT)

    assert locale() == "de"


def test_the_faces_say_it(client: FlaskClient, delivered: Delivered) -> None:
    german = {"Accept-Language": "de-AT,de;q=0.9,en;q=0.5"}
    body = {"email": MALLORY, "password": PASSWORD}
    assert client.post("/api/v1/auth/register", json=body, headers=german).status_code == 201
    client.set_cookie("language", "de")
    post_form(client, "/forgot-password", email=MALLORY)

    assert {mail.headers["Content-Language"] for mail in delivered()} == {"de"}


def test_the_decoy_is_in_the_language_of_who_asked(app: Application) -> None:
    password_reset.request_link(MALLORY, GERMAN)
    (entry,) = outbox.claim(1)

    assert composers.DECOYS["reset_link"](entry).language == "de"


def test_a_name_is_escaped_in_a_translated_sentence(app: Application) -> None:
    mail = sample("reset_link", "de", name="<b>Al</b> 100%(x)s")

    assert "Guten Tag &lt;b&gt;Al&lt;/b&gt; 100%(x)s," in mail.html
    assert mail.text.startswith("Guten Tag <b>Al</b> 100%(x)s,")
