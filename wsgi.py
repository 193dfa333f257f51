"""The application for servers, and for `flask --app wsgi …`; a server also gets the mail thread."""

import click

from chirp_auth import create_app, logs
from chirp_auth.mail import worker
from config import load

settings = load()
logs.configure(as_json=settings.in_production)
app = create_app(settings)

# Under the `flask` command there is a click context: operators' commands deliver no mail on the side.
if settings.mail_worker == "thread" and click.get_current_context(silent=True) is None:
    worker.start_thread(app)
