"""The fixtures that start real servers; `tests/conftest.py` names it in `pytest_plugins`.

The process that the developer started keeps one folder for the whole run and the means to start PostgreSQL in
it; test processes (pytest-xdist) come and go. Folder and server end with that process, even if it is killed.
"""

import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page

from tests.support import browser as chromium
from tests.support import kept_work, postgres, redis, smtp
from tests.support.certificate import Certificate, make_certificate
from tests.support.child import Child

RUN_FOLDER = pytest.StashKey[Path]()
KEEPER = pytest.StashKey[Child]()


def pytest_configure(config: pytest.Config) -> None:
    kept_work.keep_compiled_urls()
    kept_work.log_plain_tracebacks()
    given: dict[str, Any] | None = getattr(config, "workerinput", None)
    if given is not None:
        config.stash[RUN_FOLDER] = Path(given["run_folder"])
    elif not config.option.collectonly:
        folder = config.stash[RUN_FOLDER] = make_run_folder()
        (folder / "postgres").mkdir(mode=0o711)
        config.stash[KEEPER] = postgres.prepare(folder / "postgres", remove=folder)


def pytest_collection_finish() -> None:
    kept_work.collect_seldom()


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    if RUN_FOLDER in node.config.stash:
        node.workerinput["run_folder"] = str(node.config.stash[RUN_FOLDER])


def pytest_unconfigure(config: pytest.Config) -> None:
    keeper = config.stash.get(KEEPER, None)
    if keeper is None:
        return
    if foreign := postgres.from_environment(config.stash[RUN_FOLDER].name):
        foreign.drop_everything()
    keeper.stop()


def make_run_folder() -> Path:
    """A path that PostgreSQL's user may enter, short as sockets in it may have 107 characters in all."""
    places = [Path(tempfile.gettempdir()), Path("/tmp"), Path("/var/tmp")]
    suitable = (place for place in places if len(str(place)) < 35 and everybody_may_enter(place))
    folder = Path(tempfile.mkdtemp(prefix="chirp", dir=next(suitable, None)))
    folder.chmod(0o711)
    return folder


def everybody_may_enter(place: Path) -> bool:
    return place.is_dir() and all(part.stat().st_mode & 0o001 for part in (place, *place.resolve().parents))


@pytest.fixture(scope="session")
def run_folder(pytestconfig: pytest.Config) -> Path:
    """A folder that ends with the run, for what has to be shared by all test processes."""
    return pytestconfig.stash[RUN_FOLDER]


@pytest.fixture(scope="session")
def postgres_server(run_folder: Path) -> postgres.PostgresServer:
    """The one PostgreSQL server of this run; it starts with the first test that asks."""
    run = run_folder.name
    return postgres.from_environment(run) or postgres.wait_for(run_folder / "postgres", run)


@pytest.fixture
def postgres_url(postgres_server: postgres.PostgresServer) -> Iterator[str]:
    """The URL of an empty database for one test."""
    with postgres_server.database() as url:
        yield url


@pytest.fixture(scope="module")
def redis_server() -> Iterator[redis.RedisServer]:
    """A running Redis for one file of tests: not to be stopped."""
    with redis.server() as server:
        yield server


@pytest.fixture
def own_redis_server() -> Iterator[redis.RedisServer]:
    """A running Redis for one test, which may stop, kill and start it."""
    with redis.own_server() as server:
        yield server


@pytest.fixture
def smtp_server() -> Iterator[smtp.SmtpServer]:
    """A running mail server for one test."""
    with smtp.server() as server:
        yield server


@pytest.fixture
def certificate(tmp_path: Path) -> Certificate:
    """A self-signed certificate that nobody trusts yet."""
    made = make_certificate(tmp_path)
    if made is None:
        pytest.skip("no openssl command: nothing makes a certificate here")
    return made


@pytest.fixture(scope="session")
def browser(run_folder: Path) -> Iterator[Browser]:
    """A running Chromium for one test process."""
    executable = chromium.find_chromium()
    if executable is None:
        pytest.skip(chromium.MISSING)
    with (
        tempfile.TemporaryDirectory(prefix="b", dir=run_folder) as folder,
        chromium.browser(executable, Path(folder)) as running,
    ):
        yield running


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    """An empty page of a browser that remembers nothing."""
    context = browser.new_context()
    yield context.new_page()
    context.close()
