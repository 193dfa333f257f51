"""`python -m bench.flood`: do pages stay fast and hashes flow while many clients sign in at once?

In turns: bcrypt alone, a thread per core; then the application under a flood of sign-ins, each client waiting as long
as a 503 asks before it tries again, while one visitor at a time opens and posts forgot-password.
"""

import argparse
import os
import statistics
import tempfile
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from http.client import HTTPConnection
from pathlib import Path

import bcrypt

from bench.__main__ import _server

PORT = 5953
WARM_UP_SECONDS = 2
VISIT_EVERY_SECONDS = 0.2
BODY = b'{"email": "nobody@example.com", "password": "wrong password"}'
JSON = {"Content-Type": "application/json"}


@dataclass
class Seen:
    """What the clients saw."""

    sign_ins: Counter[int] = field(default_factory=Counter)
    without_retry_after: int = 0
    latencies: dict[str, list[float]] = field(default_factory=lambda: {"GET": [], "POST": []})
    failures: Counter[str] = field(default_factory=Counter)


def main() -> None:
    options = _options()
    ratios, latencies = [], {"GET": list[float](), "POST": list[float]()}
    with (
        tempfile.TemporaryDirectory() as folder,
        _server(["chirp_auth.server"], PORT, "/healthz/ready", _environment(Path(folder), options)),
    ):
        for turn in range(options.rounds):
            alone = _bcrypt_alone(options.cost, options.seconds)
            seen, seconds = _flood(options)
            ratios.append(seen.sign_ins[401] / seconds / alone)
            for method, found in seen.latencies.items():
                latencies[method] += found
            print(
                f"round {turn + 1}  bcrypt alone {alone:.2f}/s, under the flood {seen.sign_ins[401] / seconds:.2f}/s  "
                f"{dict(seen.sign_ins)}  503 without Retry-After: {seen.without_retry_after}  {dict(seen.failures)}",
                flush=True,
            )
    print(f"median ratio {statistics.median(ratios):.2f}")
    for method, found in latencies.items():
        found.sort()
        p50, p99, longest = (f"{found[int((len(found) - 1) * share)] * 1000:.1f} ms" for share in (0.5, 0.99, 1))
        print(f"{method:4} /forgot-password  {len(found)} answers  p50 {p50}  p99 {p99}  max {longest}")


def _environment(folder: Path, options: argparse.Namespace) -> dict[str, str]:
    environment = {
        **os.environ,
        "PORT": str(PORT),
        "DATABASE_URL": f"sqlite:///{folder / 'flood.db'}",
        "BCRYPT_COST": str(options.cost),
        "RATE_LIMITS_ENABLED": "false",
    }
    return {**environment, "WEB_THREADS": str(options.threads)} if options.threads else environment


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench.flood", description=__doc__)
    parser.add_argument("--clients", type=int, default=64)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=10.0, help="for each half of a round")
    parser.add_argument("--cost", type=int, default=12)
    parser.add_argument("--threads", type=int, help="WEB_THREADS; the application's default without it")
    return parser.parse_args()


def _bcrypt_alone(cost: int, seconds: float) -> float:
    known = bcrypt.hashpw(b"right password", bcrypt.gensalt(cost))
    until = time.perf_counter() + seconds

    def hash_on(_: int) -> int:
        done = 0
        while time.perf_counter() < until:
            bcrypt.checkpw(b"wrong password", known)
            done += 1
        return done

    cores = os.cpu_count() or 1
    started = time.perf_counter()
    with ThreadPoolExecutor(cores) as pool:
        done = sum(pool.map(hash_on, range(cores)))
    return done / (time.perf_counter() - started)


def _flood(options: argparse.Namespace) -> tuple[Seen, float]:
    seen, over = Seen(), threading.Event()
    threads = [threading.Thread(target=_sign_in, args=(seen, over)) for _ in range(options.clients)]
    threads.append(threading.Thread(target=_visit, args=(seen, over)))
    for thread in threads:
        thread.start()
    time.sleep(WARM_UP_SECONDS)  # As many hashes are then under way at the beginning as at the end.
    before, started = seen.sign_ins.copy(), time.perf_counter()
    time.sleep(options.seconds)
    counted, seconds = seen.sign_ins - before, time.perf_counter() - started
    over.set()
    for thread in threads:
        thread.join()
    seen.sign_ins = counted
    return seen, seconds


def _sign_in(seen: Seen, over: threading.Event) -> None:
    line = HTTPConnection("127.0.0.1", PORT, timeout=30)
    while not over.is_set():
        try:
            line.request("POST", "/api/v1/auth/login", BODY, JSON)
            answer = line.getresponse()
            answer.read()
        except OSError as error:
            seen.failures[type(error).__name__] += 1
            line.close()
            continue
        seen.sign_ins[answer.status] += 1
        if answer.status == 503:
            seen.without_retry_after += "Retry-After" not in answer.headers
            over.wait(float(answer.headers.get("Retry-After", 1)))


def _visit(seen: Seen, over: threading.Event) -> None:
    line = HTTPConnection("127.0.0.1", PORT, timeout=30)
    while not over.is_set():
        for method, body in (("GET", None), ("POST", b'{"email": "nobody@example.com"}')):
            asked = time.perf_counter()
            line.request(method, "/forgot-password", body, JSON if body else {})
            line.getresponse().read()
            seen.latencies[method].append(time.perf_counter() - asked)
        over.wait(VISIT_EVERY_SECONDS)


if __name__ == "__main__":
    main()
