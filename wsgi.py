"""The application for servers, and for `flask --app wsgi …`; a server also gets the mail thread."""

import sys

import click

from chirp_auth import create_app, logs
from chirp_auth.mail import worker
from config import ConfigurationError, load

# Under the `flask` command there is a click context: operators' commands deliver no mail on the side, and only
# what goes wrong is logged between their words.
commanded = click.get_current_context(silent=True) is not None

try:
    settings = load()
except ConfigurationError as error:
    if not commanded:
        raise
    sys.exit("\n".join(["Error: please mend these settings first:", *(f"  - {text}" for text in error.problems)]))
logs.configure(as_json=settings.in_production, only_trouble=commanded)
app = create_app(settings)

if settings.mail_worker == "thread" and not commanded:
    worker.start_thread(app)
