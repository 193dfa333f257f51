"""Metrics at /metrics, for Prometheus: what the processes counted, and what the database says at that moment.

Correct over any number of processes: the mail figures are read from the database, whoever delivers the mail.
"""

import math
import os
import platform
import time
from collections.abc import Iterator
from hmac import compare_digest
from pathlib import Path
from typing import TYPE_CHECKING, cast

from flask import Flask, Response, abort, g, request
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.multiprocess import MultiProcessCollector, mark_process_dead
from prometheus_client.registry import Collector
from pydantic import SecretStr
from sqlalchemy.exc import SQLAlchemyError

from chirp_auth import metrics
from chirp_auth.admin import audit_trail
from chirp_auth.extensions import db, settings
from chirp_auth.http import request_context
from chirp_auth.mail import status
from chirp_auth.runtime.version import VERSION
from chirp_auth.security import limits

if TYPE_CHECKING:
    from sqlalchemy.pool import QueuePool

FOLDER = "PROMETHEUS_MULTIPROC_DIR"


def init_app(app: Flask) -> None:
    """Count every request, and show the counts to who may see them."""

    @app.after_request
    def count(response: Response) -> Response:
        route = request_context.route()
        metrics.requests.labels(request.method if request.url_rule else "any", route, response.status_code).inc()
        if "started" in g:
            metrics.request_seconds.labels(route).observe(time.perf_counter() - g.started)
        metrics.limiter_degraded.set(limits.is_degraded())
        pool = cast("QueuePool", db.engine.pool)
        metrics.pool_in_use.set(pool.checkedout())
        metrics.pool_size.set(pool.size())
        return response

    app.add_url_rule("/metrics", "metrics", show)


def show() -> Response:
    """Answer with all metrics: with METRICS_TOKEN to whoever sends it, without it in development to this machine."""
    authorization, token = request.headers.get("Authorization", ""), settings.metrics_token
    if not (bears(authorization, token) if token else _nothing_is_in_front()):
        abort(404)
    return Response(generate_latest(_registry()), content_type=CONTENT_TYPE_LATEST)


def bears(authorization: str, token: SecretStr) -> bool:
    """Say whether the header bears the token; its scheme is written in any case (RFC 9110, 11.1)."""
    scheme, _, given = authorization.partition(" ")
    return scheme.lower() == "bearer" and compare_digest(given.encode(), token.get_secret_value().encode())


def _nothing_is_in_front() -> bool:
    """Say whether a scraper of this machine can be told from a stranger without a token.

    Production is reached by https, so something ends TLS in front of it; if that passes bytes on and adds no header,
    a stranger's request looks like one of this machine.
    """
    return not settings.in_production and settings.trusted_proxy_hops == 0 and request_context.is_from_this_machine()


def _registry() -> CollectorRegistry:
    if folder := os.environ.get(FOLDER):
        registry = CollectorRegistry()
        _forget_the_dead(Path(folder))
        MultiProcessCollector(registry, path=folder)  # type: ignore[no-untyped-call]
    else:
        registry = CollectorRegistry()
        registry.register(metrics.registry)
    registry.register(BuildCollector())
    registry.register(MailCollector())
    registry.register(AuditCollector())
    return registry


def _forget_the_dead(folder: Path) -> None:
    """Leave out the gauges of processes that have ended; what those counted stays."""
    for pid in {path.stem.rpartition("_")[2] for path in folder.glob("gauge_live*_*.db")}:
        if not Path(f"/proc/{pid}").exists():
            mark_process_dead(int(pid), str(folder))  # type: ignore[no-untyped-call]


class BuildCollector(Collector):
    """Says which version runs."""

    def collect(self) -> Iterator[GaugeMetricFamily]:
        build = GaugeMetricFamily(
            "chirp_auth_build_info", "Always 1; the labels say what runs.", labels=("version", "python")
        )
        build.add_metric((VERSION, platform.python_version()), 1)
        yield build


class MailCollector(Collector):
    """Reads the state of the outbox from the database."""

    def collect(self) -> Iterator[GaugeMetricFamily]:
        try:
            mail = status.read()
            latencies = status.recent_latencies()
        except SQLAlchemyError:
            db.session.rollback()
            yield GaugeMetricFamily("chirp_auth_database_up", "Whether the database answers.", 0)
            return
        yield GaugeMetricFamily("chirp_auth_database_up", "Whether the database answers.", 1)
        depth = GaugeMetricFamily("chirp_auth_outbox_entries", "Mails not sent yet, by state.", labels=("state",))
        depth.add_metric(("waiting",), mail.waiting)
        depth.add_metric(("parked",), mail.parked)
        yield depth
        parked = GaugeMetricFamily(
            "chirp_auth_outbox_parked",
            "Parked mails by reason: one mailbox that does not take mail, or anything else, which needs an operator.",
            labels=("reason",),
        )
        parked.add_metric(("mailbox",), mail.parked_for_mailbox)
        parked.add_metric(("other",), mail.parked - mail.parked_for_mailbox)
        yield parked
        yield GaugeMetricFamily(
            "chirp_auth_outbox_oldest_seconds", "Age of the oldest mail that waits.", mail.oldest_seconds
        )
        yield GaugeMetricFamily(
            "chirp_auth_worker_seen_seconds",
            "Time since a worker was last seen; +Inf if none ever was.",
            math.inf if mail.worker_seconds is None else mail.worker_seconds,
        )
        latency = GaugeMetricFamily(
            "chirp_auth_mail_latency_seconds",
            "From acceptance to delivery, for the mails of the last five minutes.",
            labels=("quantile",),
        )
        for quantile, seconds in latencies.items():
            latency.add_metric((quantile,), seconds)
        yield latency


class AuditCollector(Collector):
    """Reads from the database whether the audit trail is being sealed."""

    def collect(self) -> Iterator[GaugeMetricFamily]:
        try:
            is_broken, unsealed = audit_trail.flaw() is not None, audit_trail.count_unsealed()
        except SQLAlchemyError:
            db.session.rollback()
            return
        yield GaugeMetricFamily(
            "chirp_auth_audit_broken", "1 if the last seal of the audit trail does not hold.", int(is_broken)
        )
        yield GaugeMetricFamily("chirp_auth_audit_unsealed_events", "Events that are not sealed yet.", unsealed)
