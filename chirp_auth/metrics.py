"""The metrics that a process counts while it works; `runtime/metrics_endpoint` and `runtime/worker_metrics` show them.

The processes of one server, web and worker, share their counts through the folder PROMETHEUS_MULTIPROC_DIR.
"""

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

registry = CollectorRegistry()

requests = Counter(
    "chirp_auth_requests",
    "Requests answered, by route template and status.",
    ("method", "route", "status"),
    registry=registry,
)
request_seconds = Histogram(
    "chirp_auth_request_seconds",
    "How long answers took.",
    ("route",),
    buckets=(0.005, 0.025, 0.1, 0.25, 0.5, 1, 2.5, 10),
    registry=registry,
)
events = Counter("chirp_auth_events", "Security events, by kind and outcome.", ("kind", "outcome"), registry=registry)
mails = Counter(
    "chirp_auth_mails",
    "Mails by what became of them: sent, nobody (there was nobody to write to), refused for good, or delayed.",
    ("outcome",),
    registry=registry,
)
for _outcome in ("sent", "nobody", "refused", "delayed"):
    mails.labels(_outcome)  # There from the start: an increase from nothing is no increase for Prometheus.
pool_connections = Gauge(
    "chirp_auth_database_pool_connections",
    "Connections of the web processes to the database, by state; in_use at size means that requests wait for one.",
    ("state",),
    multiprocess_mode="livesum",
    registry=registry,
)
pool_in_use, pool_size = pool_connections.labels("in_use"), pool_connections.labels("size")
hashing = Gauge(
    "chirp_auth_hash_gate",
    "Callers in the hash queue, running and waiting; more than there are cores means that some wait.",
    multiprocess_mode="livesum",
    registry=registry,
)
hashes_refused = Counter("chirp_auth_hash_gate_refused", "Callers that the hash queue refused.", registry=registry)
limiter_degraded = Gauge(
    "chirp_auth_limiter_degraded",
    "1 while Redis is away and each process counts limits on its own.",
    multiprocess_mode="livemax",
    registry=registry,
)
