"""The languages of pages and mails. The JSON face, the command line and the logs speak English.

The functions are Flask-Babel's with types. `docs/languages.md` says how a text gets into the catalogues.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Self

import flask_babel
from flask_babel.speaklater import LazyString
from markupsafe import escape

DEFAULT = "en"
LANGUAGES = {"en": "English", "de": "Deutsch"}  # Each by its own name, as people look for it.


class Sentence(str):
    """An English sentence that pages show in other languages too: it remembers how it was made."""

    template: str
    plural: str | None
    values: dict[str, Any]

    def __new__(cls, template: str, **values: Any) -> Self:
        """Return the template with `%(name)s` filled in."""
        sentence = super().__new__(cls, template % values if values else template)
        sentence.template, sentence.plural, sentence.values = template, None, values
        return sentence

    @classmethod
    def counted(cls, singular: str, plural: str, num: int) -> Self:
        """Return the form of the sentence that goes with the number, which it has as `%(num)s`."""
        sentence = cls(singular if num == 1 else plural, num=num)
        sentence.template, sentence.plural = singular, plural
        return sentence


class _LazyText(LazyString):  # type: ignore[misc]  # Flask-Babel has no types
    def __html__(self) -> str:
        """Escape it as any text: Flask-Babel's own would put the values into a page as they are."""
        return str(escape(str(self)))


def current() -> str:
    """Return the language of this page or mail, one of LANGUAGES."""
    return str(flask_babel.get_locale() or DEFAULT)


@contextmanager
def speaking(language: str | None) -> Iterator[None]:
    """Let the block speak this language; the default where it is none of LANGUAGES."""
    with flask_babel.force_locale(language if language in LANGUAGES else DEFAULT):
        yield


def gettext(text: str, **values: Any) -> str:
    """Return the text in the current language, with `%(name)s` filled in."""
    return str(flask_babel.gettext(text, **values))


def ngettext(singular: str, plural: str, num: int, **values: Any) -> str:
    """Return the form of the text that goes with the number, which it has as `%(num)s`."""
    return str(flask_babel.ngettext(singular, plural, num, **values))


def lazy_gettext(text: str, **values: Any) -> str:
    """Return the text in the language that is current when it is shown: for what is written before a request."""
    lazy: str = _LazyText(gettext, text, **values)  # It is not a str, but becomes one wherever it is shown.
    return lazy


def translated(sentence: str) -> str:
    """Return the sentence of an error in the current language, or as it is if the catalogue has none."""
    if isinstance(sentence, Sentence):
        if sentence.plural:
            return ngettext(sentence.template, sentence.plural, **sentence.values)
        return gettext(sentence.template, **sentence.values)
    return gettext(sentence) if sentence else sentence
