"""`python -m bench.timing`: can a stranger with a stopwatch tell who has an account?

Known and unknown addresses take turns in random order at the same running server. The figure is an effect size:
AUC, the chance that an answer for a known address takes longer than one for an unknown (0.5 is no difference at
all), with the interval in which 95 of 100 resampled measurements lie.
"""

import argparse
import os
import random
import statistics
import subprocess
import sys
import tempfile
import time
from bisect import bisect_left, bisect_right
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from http.client import HTTPConnection
from pathlib import Path

from bench.__main__ import ROOT, _server
from tests.support import smtp

PORT = 5954
KNOWN, UNKNOWN = "known@example.com", "other@example.com"
ASKED = {
    "forgot-password": ("/api/v1/auth/forgot-password", '{{"email": "{}"}}'),
    "sign-in": ("/api/v1/auth/login", '{{"email": "{}", "password": "wrong password"}}'),
}
RESAMPLED = 200


def main() -> None:
    options = _options()
    with tempfile.TemporaryDirectory() as folder, _mail_server(options.smtp) as mail:
        environment = {
            **os.environ,
            "PORT": str(PORT),
            "DATABASE_URL": f"sqlite:///{Path(folder) / 'timing.db'}",
            "BCRYPT_COST": str(options.cost),
            "RATE_LIMITS_ENABLED": "false",
            **mail,
        }
        with _server(["chirp_auth.server"], PORT, "/healthz/ready", environment):
            _create_account(environment)
            for name, (path, body) in ASKED.items():
                known, unknown = _measure(path, body, options.samples)
                low, high = _interval(known, unknown)
                print(
                    f"{name:16} smtp {options.smtp:6} {len(known)} each  median known {_ms(known)}, unknown "
                    f"{_ms(unknown)}  AUC {auc(known, unknown):.3f} ({low:.3f} to {high:.3f})",
                    flush=True,
                )


def auc(longer: list[float], shorter: list[float]) -> float:
    """Return the share of pairs in which the first is longer, ties counting half (Mann and Whitney)."""
    ordered = sorted(shorter)
    wins = sum(bisect_left(ordered, value) + bisect_right(ordered, value) for value in longer)
    return wins / (2 * len(longer) * len(shorter))


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench.timing", description=__doc__)
    parser.add_argument("--samples", type=int, default=300, help="for each address and question")
    parser.add_argument("--cost", type=int, default=12)
    parser.add_argument("--smtp", choices=("normal", "slow", "down"), default="normal")
    return parser.parse_args()


@contextmanager
def _mail_server(mood: str) -> Iterator[dict[str, str]]:
    with ExitStack() as stack:
        port = 1
        if mood != "down":
            port = stack.enter_context(smtp.server(seconds_before_answer=5 if mood == "slow" else 0)).port
        yield {"SMTP_HOST": "127.0.0.1", "SMTP_PORT": str(port)}


def _create_account(environment: dict[str, str]) -> None:
    command = [sys.executable, "-m", "flask", "--app", "wsgi", "auth", "user", "create", KNOWN]
    password = "seven quiet herons\n"
    subprocess.run(command, input=password, text=True, env=environment, cwd=ROOT, check=True, capture_output=True)


def _measure(path: str, body: str, samples: int) -> tuple[list[float], list[float]]:
    line = HTTPConnection("127.0.0.1", PORT, timeout=60)
    took: dict[str, list[float]] = {KNOWN: [], UNKNOWN: []}
    warm_up = [KNOWN, UNKNOWN] * 5
    turns = [KNOWN, UNKNOWN] * samples
    random.shuffle(turns)
    for turn, email in enumerate([*warm_up, *turns]):
        asked = time.perf_counter()
        line.request("POST", path, body.format(email), {"Content-Type": "application/json"})
        line.getresponse().read()
        if turn >= len(warm_up):
            took[email].append(time.perf_counter() - asked)
    return took[KNOWN], took[UNKNOWN]


def _interval(known: list[float], unknown: list[float]) -> tuple[float, float]:
    found = sorted(
        auc(random.choices(known, k=len(known)), random.choices(unknown, k=len(unknown))) for _ in range(RESAMPLED)
    )
    return found[int(RESAMPLED * 0.025)], found[int(RESAMPLED * 0.975)]


def _ms(values: list[float]) -> str:
    return f"{statistics.median(values) * 1000:.2f} ms"


if __name__ == "__main__":
    main()
