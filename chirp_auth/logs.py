"""Logs: JSON lines in production, readable ones at a terminal; a secret in a field is masked by its name."""

import logging
import re
import sys
import time

import structlog
from flask import Flask, Response, g, request
from structlog.typing import EventDict, WrappedLogger

from chirp_auth.caller import reference

SECRET_FIELDS = re.compile(r"password|secret|token|authorization|cookie|api_key", re.IGNORECASE)
QUIET_PATHS = ("/static/", "/healthz/")

log = structlog.get_logger("http")


def configure(*, as_json: bool) -> None:
    """Send all log lines, the libraries' too, to standard error in one format."""
    renderer = (
        structlog.processors.JSONRenderer() if as_json else structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty())
    )
    shared: list[structlog.typing.Processor] = [
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        mask_secrets,
    ]
    structlog.configure(
        processors=[*shared, structlog.processors.format_exc_info, renderer],
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=True,
    )
    formatter = structlog.stdlib.ProcessorFormatter(foreign_pre_chain=shared, processor=renderer)
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(formatter)
    logging.basicConfig(handlers=[handler], level=logging.WARNING, force=True)


def init_app(app: Flask) -> None:
    """Write a line for each request: never its query, its body or its headers, which may hold a secret."""

    @app.before_request
    def start() -> None:
        g.started = time.perf_counter()

    @app.after_request
    def finish(response: Response) -> Response:
        if not request.path.startswith(QUIET_PATHS):
            spent = (time.perf_counter() - g.get("started", time.perf_counter())) * 1000
            log.info(
                "request",
                method=request.method,
                path=request.path,
                status=response.status_code,
                ms=round(spent, 1),
                reference=reference(),
            )
        return response


def mask_secrets(_logger: WrappedLogger, _method: str, fields: EventDict) -> EventDict:
    """Mask every field whose name says that it holds a secret."""
    for name in fields:
        if SECRET_FIELDS.search(name):
            fields[name] = "…"
    return fields
