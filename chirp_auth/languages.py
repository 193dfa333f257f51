"""The languages of pages and mails. The JSON face, the command line and the logs speak English.

The functions are Flask-Babel's with types. `babel.cfg` says where the texts are found.
"""

from typing import Any

import flask_babel

DEFAULT = "en"
LANGUAGES = {"en": "English"}  # Each by its own name, as people look for it.


def current() -> str:
    """Return the language of this page or mail, one of LANGUAGES."""
    return str(flask_babel.get_locale() or DEFAULT)


def gettext(text: str, **values: Any) -> str:
    """Return the text in the current language, with `%(name)s` filled in."""
    return str(flask_babel.gettext(text, **values))


def ngettext(singular: str, plural: str, num: int, **values: Any) -> str:
    """Return the form of the text that goes with the number, which it has as `%(num)s`."""
    return str(flask_babel.ngettext(singular, plural, num, **values))


def lazy_gettext(text: str, **values: Any) -> str:
    """Return the text in the language that is current when it is shown: for what is written before a request."""
    lazy: str = flask_babel.lazy_gettext(text, **values)  # It is not a str, but becomes one wherever it is shown.
    return lazy
