"""Nothing on a page or in a mail is said in words that no catalogue has.

The catalogue here is of no language: it puts each of its texts in brackets, and what people read is to be in them.
"""

import ast
import re
from collections.abc import Iterator
from email import message_from_bytes, policy
from functools import cache
from html import unescape

import pytest
from babel.support import NullTranslations
from flask_babel import Domain

from chirp_auth.http.routing import Application
from chirp_auth.languages import LANGUAGES, speaking
from chirp_auth.web.gallery.mails import MAILS
from chirp_auth.web.gallery.pages import PAGES
from chirp_auth.web.gallery.samples import EMAIL, OTHER, SLIP
from scripts import messages
from scripts.messages import ROOT
from tests.conftest import on_one_database
from tests.web.conftest import Tab, Visitor

SAID_TO_PEOPLE = ("title", "alt", "placeholder", "aria-label", r"data-[a-z-]+")
NO_WORDS = ("data-strength", "data-repeats", "data-wait", "data-downloads", "data-options", "data-passkey")
# What stands for itself in every language: names, addresses and values.
NAMES = {
    *("Chirpworks", "Ada Lovelace", "Ada", "Lovelace", "help@example.com", "+919876543210", "203.0.113.x", "K7QP-4M2X"),
    *(
        EMAIL,
        OTHER,
        SLIP,
        "Telephone",
        "Security key in the drawer",
        "Firefox",
        "Linux",
        "Hello Ada",
        "To",
        "Password reset for Chirpworks",
    ),
    *LANGUAGES.values(),
}


class Bracketed(NullTranslations):
    """A catalogue that has every text of the code, in brackets."""

    def gettext(self, message: str) -> str:
        return f"⟦{message}⟧" if message in known() else message

    def ngettext(self, msgid1: str, msgid2: str, n: int) -> str:
        return self.gettext(msgid1) if n == 1 else f"⟦{msgid2}⟧" if msgid1 in known() else msgid2

    ugettext, ungettext = gettext, ngettext


@cache
def known() -> frozenset[str]:
    return frozenset(message.id if isinstance(message.id, str) else message.id[0] for message in messages.extracted())


@pytest.fixture
def visitor(app: Application, monkeypatch: pytest.MonkeyPatch) -> Visitor:
    monkeypatch.setattr(Domain, "get_translations", lambda _domain: Bracketed())
    return Visitor(Tab(app, app.response_class))


def outside(text: str) -> str:
    """Return the words that stand in no bracket, without those that stand for themselves."""
    text = " ".join(unescape(text).split())
    while (shorter := re.sub(r"⟦[^⟦⟧]*⟧", " ", text)) != text:
        text = shorter
    for name in sorted(NAMES, key=len, reverse=True):
        text = text.replace(name, " ")
    return re.sub(r"\b(https?|movr)://\S+|\d+\. \w+\.? \d{4}, \d\d:\d\d UTC", " ", text)


def letters(text: str) -> list[str]:
    return re.findall(r"[^\W\d_]{2,}", outside(text))


def read_out(html: str) -> Iterator[str]:
    """Yield what a page says: its text as one, and each attribute that people or scripts read."""
    html = re.sub(r"<(style|script|svg|time|pre|code)\b.*?</\1>|<!--.*?-->", " ", html, flags=re.DOTALL)
    yield re.sub(r"<[^>]*>", " ", html)
    for name, value in re.findall(rf'\s({"|".join(SAID_TO_PEOPLE)})="([^"]*)"', html):
        if name not in NO_WORDS:
            yield value


@on_one_database
def test_every_word_of_a_page_is_in_the_catalogue(visitor: Visitor) -> None:
    for name in PAGES:
        answer = visitor.client.get(f"/dev/gallery/{name}?language=de")
        assert "⟦" in answer.text
        assert [letters(text) for text in read_out(answer.text) if letters(text)] == [], name


@on_one_database
def test_every_word_of_a_mail_is_in_the_catalogue(app: Application, visitor: Visitor) -> None:
    for name, sample in MAILS.items():
        html = visitor.client.get(f"/dev/gallery/{name}?language=de").text
        text = visitor.client.get(f"/dev/gallery/{name}.txt?language=de").text
        with app.app_context(), speaking("de"):
            raw = sample.message().as_bytes()
        subject = str(message_from_bytes(raw, policy=policy.default)["Subject"])
        assert "⟦" in text
        assert [letters(part) for part in (*read_out(html), text, subject) if letters(part)] == [], name


def test_every_sentence_in_the_code_of_the_pages_is_in_the_catalogue() -> None:
    found = {}
    for path in sorted((ROOT / "chirp_auth" / "web").rglob("*.py")):
        if "gallery" not in path.parts:
            found[path.name] = list(bare_sentences(ast.parse(path.read_text(encoding="utf-8"))))
    assert {name: texts for name, texts in found.items() if texts} == {}
    assert found.keys() >= {"sign_in.py", "not_me.py"}


def bare_sentences(node: ast.AST) -> Iterator[str]:
    """Yield the texts that begin as a sentence, are no docstring and in no call that takes them to the catalogue."""
    if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
        return
    if isinstance(node, ast.Call) and ast.unparse(node.func) in {"_", "gettext", "lazy_gettext", "ngettext"}:
        return
    if isinstance(node, ast.Constant) and re.match(r"[A-Z][A-Za-z]* [a-z]", str(node.value)):
        yield str(node.value)
    for child in ast.iter_child_nodes(node):
        yield from bare_sentences(child)
