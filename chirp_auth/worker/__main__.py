"""`python -m chirp_auth.worker`: the worker that the server starts. An operator's is `flask --app wsgi auth worker`."""

import gc

from chirp_auth import create_app
from chirp_auth.runtime import logs, release_files
from chirp_auth.worker import process
from config import load


def main() -> None:
    """Deliver mail for as long as the server that started this process lives."""
    settings = load()
    logs.configure(as_json=settings.in_production)
    app = create_app(settings, with_commands=False)
    if settings.in_production:
        release_files.read_for_mails(app)
    gc.freeze()  # It lives for as long as the process: collections need not look at it.
    process.run_beside_server(app)


if __name__ == "__main__":
    main()
