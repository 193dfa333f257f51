"""The application for servers, and for `flask --app wsgi …`; a server also gets the mail thread."""

import gc
import sys

# Nothing that starting makes becomes garbage: looking for some meanwhile is a tenth of the start, and looking at
# all of it again and again would be a part of every request.
gc.disable()

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

gc.freeze()
gc.enable()
