"""Logs: JSON lines in production, readable ones at a terminal; what a field's name calls a secret is masked.

Our own lines and those of the libraries pass the same processors, so that every line is masked.
"""

import logging
import re
import sys
import threading
import time
from collections.abc import Mapping
from functools import lru_cache
from http import HTTPMethod
from types import TracebackType
from typing import Any

import structlog
from flask import Flask, Response, g, request
from structlog.typing import EventDict, Processor, WrappedLogger

from chirp_auth import audit
from chirp_auth.http.request_context import reference, references_of_proxy, route
from chirp_auth.runtime.log_lines import logger_factory

MASK = "…"
SECRET_FIELDS = re.compile(r"passw|secret|token|authorization|cookie|api_?key|credential|\bpass$", re.IGNORECASE)
MAX_NAME_CHARACTERS = 100  # Longer names are masked without a look-up; our fields have shorter ones.
QUIET_ROUTES = ("/static/", "/healthz/", "/metrics")
# In a text of a library's: name=value, a bearer token, a URL's password, and what looks like a hash or a JWT.
_SECRET_TEXT = re.compile(
    r"(?i)((?:token|passw(?:or)?d|secret|api_?key)[\"']?\s*[=:]\s*[\"']?)[^\s&\"',}]+"
    r"|(bearer\s+)[\w.~+/=-]+"
    r"|(://[^\s:/@]*:)[^\s@]+(?=@)"
    r"|()\$2[aby]\$\d\d\$[./\w]{53}"
    r"|()\beyJ[\w-]+\.[\w-]+\.[\w-]+"
)

log = structlog.get_logger("http")


def configure(*, as_json: bool, only_trouble: bool = False) -> None:
    """Send all log lines, the libraries' too, to standard error in one format; trouble is what warns or fails."""
    plain = structlog.dev.ConsoleRenderer(
        colors=sys.stderr.isatty(),
        # Not the rich one: it prints the local variables of every frame, passwords among them.
        exception_formatter=structlog.dev.plain_traceback,
    )
    renderer = structlog.processors.JSONRenderer(default=str) if as_json else plain
    finish: list[Processor] = [structlog.processors.format_exc_info, mask_secrets, renderer]
    shared: list[Processor] = [
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    structlog.configure(
        processors=[*shared, *finish],
        wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING if only_trouble else logging.INFO),
        logger_factory=logger_factory(sys.stderr),
        cache_logger_on_first_use=True,
    )
    strip = structlog.stdlib.ProcessorFormatter.remove_processors_meta
    formatter = structlog.stdlib.ProcessorFormatter(foreign_pre_chain=shared, processors=[strip, *finish])
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(formatter)
    logging.basicConfig(handlers=[handler], level=logging.WARNING, force=True)
    logging.captureWarnings(capture=True)
    sys.excepthook = _log_crash
    threading.excepthook = lambda crash: _log_crash(crash.exc_type, crash.exc_value, crash.exc_traceback)


def _log_crash(kind: type[BaseException], error: BaseException | None, trace: TracebackType | None) -> None:
    if issubclass(kind, KeyboardInterrupt):
        sys.__excepthook__(kind, error or kind(), trace)
    elif not issubclass(kind, SystemExit):  # A thread ended itself.
        log.critical("crash", exc_info=(kind, error, trace))


def init_app(app: Flask) -> None:
    """Write a line for each request, with its audit events: never its query, body or headers, which may hold a secret.

    For the same reason its path is the template of its route, and a method is only named if HTTP has it.
    """

    @app.before_request
    def start() -> None:
        g.started = time.perf_counter()

    @app.after_request
    def finish(response: Response) -> Response:
        path = route()
        if not path.startswith(QUIET_ROUTES):
            spent = (time.perf_counter() - g.get("started", time.perf_counter())) * 1000
            log.info(
                "request",
                method=request.method if request.method in HTTPMethod.__members__ else "other",
                path=path,
                status=response.status_code,
                ms=round(spent, 1),
                reference=reference(),
                **references_of_proxy(),
                **({"events": events} if (events := audit.of_request()) else {}),
            )
        return response


def mask_secrets(_logger: WrappedLogger, _method: str, fields: EventDict) -> EventDict:
    """Mask every field whose name says that it holds a secret, at any depth, and secrets within texts."""
    return {name: _masked(name, value) for name, value in fields.items()}


def _masked(name: object, value: Any) -> Any:
    if isinstance(name, str) and (len(name) > MAX_NAME_CHARACTERS or _names_a_secret(name)):
        return MASK
    if isinstance(value, str):
        return _SECRET_TEXT.sub(_keep_the_name, value)
    if isinstance(value, Mapping):
        return {key: _masked(key, inner) for key, inner in value.items()}
    if isinstance(value, list | tuple) and name != "exc_info":
        return [_masked(None, inner) for inner in value]
    return value


@lru_cache(maxsize=1024)
def _names_a_secret(name: str) -> bool:
    return SECRET_FIELDS.search(name) is not None


def _keep_the_name(found: re.Match[str]) -> str:
    return next((group for group in found.groups() if group is not None), "") + MASK
