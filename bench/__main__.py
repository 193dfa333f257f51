"""`make bench`: forgot-password beside a bare Flask route that commits one insert, on the same kind of server.

The two take turns, several rounds each, so that whatever else the machine does hits both. The application runs
with its default settings, its worker process included; only the limit per client is raised, for one client asks.
"""

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bench import load
from config import Settings

ROOT = Path(__file__).parent.parent
BARE_PORT, APP_PORT = 5951, 5952


def main() -> None:
    options = _options()
    with tempfile.TemporaryDirectory() as folder, _bare(Path(folder), options), _application(Path(folder), options):
        wires = {
            "bare insert": (BARE_PORT, "/insert"),
            "forgot-password": (APP_PORT, "/api/v1/auth/forgot-password"),
        }
        rates: dict[str, list[float]] = {name: [] for name in wires}
        for turn in range(options.rounds):
            for name, (port, path) in wires.items():
                wire = load.request("POST", path, b'{"email": "nobody@example.com"}')
                result = load.run(port, wire, connections=options.connections, seconds=options.seconds)
                rates[name].append(result.per_second)
                print(
                    f"round {turn + 1}  {name:16} {result.per_second:7.0f}/s  p50 {result.percentile(50):6.1f} ms  "
                    f"p99 {result.percentile(99):6.1f} ms  {dict(result.statuses)}",
                    flush=True,
                )
    bare, ours = (statistics.median(values) for values in rates.values())
    print(f"median: bare {bare:.0f}/s, forgot-password {ours:.0f}/s, ratio {ours / bare:.2f}")


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make bench", description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=4.0, help="for each turn")
    parser.add_argument("--connections", type=int, default=32)
    parser.add_argument("--threads", type=int, help="WEB_THREADS for both; the application's default without it")
    parser.add_argument("--database-url", help="an empty PostgreSQL database for both; SQLite files without it")
    return parser.parse_args()


@contextmanager
def _bare(folder: Path, options: argparse.Namespace) -> Iterator[None]:
    environment = {**os.environ, "BARE_DATABASE_URL": _database(folder, "bare", options)}
    threads = str(options.threads or _default_threads())
    command = ["granian", "--interface", "wsgi", "--port", str(BARE_PORT), "--blocking-threads", threads]
    with _server([*command, "--no-log", "bench.bare:app"], BARE_PORT, "/", environment):
        yield


@contextmanager
def _application(folder: Path, options: argparse.Namespace) -> Iterator[None]:
    environment = {
        **os.environ,
        "PORT": str(APP_PORT),
        "DATABASE_URL": _database(folder, "app", options),
        "PASSWORD_RESET_RATE_LIMIT_LIMIT": "1000000000",
    }
    if options.threads:
        environment["WEB_THREADS"] = str(options.threads)
    with _server(["chirp_auth.server"], APP_PORT, "/healthz/ready", environment):
        yield


@contextmanager
def _server(
    module: list[str], port: int, path: str, environment: dict[str, str], *, python: str = sys.executable
) -> Iterator[subprocess.Popen[bytes]]:
    child = subprocess.Popen(
        [python, "-m", *module],
        cwd=ROOT,
        env=environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        _wait(child, f"http://127.0.0.1:{port}{path}")
        yield child
    finally:
        child.terminate()
        child.wait(timeout=30)


def _wait(child: subprocess.Popen[bytes], url: str) -> None:
    for _ in range(300):
        if child.poll() is not None:
            raise SystemExit(f"{child.args!r} ended before it was ready")
        try:
            urllib.request.urlopen(url, timeout=2).close()
            return
        except urllib.error.HTTPError:
            return
        except OSError:
            time.sleep(0.2)
    raise SystemExit(f"{url} did not answer")


def _database(folder: Path, name: str, options: argparse.Namespace) -> str:
    return options.database_url or f"sqlite:///{folder / name}.db"


def _default_threads() -> int:
    return int(Settings.model_fields["web_threads"].default)


if __name__ == "__main__":
    main()
