"""`python -m bench.strength`: do pages stay fast while many clients let the server judge hostile passwords?

Each scene has its own server in production mode, as `make serve` starts it, with SQLite. While 40 connections ask
again as soon as they are answered, one visitor opens the sign-in page ten times a second from an address of its own.
"""

import argparse
import http.client
import json
import os
import random
import re
import tempfile
import time
from collections import Counter
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlencode

from bench import load
from bench.__main__ import _server
from chirp_auth.security import password_guesses

PORT = 6154
LEET = "4@8({[<369&#!1/|0$5+7%2"
HOSTILE = "".join(random.Random(7).choices(LEET, k=72))
VISIT_EVERY_SECONDS = 0.1
VISITOR_ADDRESS = "127.0.1.1"


class Scene(NamedTuple):
    """What is asked, from how many addresses, and whether the limits per client hold."""

    name: str
    path: str
    clients: int
    limited: bool


SCENES = [
    Scene("nobody", "", 1, True),
    Scene("hint, one address", "/password-strength", 1, True),
    Scene("hint, 40 addresses", "/password-strength", 40, True),
    Scene("hint, no limits", "/password-strength", 40, False),
    Scene("register, one address", "/api/v1/auth/register", 1, True),
    Scene("register, 40 addresses", "/api/v1/auth/register", 40, True),
    Scene("register, no limits", "/api/v1/auth/register", 40, False),
]


def main() -> None:
    options = _options()
    print(f"one judgement of the hostile password: {_cost(HOSTILE) * 1000:.1f} ms")
    for scene in SCENES:
        if options.only in scene.name:
            _measure(scene, options.connections, options.seconds)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench.strength", description=__doc__)
    parser.add_argument("--connections", type=int, default=40)
    parser.add_argument("--seconds", type=float, default=8.0, help="for each scene")
    parser.add_argument("--only", default="", help="scenes whose name holds this")
    return parser.parse_args()


def _cost(password: str) -> float:
    password_guesses.estimate("warm up", set())
    spent = []
    for _ in range(20):
        started = time.thread_time()
        password_guesses.estimate(password, {"mallory@example.com"})
        spent.append(time.thread_time() - started)
    return min(spent)


def _measure(scene: Scene, connections: int, seconds: float) -> None:
    with (
        tempfile.TemporaryDirectory() as folder,
        _server(["chirp_auth.server"], PORT, "/healthz/ready", _environment(Path(folder), scene)),
        ProcessPoolExecutor(1) as attacker,
    ):
        attack = attacker.submit(_attack, scene, connections, seconds)
        time.sleep(0.5)
        taken = _visit(seconds - 1)
        answers, rate = attack.result()
    p50, p95, longest = (taken[int((len(taken) - 1) * share)] * 1000 for share in (0.5, 0.95, 1))
    print(
        f"{scene.name:24} page p50 {p50:6.1f}  p95 {p95:6.1f}  max {longest:6.1f} ms ({len(taken)})  "
        f"attack {rate:6.0f}/s {dict(answers)}",
        flush=True,
    )


def _attack(scene: Scene, connections: int, seconds: float) -> tuple[Counter[int], float]:
    if not scene.path:
        time.sleep(seconds)
        return Counter(), 0
    result = load.run(PORT, _wire(scene.path), connections=connections, seconds=seconds, clients=scene.clients)
    return result.statuses, result.per_second


def _wire(path: str) -> bytes:
    if path.startswith("/api/"):
        body = json.dumps({"email": "mallory@example.com", "password": HOSTILE})
        return load.request("POST", path, body.encode())
    line = http.client.HTTPConnection("127.0.0.1", PORT, timeout=30)
    line.request("GET", "/register")
    answer = line.getresponse()
    token = re.search(r'name="csrf_token"[^>]* value="([^"]+)"', answer.read().decode())
    assert token
    cookie = (answer.headers["Set-Cookie"] or "").partition(";")[0]
    typed = {"csrf_token": token[1], "email": "mallory@example.com", "password": HOSTILE}
    return load.request("POST", path, urlencode(typed).encode(), "application/x-www-form-urlencoded", cookie)


def _visit(seconds: float) -> list[float]:
    line = http.client.HTTPConnection("127.0.0.1", PORT, timeout=60, source_address=(VISITOR_ADDRESS, 0))
    taken = []
    until = time.perf_counter() + seconds
    while time.perf_counter() < until:
        asked = time.perf_counter()
        line.request("GET", "/login")
        line.getresponse().read()
        taken.append(time.perf_counter() - asked)
        time.sleep(VISIT_EVERY_SECONDS)
    return sorted(taken)


def _environment(folder: Path, scene: Scene) -> dict[str, str]:
    return {
        **os.environ,
        "PORT": str(PORT),
        "DATABASE_URL": f"sqlite:///{folder / 'strength.db'}",
        "RATE_LIMITS_ENABLED": str(scene.limited).lower(),
    }


if __name__ == "__main__":
    main()
