"""`python -m bench.timing`: can a stranger with a stopwatch tell who has an account?

Known and unknown addresses take turns in random order at the same running server. Measured are the answer itself,
and what the stranger's next requests meet: `GET /healthz/live` again and again for two seconds after a forgot-password,
how many were answered and how long the slowest took, in the first 250 ms and in all. The figure is an effect size: AUC,
the chance that a value for a known address is higher than one for an unknown (0.5 is no difference at all), with the
interval in which 95 of 100 resampled measurements lie.
"""

import argparse
import os
import random
import statistics
import tempfile
import time
from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from http.client import HTTPConnection
from pathlib import Path

from bench import databases, sink
from bench.__main__ import _server

PORT, MAIL_PORT = 5954, 5955
FORGOT, SIGN_IN, LIVE = "/api/v1/auth/forgot-password", "/api/v1/auth/login", "/healthz/live"
JSON = {"Content-Type": "application/json"}
SHORT_SECONDS, LONG_SECONDS = 0.25, 2.0
WARM_UP = 5
RESAMPLED = 200

Pair = tuple[list[float], list[float]]  # the values for known and for unknown addresses


def main() -> None:
    options = _options()
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        mail = stack.enter_context(_mail_server(options.smtp, folder))
        if options.database == "sqlite":
            url = f"sqlite:///{folder / 'timing.db'}"
        else:
            url = stack.enter_context(databases.postgresql())
        environment = {
            **os.environ,
            "PORT": str(PORT),
            "DATABASE_URL": url,
            "BCRYPT_COST": str(options.cost),
            "RATE_LIMITS_ENABLED": "false",
            **mail,
        }
        known = [f"known{number:04}@example.com" for number in range(options.pairs)]
        databases.create_accounts(environment, known, options.cost)
        stack.enter_context(_server(["chirp_auth.server"], PORT, "/healthz/ready", environment))
        _wait_for_no_core()
        print(f"{options.database}, mail server {options.smtp}, load average {os.getloadavg()[0]:.1f}", flush=True)
        for name, values in _measure(known, options.long).items():
            print(f"{name:40} {_verdict(values)}", flush=True)


def auc(longer: list[float], shorter: list[float]) -> float:
    """Return the share of pairs in which the first is longer, ties counting half (Mann and Whitney)."""
    ordered = sorted(shorter)
    wins = sum(bisect_left(ordered, value) + bisect_right(ordered, value) for value in longer)
    return wins / (2 * len(longer) * len(shorter))


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench.timing", description=__doc__)
    parser.add_argument("--pairs", type=int, default=400, help="of a known and an unknown address")
    parser.add_argument("--database", choices=("sqlite", "postgresql"), default="sqlite")
    parser.add_argument("--cost", type=int, default=12)
    parser.add_argument("--smtp", choices=("normal", "slow", "down"), default="normal")
    parser.add_argument("--long", type=float, default=LONG_SECONDS, help="seconds of asking after each answer")
    return parser.parse_args()


@contextmanager
def _mail_server(mood: str, folder: Path) -> Iterator[dict[str, str]]:
    """Run a mail server as a process of its own, which only uses what the others leave: in life it is far away."""
    with ExitStack() as stack:
        port = 1
        if mood != "down":
            port = MAIL_PORT
            seconds = 5.0 if mood == "slow" else 0.0
            stack.enter_context(sink.running(port, folder, seconds=seconds, only_when_idle=True))
        yield {"SMTP_HOST": "127.0.0.1", "SMTP_PORT": str(port)}


def _wait_for_no_core() -> None:
    """Let this process go before all others, if it is root's: the stranger, too, has a machine of its own."""
    with suppress(PermissionError):
        os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(1))


def _measure(known: list[str], seconds: float) -> dict[str, Pair]:
    """Return the values by what was measured; each address takes one turn, so that no limit of its own counts."""
    everybody = [(email, True) for email in known] + [(email.replace("known", "other"), False) for email in known]
    random.shuffle(everybody)
    line = HTTPConnection("127.0.0.1", PORT, timeout=60)
    measured: dict[str, Pair] = defaultdict(lambda: ([], []))
    for _ in range(WARM_UP):
        _turn(line, "nobody@example.com", SHORT_SECONDS)
    for email, is_known in everybody:
        for name, value in _turn(line, email, seconds).items():
            measured[name][0 if is_known else 1].append(value)
    return measured


def _turn(line: HTTPConnection, email: str, seconds: float) -> dict[str, float]:
    """Ask for a link and watch what comes after it, then try to sign in; return the values by name."""
    values = {"forgot-password: the answer, ms": _time(line, "POST", FORGOT, f'{{"email": "{email}"}}')}
    after = _watch(line, seconds)
    for window in sorted({SHORT_SECONDS, seconds}):
        times = [took for at, took in after if at <= window]
        values[f"{LIVE} within {window:g} s: answers"] = len(times)
        values[f"{LIVE} within {window:g} s: slowest, ms"] = max(times)
    values["sign-in: the answer, ms"] = _time(line, "POST", SIGN_IN, f'{{"email": "{email}", "password": "wrong one"}}')
    return values


def _watch(line: HTTPConnection, seconds: float) -> list[tuple[float, float]]:
    """Return when each answer came, in seconds, and how long it took, in milliseconds."""
    started = time.perf_counter()
    answers = []
    while (at := time.perf_counter() - started) < seconds:
        answers.append((at, _time(line, "GET", LIVE)))
    return answers


def _time(line: HTTPConnection, method: str, path: str, body: str | None = None) -> float:
    sent = time.perf_counter()
    line.request(method, path, body, JSON if body else {})
    line.getresponse().read()
    return (time.perf_counter() - sent) * 1000


def _verdict(values: Pair) -> str:
    known, unknown = values
    low, high = _interval(known, unknown)
    medians = f"known {statistics.median(known):8.2f}, unknown {statistics.median(unknown):8.2f}"
    return f"{len(known)} pairs  medians {medians}  AUC {auc(known, unknown):.3f} ({low:.3f} to {high:.3f})"


def _interval(known: list[float], unknown: list[float]) -> tuple[float, float]:
    values = sorted(
        auc(random.choices(known, k=len(known)), random.choices(unknown, k=len(unknown))) for _ in range(RESAMPLED)
    )
    return values[int(RESAMPLED * 0.025)], values[int(RESAMPLED * 0.975)]


if __name__ == "__main__":
    main()
