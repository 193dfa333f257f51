"""The catalogues: complete, and the compiled form is the one of the text that translators write."""

import ast
import inspect
import re
from collections.abc import Iterator
from gettext import GNUTranslations
from io import BytesIO

import pytest
from babel.messages.catalog import Message

from chirp_auth import errors
from chirp_auth.errors import AuthError
from chirp_auth.languages import Sentence
from scripts import messages
from scripts.messages import ROOT

LANGUAGES = messages.translated_languages()
ONLY_FOR_PROGRAMS_AND_OPERATORS = {
    errors.UserNotFound,
    errors.AccountLocked,
    errors.TooManyMails,
    errors.EmailReserved,
    errors.UnsupportedMediaType,
    errors.MalformedJson,
    errors.EmptyBody,
}
PLACEHOLDER = re.compile(r"%\(\w+\)[sd]")


def forms(text: str | tuple[str, ...] | list[str] | None) -> tuple[str, ...]:
    return (text or "",) if text is None or isinstance(text, str) else tuple(text)


def translations(language: str) -> list[Message]:
    found = [message for message in messages.read(language) if message.id]
    assert found
    return found


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_catalogue_has_exactly_the_texts_in_the_code(language: str) -> None:
    texts = {message.id for message in messages.extracted() if message.id}

    assert {message.id for message in translations(language)} == texts, "run: make messages"


@pytest.mark.parametrize("language", LANGUAGES)
def test_nothing_is_missing_or_fuzzy(language: str) -> None:
    assert [message.id for message in messages.untranslated(messages.read(language))] == []


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_compiled_catalogue_is_that_of_the_text(language: str) -> None:
    assert messages.path(language, "mo").read_bytes() == messages.mo(
        messages.updated(language, messages.extracted())
    ), "run: make messages"


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_translation_has_the_values_and_the_markup_of_its_text(language: str) -> None:
    for message in translations(language):
        singular, plural = forms(message.id)[0], forms(message.id)[-1]
        for form in forms(message.string):
            assert set(PLACEHOLDER.findall(form)) <= set(PLACEHOLDER.findall(plural)), message.id
            assert set(PLACEHOLDER.findall(singular)) - {"%(num)s", "%(count)s"} <= set(PLACEHOLDER.findall(form))
            assert sorted(re.findall(r"</?\w+", form)) == sorted(re.findall(r"</?\w+", plural)), message.id


def test_german_speaks_to_people_politely_and_in_its_own_quotes() -> None:
    for message in translations("de"):
        for form in forms(message.string):
            assert not re.search(r"\b([Dd]u|[Dd]ir|[Dd]ich|[Dd]ein\w*)\b", form), form
            assert '"' not in re.sub(r"<[^>]*>", "", form), form


def test_every_refusal_that_a_page_can_show_can_be_translated() -> None:
    refusals: list[type[AuthError]] = [AuthError, *subclasses(AuthError)]
    for refusal in refusals:
        if refusal not in ONLY_FOR_PROGRAMS_AND_OPERATORS:
            assert isinstance(refusal.sentence, Sentence), refusal.__name__


def test_no_rule_refuses_in_words_that_cannot_be_translated() -> None:
    refusals = {name for name, kind in inspect.getmembers(errors, inspect.isclass) if issubclass(kind, AuthError)}
    seen = 0
    for folder in ("accounts", "security", "web"):
        for path in (ROOT / "chirp_auth" / folder).rglob("*.py"):
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                if isinstance(node, ast.Call) and ast.unparse(node.func).rpartition(".")[2] in refusals:
                    seen += 1
                    assert [text for argument in node.args for text in bare_texts(argument)] == [], path.name
    assert seen > 5


def bare_texts(node: ast.AST) -> Iterator[str]:
    """Yield the words in an expression that no `Sentence` or `gettext` has marked."""
    if isinstance(node, ast.Call) and ast.unparse(node.func) in ("Sentence", "Sentence.counted", "_"):
        return
    if isinstance(node, ast.JoinedStr) or (isinstance(node, ast.Constant) and re.search(r"[a-z] ", str(node.value))):
        yield ast.unparse(node)
    for child in ast.iter_child_nodes(node):
        yield from bare_texts(child)


def subclasses(kind: type[AuthError]) -> list[type[AuthError]]:
    return [each for child in kind.__subclasses__() for each in (child, *subclasses(child))]


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_compiled_catalogue_can_be_read(language: str) -> None:
    read = GNUTranslations(BytesIO(messages.path(language, "mo").read_bytes()))

    assert read.gettext("Sign in") != "Sign in"
