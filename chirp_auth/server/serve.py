"""The server: checks the settings and the port, migrates, says where everything is, and serves."""

import errno
import gc
import multiprocessing
import os
import signal
import socket
import sys
import threading
from collections.abc import Callable
from contextlib import ExitStack
from tempfile import TemporaryDirectory

import structlog
from granian import Granian
from granian.constants import HTTPModes, Interfaces, Loops
from granian.http import HTTP1Settings
from granian.log import LogLevels
from sqlalchemy.exc import SQLAlchemyError

from chirp_auth import create_app
from chirp_auth.admin import demo_accounts
from chirp_auth.extensions import db
from chirp_auth.runtime import cpu_affinity, health, logs, metrics_endpoint, release_files, schema, settings_text
from chirp_auth.runtime.version import VERSION
from chirp_auth.security.client import Client
from chirp_auth.server import allocator, connection_guard, start_box, worker_process
from chirp_auth.server.rsgi import Adapter
from config import ROOT, ConfigurationError, Settings, load
from config_checks import warnings_of

STOP_SECONDS = 15
RELOAD_SECONDS = 10.0  # SIGHUP: so long old and new processes listen side by side, while the new ones load.
HEADER_MILLISECONDS = 30_000  # For the first byte of a request, all of its header, and between two requests.
MAX_HEADER_BYTES = 64 * 1024

log = structlog.get_logger("server")


def main() -> None:
    """Serve until told to stop. What stands in the way is said in words, with exit code 1."""
    try:
        settings = load(may_make_folders=True)
    except ConfigurationError as error:
        sys.exit(_listed("Chirp Auth cannot start. Please mend these settings:", error.problems))
    logs.configure(as_json=settings.in_production)
    for warning in warnings_of(settings):
        log.warning("unsafe setting", warning=warning)
    _check_port(settings)
    app = create_app(settings, with_commands=False)
    with app.app_context():
        _migrate(settings)
        account = _demo_account(settings)
        db.engine.dispose()  # The workers have their own connections; this process only watches over them.
    values = settings_text.changed(settings)
    log.info("starting", version=VERSION, host=settings.host, port=settings.port, settings=values)
    if not settings.in_production:
        print(start_box.drawn(settings, account), flush=True)  # noqa: T201 - what `make run` is to say
    _serve(settings)


def _serve(settings: Settings) -> None:
    # Spawn, do not fork: prometheus_client chooses its multiprocess mode when it is imported.
    multiprocessing.set_start_method("spawn")
    os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH")]))
    with TemporaryDirectory(prefix="chirp-auth-metrics-") as folder, ExitStack() as beside:
        os.environ[metrics_endpoint.FOLDER] = folder
        replace_worker = None
        if settings.mail_worker == "process":
            replace_worker = beside.enter_context(worker_process.running())
        _run(settings, replace_worker)


def _run(settings: Settings, on_reload: Callable[[], None] | None) -> None:
    """Serve until told to stop. SIGHUP replaces the processes that serve, and calls `on_reload`."""
    connection_guard.raise_file_limit()
    server = Granian(
        "wsgi:app",
        address=settings.host,
        port=settings.port,
        interface=Interfaces.RSGI,
        loop=Loops.auto,  # uvloop, which makes fewer system calls; asyncio's own on Windows.
        workers=settings.web_workers,
        # HTTP/1.1 alone: before it knows which version a client speaks, granian waits for the first byte for ever.
        http=HTTPModes.http1,
        http1_settings=HTTP1Settings(header_read_timeout=HEADER_MILLISECONDS, max_buffer_size=MAX_HEADER_BYTES),
        backpressure=connection_guard.most_connections(),
        respawn_failed_workers=True,
        respawn_interval=RELOAD_SECONDS,
        workers_kill_timeout=STOP_SECONDS,
        log_level=LogLevels.error,
        log_dictconfig={"handlers": {}, "loggers": {"_granian": {"propagate": True}}},  # Its lines leave with ours.
        websockets=False,
        working_dir=ROOT,
    )
    if on_reload:
        server.on_reload(on_reload)
    server.serve(
        target_loader=_load,  # type: ignore[arg-type]  # granian takes an object with __rsgi__ too, its types do not
        wrap_loader=False,
    )


def _load() -> Adapter:
    """Load the application in a process that is to serve it."""
    allocator.return_large_blocks()
    threading.Thread(target=_end_with_parent, daemon=True).start()
    settings = load()
    logs.configure(as_json=settings.in_production)
    app = create_app(settings, with_commands=False)
    if settings.in_production:
        release_files.read_for_pages(app)
    gc.freeze()  # It lives for as long as the process: collections need not look at it.
    hops = settings.trusted_proxy_hops
    processor = cpu_affinity.OneProcessor()
    if settings.cpu_affinity:
        processor.start()
    adapter = Adapter(app, threads=settings.web_threads, trusted_hops=hops, processor=processor)
    connection_guard.start(settings.port, adapter.answering, behind_a_proxy=hops > 0)
    return adapter


def _end_with_parent() -> None:
    """Stop this process when the one that watches it was killed: it would serve on with nothing to send its mail."""
    if parent := multiprocessing.parent_process():
        parent.join()
        os.kill(os.getpid(), signal.SIGTERM)


def _check_port(settings: Settings) -> None:
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((settings.host, settings.port))
        except OSError as error:
            if error.errno == errno.EADDRINUSE:
                sys.exit(
                    f"Port {settings.port} on {settings.host} is busy: another program listens there.\n"
                    f"Stop it, or choose another port: PORT={settings.port + 1}"
                )
            sys.exit(f"HOST={settings.host} PORT={settings.port} cannot be used: {error.strerror}.")


def _migrate(settings: Settings) -> None:
    """Migrate. If a later release has migrated, or MIGRATE=never, only check that this release can use the schema."""
    try:
        with db.engine.connect() as connection:
            revision = schema.revision_of(connection)
        if settings.migrate == "auto" and (revision is None or revision < schema.newest_revision()):
            from chirp_auth.runtime import migrations  # noqa: PLC0415 - most starts have nothing to migrate

            migrations.upgrade()
            return
    except (SQLAlchemyError, OSError) as error:
        sys.exit(f"The database cannot be used: {type(error).__name__}. Is it running, and is DATABASE_URL right?")
    if flaw := health.schema_flaw():
        sys.exit(f"{flaw} Nothing was migrated (MIGRATE={settings.migrate}).")
    if schema.is_newer(revision):
        log.warning("database newer than this release", advice="It works; bring this host to the newer release soon.")


def _demo_account(settings: Settings) -> demo_accounts.DemoAccount | None:
    """Return what to sign in with in development; no demo account gets from there into production."""
    if not settings.in_production:
        return demo_accounts.ensure_account()
    demo_accounts.remove(Client(face="cli", actor="start of production"))
    return None


def _listed(title: str, problems: list[str]) -> str:
    return "\n".join([title, *(f"  - {problem}" for problem in problems)])
