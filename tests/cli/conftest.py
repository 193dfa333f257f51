"""Logs as `wsgi.py` sets them up for commands: trouble only, on standard error."""

import logging
import sys
from collections.abc import Iterator

import pytest
import structlog


@pytest.fixture(autouse=True)
def quiet_logs() -> Iterator[None]:
    """Not `logs.configure`: that keeps the standard error of now, and a runner has one of its own."""
    before = structlog.get_config()
    structlog.configure(
        wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING),
        logger_factory=lambda *_names: structlog.PrintLogger(sys.stderr),
    )
    yield
    structlog.configure(**before)
