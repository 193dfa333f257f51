"""The real application as a process group of its own, with its own folder, settings and port."""

import contextlib
import os
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from tests.support.child import Child, free_port

ROOT = Path(__file__).parents[2]
KEPT_FROM_THE_OUTSIDE = ("PATH", "LANG", "LC_ALL", "TMPDIR", "SSL_CERT_FILE", "SSL_CERT_DIR")


class Application(Child):
    """A running server: `kill()` is `kill -9` of all its processes, `stop()` is polite."""

    def __init__(
        self,
        settings: Mapping[str, str],
        folder: Path,
        *,
        host: str = "127.0.0.1",
        module: str = "chirp_auth.server",
    ) -> None:
        self.port = int(settings.get("PORT") or free_port())
        self.base_url = f"http://127.0.0.1:{self.port}"
        listen = {"HOST": host, "PORT": str(self.port)}
        environment = {"PUBLIC_URL": self.base_url, **environment_for(settings, folder), **listen}
        command = [sys.executable, "-m", module]
        super().__init__(command, log=folder / "server.log", environment=environment, folder=folder)

    def ready(self) -> bool:
        try:
            with urllib.request.urlopen(f"{self.base_url}/healthz/ready", timeout=5) as answer:
                return bool(answer.status == 200)
        except OSError:
            return False


@contextlib.contextmanager
def application(
    settings: Mapping[str, str],
    folder: Path,
    *,
    host: str = "127.0.0.1",
    module: str = "chirp_auth.server",
    seconds: float = 60,
) -> Iterator[Application]:
    """Start the application and yield it when it is ready; the next one in `folder` finds this one's data."""
    app = Application(settings, folder, host=host, module=module)
    try:
        app.wait_until(app.ready, seconds=seconds)
        yield app
    finally:
        app.stop()


@contextlib.contextmanager
def command(arguments: Sequence[str], settings: Mapping[str, str], folder: Path) -> Iterator[Child]:
    """Run `python -m …`, such as `flask --app wsgi auth worker`, until the block ends."""
    log = folder / f"{'-'.join(word for word in arguments if word.isalpha())}.log"
    environment = environment_for(settings, folder)
    child = Child([sys.executable, "-m", *arguments], log=log, environment=environment, folder=folder)
    try:
        yield child
    finally:
        child.stop()


def environment_for(settings: Mapping[str, str], folder: Path) -> dict[str, str]:
    """The settings and nothing of the developer's own: no `.env`, no `instance/`, no home."""
    kept = {name: os.environ[name] for name in KEPT_FROM_THE_OUTSIDE if name in os.environ}
    return {
        **kept,
        "HOME": str(folder),
        "PYTHONPATH": str(ROOT),
        "PYTHONUNBUFFERED": "1",
        "DATABASE_URL": f"sqlite:///{folder / 'chirp.db'}",
        **settings,
    }
