"""The files of the release that a process reads while it works: read at its start, as an upgrade replaces them.

Until the reload an old process would render the new release's templates, and fail at what it does not have yet.
"""

from flask import Flask

from chirp_auth.languages import LANGUAGES
from chirp_auth.mail import templates
from chirp_auth.runtime import schema

MAILS = "email/"


def read_for_pages(app: Flask) -> None:
    """Compile the templates of all pages, which takes about a second, and look up the revision of this release."""
    with app.app_context():
        schema.newest_revision()
        for name in app.jinja_env.list_templates(filter_func=lambda name: not name.startswith(MAILS)):
            app.jinja_env.get_template(name)


def read_for_mails(app: Flask) -> None:
    """Compile the templates of all mails, in each language."""
    with app.app_context():
        for name in app.jinja_env.list_templates(filter_func=lambda name: name.startswith(MAILS)):
            for language in LANGUAGES:
                templates.template(name, language)
