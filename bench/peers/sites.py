"""The sites that are compared: how each gets its packages and its accounts, is started and is asked for a link."""

import hashlib
import http.client
import os
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlencode

from bench import load
from bench.__main__ import ROOT, _default_threads
from bench.databases import create_accounts

HERE = Path(__file__).parent
CACHE = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "chirp-auth-bench"
ACCOUNTS = 1020  # 1,000 for the load, and some for what is measured one at a time


class Chirp:
    """This application with its default settings, but for the limit per client: one client asks."""

    name = "Chirp Auth"
    page = "/healthz/ready"
    python = sys.executable

    def prepare(self, url: str) -> None:
        """Make the tables and the accounts."""
        environment = {**os.environ, **self.environment(url, 1, 1)}
        create_accounts(environment, [f"user{number}@example.com" for number in range(ACCOUNTS)])

    def server(self, _port: int) -> list[str]:
        return ["chirp_auth.server"]

    def environment(self, url: str, port: int, smtp_port: int) -> dict[str, str]:
        return {
            "PORT": str(port),
            "DATABASE_URL": url,
            "SMTP_HOST": "127.0.0.1",
            "SMTP_PORT": str(smtp_port),
            "PASSWORD_RESET_RATE_LIMIT_LIMIT": "1000000000",
        }

    def wires(self, _port: int, addresses: list[str]) -> list[bytes]:
        path = "/api/v1/auth/forgot-password"
        return [load.request("POST", path, f'{{"email": "{email}"}}'.encode()) for email in addresses]

    def versions(self) -> str:
        return f"{self.name}, Python {sys.version.split()[0]}"


@dataclass(frozen=True)
class DjangoSite:
    """A site in one file, on the packages of a virtual environment of its own."""

    name: str
    module: str
    page: str
    packages: tuple[str, ...]

    @property
    def folder(self) -> Path:
        return CACHE / hashlib.sha256(" ".join(self.packages).encode()).hexdigest()[:12]

    @property
    def python(self) -> str:
        return str(self.folder / "bin" / "python")

    def install(self) -> None:
        """Make the virtual environment, once: later runs find it in the cache."""
        if not (self.folder / "ready").exists():
            uv = [sys.executable, "-m", "uv", "--quiet"]
            run([*uv, "venv", "--clear", "--python", sys.executable, str(self.folder)], {})
            run([*uv, "pip", "install", "--python", self.python, *self.packages], {})
            (self.folder / "ready").touch()

    def prepare(self, url: str) -> None:
        """Make the tables and the accounts."""
        self.install()
        run([self.python, f"{self.module}.py"], self.environment(url, 0, 1), HERE)

    def server(self, port: int) -> list[str]:
        options = ["--interface", "wsgi", "--port", str(port), "--blocking-threads", str(_default_threads())]
        return ["granian", *options, "--no-log", f"{self.module}:application"]

    def environment(self, url: str, _port: int, smtp_port: int) -> dict[str, str]:
        return {
            "PEER_DATABASE_URL": url,
            "PEER_SMTP_PORT": str(smtp_port),
            "PEER_ACCOUNTS": str(ACCOUNTS),
            "PYTHONPATH": str(HERE),
        }

    def wires(self, port: int, addresses: list[str]) -> list[bytes]:
        """Return the form for each address as it goes over the wire, all with the token of one opened page."""
        line = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
        line.request("GET", self.page)
        answer = line.getresponse()
        token = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', answer.read().decode())
        cookie = re.search(r"csrftoken=[^;]+", answer.headers["Set-Cookie"] or "")
        if not (token and cookie):
            raise SystemExit(f"{self.name} answered {answer.status} without a form")
        bodies = (urlencode({"csrfmiddlewaretoken": token[1], "email": email}).encode() for email in addresses)
        kind = "application/x-www-form-urlencoded"
        return [load.request("POST", self.page, body, kind, cookie[0]) for body in bodies]

    def versions(self) -> str:
        listed = run([sys.executable, "-m", "uv", "--quiet", "pip", "freeze", "--python", self.python], {})
        return ", ".join(line for line in listed.split() if line.lower().startswith(("django", "granian")))


Site = Chirp | DjangoSite
BESIDE = ("granian", "psycopg[binary,pool]")
SITES: list[Site] = [
    Chirp(),
    DjangoSite("Django", "django_site", "/accounts/password_reset/", ("django", *BESIDE)),
    DjangoSite(
        "django-allauth",
        "allauth_site",
        "/accounts/password/reset/",
        ("django-allauth", "granian", "psycopg[binary,pool]"),
    ),
]


def run(command: list[str], environment: dict[str, str], folder: Path = ROOT) -> str:
    """Run a command to its end and return what it prints; end the benchmark with its words if it fails."""
    result = subprocess.run(
        command, env={**os.environ, **environment}, cwd=folder, text=True, capture_output=True, check=False
    )
    if result.returncode:
        raise SystemExit(f"{' '.join(command)}\n{result.stdout}{result.stderr}")
    return result.stdout
