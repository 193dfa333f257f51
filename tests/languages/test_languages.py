"""The language of a page: what was chosen, else what the browser asks for; and that of a mail: what was used last."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from email import message_from_bytes

import pytest

from chirp_auth.accounts import password_reset, preferred_language
from chirp_auth.extensions import db
from chirp_auth.formatting import in_words, when
from chirp_auth.http.routing import Application
from chirp_auth.languages import Sentence, lazy_gettext, speaking, translated
from chirp_auth.mail import mailbox
from chirp_auth.mail.mailbox import Mail
from chirp_auth.models import User
from tests.conftest import ALICE, MALLORY, PASSWORD, TEST_CLIENT, on_one_database
from tests.web.conftest import Tab, Visitor, words

Delivered = Callable[[], list[Mail]]
GERMAN = {"Accept-Language": "de-AT,de;q=0.9,en;q=0.8"}


@pytest.fixture
def visitor(app: Application) -> Visitor:
    return Visitor(Tab(app, app.response_class))


def language_of(visitor: Visitor, path: str = "/login", **headers: str) -> str:
    answer = visitor.client.get(path, headers=headers)
    language = answer.headers["Content-Language"]
    assert f'<html lang="{language}"' in answer.text
    return language


@on_one_database
def test_a_page_speaks_what_the_browser_asks_for(visitor: Visitor) -> None:
    assert language_of(visitor) == "en"
    assert language_of(visitor, **GERMAN) == "de"
    assert language_of(visitor, **{"Accept-Language": "fr, de;q=0.5"}) == "de"
    assert language_of(visitor, **{"Accept-Language": "fr"}) == "en"
    answer = visitor.client.get("/login", headers=GERMAN)
    assert {"Accept-Language", "Cookie"} <= set(answer.vary.to_header().split(", "))


@on_one_database
def test_the_choice_counts_more_and_leads_back_to_the_page(visitor: Visitor) -> None:
    answer = visitor.send("/language", on="/forgot-password", language="de", page="/forgot-password")

    assert (answer.status_code, answer.location) == (303, "/forgot-password")
    assert language_of(visitor) == "de"
    visitor.send("/language", on="/login", language="en", page="/login")
    assert language_of(visitor, **GERMAN) == "en"


@on_one_database
def test_the_foot_of_a_page_names_its_own_path_and_the_other_languages(visitor: Visitor) -> None:
    page = visitor.open("/forgot-password").text

    assert '<input type="hidden" name="page" value="/forgot-password">' in page
    assert '<button type="submit" name="language" value="de" lang="de">Deutsch</button>' in page
    assert 'value="en" lang="en"' not in page


@on_one_database
def test_a_page_that_reads_no_cookie_offers_no_choice(visitor: Visitor) -> None:
    answer = visitor.open("/api/docs")

    assert answer.status_code == 200
    assert 'name="language"' not in answer.text


@on_one_database
@pytest.mark.parametrize(
    "elsewhere", ["https://evil.example/", "//evil.example", "///evil.example/login", "/\\evil.example", "", "/logout"]
)
def test_the_choice_leads_nowhere_else(visitor: Visitor, elsewhere: str) -> None:
    answer = visitor.send("/language", on="/login", language="de", page=elsewhere)

    assert (answer.status_code, answer.location) == (303, "/")


@on_one_database
def test_another_site_chooses_nothing(visitor: Visitor) -> None:
    assert visitor.client.post("/language", data={"language": "de"}).status_code == 400
    assert language_of(visitor) == "en"


@on_one_database
@pytest.mark.parametrize("unknown", ["fr", "", "de<script>", "../de"])
def test_a_language_that_is_none_is_not_kept(visitor: Visitor, unknown: str) -> None:
    assert visitor.send("/language", on="/login", language=unknown, page="/login").location == "/login"
    assert visitor.client.get_cookie("language") is None


@on_one_database
@pytest.mark.settings(app_env="production", bcrypt_cost=10, smtp_host="localhost")
def test_the_cookie_is_as_safe_as_the_others(visitor: Visitor) -> None:
    secure = {"wsgi.url_scheme": "https"}
    page = visitor.client.get("/login", environ_overrides=secure)
    token = page.text.partition('name="csrf_token"')[2].partition('value="')[2].partition('"')[0]
    answer = visitor.client.post(
        "/language", data={"csrf_token": token, "language": "de", "page": "/login"}, environ_overrides=secure
    )

    cookie = next(header for header in answer.headers.getlist("Set-Cookie") if "language=" in header)
    assert cookie.startswith("__Host-language=de;")
    assert all(word in cookie for word in ("Secure", "HttpOnly", "Path=/", "SameSite=Lax"))


@on_one_database
def test_the_json_face_speaks_english(visitor: Visitor) -> None:
    answer = visitor.client.post("/api/v1/auth/login", json={"email": ALICE, "password": "x"}, headers=GERMAN)

    assert answer.get_json()["detail"] == "The email address or the password is not right."
    assert "Content-Language" not in answer.headers


@on_one_database
def test_times_and_spans_are_in_the_language(app: Application) -> None:
    moment = datetime(2026, 9, 20, 20, 7, tzinfo=UTC)

    assert when(moment) == "20 Sep 2026, 20:07 UTC"
    assert in_words(timedelta(days=1, hours=2)) == "1 day 2 hours"
    with speaking("de"):
        assert when(moment) == "20. Sept. 2026, 20:07 UTC"
        assert in_words(timedelta(days=1, hours=2)) == "1 Tag 2 Stunden"
        assert in_words(timedelta(minutes=4)) == "4 Minuten"
    assert in_words(59.2) == "1 minute"


@on_one_database
def test_a_sentence_of_a_rule_is_english_and_can_be_translated(app: Application) -> None:
    sentence = Sentence("Password must be at least %(least)s characters long", least=8)

    assert sentence == "Password must be at least 8 characters long"
    assert translated("") == ""
    assert translated("nobody has translated this") == "nobody has translated this"
    with speaking("de"):
        assert "8 Zeichen" in translated(sentence)
    with speaking("xx"):
        assert translated(sentence) == sentence


@on_one_database
def test_what_is_said_later_is_escaped_like_any_text(app: Application) -> None:
    later = lazy_gettext("Too many attempts. Please try again in %(wait)s.", wait="<script>")

    assert "&lt;script&gt;" in app.jinja_env.from_string("{% autoescape true %}{{ later }}{% endautoescape %}").render(
        later=later
    )


def test_mails_speak_what_their_reader_used_last(visitor: Visitor, alice: User, delivered: Delivered) -> None:
    def language_of_newest() -> str:
        password_reset.request_link(ALICE, TEST_CLIENT)
        raw = mailbox.source(delivered()[0].id)
        assert raw is not None
        message = message_from_bytes(raw)
        assert f'<html lang="{message["Content-Language"]}"' in mailbox.messages()[0].html
        return str(message["Content-Language"])

    assert language_of_newest() == "en"
    visitor.client.post("/login", headers=GERMAN)  # Nobody signed in, so nothing is known.
    assert language_of_newest() == "en"
    visitor.send("/language", on="/login", language="de", page="/login")
    visitor.sign_in()
    assert language_of_newest() == "de"


def test_whoever_registers_is_written_to_in_the_language_of_the_page(visitor: Visitor, delivered: Delivered) -> None:
    visitor.send("/language", on="/login", language="de", page="/login")
    visitor.send("/register", email=MALLORY, password=PASSWORD)

    assert delivered()[0].headers["Content-Language"] == "de"


@on_one_database
def test_an_app_that_asks_for_a_language_gets_its_mails_in_it(visitor: Visitor, delivered: Delivered) -> None:
    visitor.client.post("/api/v1/auth/register", json={"email": MALLORY, "password": PASSWORD}, headers=GERMAN)

    assert delivered()[0].headers["Content-Language"] == "de"


@on_one_database
def test_the_language_is_changed_where_somebody_is_signed_in(visitor: Visitor, alice: User) -> None:
    visitor.sign_in()
    visitor.send("/language", on="/", language="de", page="/")

    db.session.refresh(alice)
    assert alice.locale == "de"
    preferred_language.remember(alice, "en")
    assert alice.locale == "en"


@on_one_database
def test_a_refused_form_is_refused_in_the_language(visitor: Visitor) -> None:
    visitor.send("/language", on="/login", language="de", page="/login")

    answer = visitor.send("/register", email=MALLORY, password="short", phone_number="x")

    assert "Telefonnummer" in words(answer)
    assert "not a phone number" not in words(answer)
