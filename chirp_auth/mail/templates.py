"""The templates of mails, in an environment for each language.

Flask-Babel looks the language up for each text anew, which costs three times as much as all else in a mail.
"""

from typing import Any

from flask import current_app
from flask_babel import force_locale, get_translations
from jinja2 import Environment, Template, pass_eval_context
from jinja2.nodes import EvalContext
from markupsafe import Markup

from chirp_auth.extensions import settings


def template(name: str, language: str) -> Template:
    """Return a template whose texts are in this language."""
    environments: dict[str, Environment] = current_app.extensions.setdefault("mail_environments", {})
    if language not in environments:
        environments[language] = _environment(language)
    return environments[language].get_template(name)


def _environment(language: str) -> Environment:
    with force_locale(language):
        translations = get_translations()

    @pass_eval_context
    def gettext(context: EvalContext, text: str, **values: Any) -> str:
        return _filled(context, translations.ugettext(text), values)

    @pass_eval_context
    def ngettext(context: EvalContext, singular: str, plural: str, num: int, **values: Any) -> str:
        return _filled(context, translations.ungettext(singular, plural, num), {"num": num, **values})

    environment = current_app.jinja_env.overlay()
    environment.globals = {
        **environment.globals,
        "_": gettext,
        "gettext": gettext,
        "ngettext": ngettext,
        "language": language,
        "app_name": settings.app_name,
        "support_email": settings.support_email,
        "public_url": settings.public_url,
    }
    return environment


def _filled(context: EvalContext, text: str, values: dict[str, Any]) -> str:
    """Fill the values in, as Jinja's newstyle gettext does: in HTML they are escaped."""
    return (Markup(text) if context.autoescape else text) % values  # noqa: S704 - our own text
