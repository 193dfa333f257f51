"""The servers that the tests rely on start, do their work, stop, and leave no trace."""

import os
import pwd
import signal
import smtplib
import ssl
import subprocess
import sys
import tempfile
import textwrap
import time
from email.message import EmailMessage
from pathlib import Path

import psycopg
import pytest
import redis
from playwright.sync_api import Page
from sqlalchemy import make_url

from tests.support.certificate import Certificate
from tests.support.child import Child, accepts_connections, free_port
from tests.support.plugin import everybody_may_enter
from tests.support.postgres import PostgresServer, libpq_url
from tests.support.redis import RedisServer
from tests.support.server import ROOT
from tests.support.smtp import SmtpServer
from tests.support.smtp import server as smtp

USES_EVERYTHING = """
    import os, time
    from pathlib import Path

    def test_that_takes_its_time(postgres_url, redis_server, browser, run_folder):
        {then}
"""


def processes_below(folder: Path) -> list[str]:
    """The command lines and working folders of processes that mention this folder."""
    found: list[str] = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            words = (process / "cmdline").read_bytes().decode(errors="replace")
            where = str((process / "cwd").readlink())
        except OSError:
            continue
        if str(folder) in words or str(folder) in where:
            found.append(f"{process.name} {words} in {where}")
    return found


def wait_until_gone(folder: Path) -> None:
    deadline = time.monotonic() + 15
    while left := processes_below(folder) + [str(path) for path in folder.rglob("*")]:
        assert time.monotonic() < deadline, left
        time.sleep(0.05)


def start_a_test_run(folder: Path, then: str, workers: str) -> tuple[subprocess.Popen[str], Path]:
    """Run a test that uses every server in a pytest of its own, whose temporary files go to a folder."""
    test, temporary = folder / "test_run.py", folder / "t"
    temporary.mkdir(mode=0o777)
    test.write_text(textwrap.dedent(USES_EVERYTHING.format(then=then)))
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-p",
        "tests.support.plugin",
        "-p",
        "no:cacheprovider",
        "-n",
        workers,
    ]
    run = subprocess.Popen(
        [*command, f"--basetemp={folder / 'basetemp'}", "-c", ROOT / "pyproject.toml", test],
        cwd=ROOT,
        env={**os.environ, "TMPDIR": str(temporary), "PYTHONDONTWRITEBYTECODE": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    return run, temporary


@pytest.mark.browser
@pytest.mark.parametrize(
    ("end", "workers"),
    [(None, "1"), (signal.SIGINT, "0"), (signal.SIGTERM, "0"), (signal.SIGKILL, "0"), (signal.SIGKILL, "1")],
)
def test_a_run_leaves_nothing_behind_however_it_ends(
    run_folder: Path, end: signal.Signals | None, workers: str
) -> None:
    folder = Path(tempfile.mkdtemp(prefix="r", dir=run_folder))
    folder.chmod(0o711)
    users, modes = pwd.getpwall(), [parent.stat().st_mode for parent in folder.parents]
    then = "pass" if end is None else f"Path({str(folder / 'started')!r}).touch(); time.sleep(60)"

    run, temporary = start_a_test_run(folder, then, workers)
    if end is None:
        output, _ = run.communicate(timeout=180)
        assert run.returncode == 0, output
    else:
        deadline = time.monotonic() + 60
        while not (folder / "started").exists():
            assert run.poll() is None and time.monotonic() < deadline, run.communicate()[0]
            time.sleep(0.05)
        run.send_signal(end)
        run.communicate(timeout=180)

    wait_until_gone(temporary)
    assert pwd.getpwall() == users
    assert [parent.stat().st_mode for parent in folder.parents] == modes


def test_postgres_gives_every_test_an_empty_database_of_its_own(postgres_server: PostgresServer) -> None:
    with postgres_server.database() as one, postgres_server.database() as other:
        with psycopg.connect(libpq_url(make_url(one))) as connection:
            connection.execute("CREATE TABLE users ()")
        with psycopg.connect(libpq_url(make_url(other))) as connection:
            assert connection.execute("SELECT to_regclass('users')").fetchone() == (None,)
    with pytest.raises(psycopg.OperationalError, match="does not exist"):
        psycopg.connect(libpq_url(make_url(one)))


def test_a_postgres_template_is_built_once_and_copied(postgres_server: PostgresServer) -> None:
    built = []

    def build(url: str) -> None:
        built.append(url)
        with psycopg.connect(libpq_url(make_url(url))) as connection:
            connection.execute("CREATE TABLE users ()")

    template = postgres_server.template(f"with_users_{os.getpid()}", build)
    assert postgres_server.template(f"with_users_{os.getpid()}", build) == template
    assert len(built) == 1
    with postgres_server.database(template) as url, psycopg.connect(libpq_url(make_url(url))) as connection:
        assert connection.execute("SELECT count(*) FROM users").fetchone() == (0,)


def test_redis_comes_back_empty_on_the_same_port(own_redis_server: RedisServer) -> None:
    with redis.Redis.from_url(own_redis_server.url) as client:
        client.set("bird", "chirp")
        own_redis_server.kill()
        assert not own_redis_server.running
        with pytest.raises(redis.ConnectionError):
            client.get("bird")
        own_redis_server.start()
        assert client.get("bird") is None


def mail(recipient: str = "alice@example.test") -> EmailMessage:
    message = EmailMessage()
    message["From"], message["To"], message["Subject"] = "chirp@example.test", recipient, "Grüße"
    message.set_content("in words")
    message.add_alternative("<p>in colour</p>", subtype="html")
    return message


def send(server: SmtpServer, message: EmailMessage, timeout: float = 10) -> None:
    with smtplib.SMTP(server.host, server.port, timeout=timeout) as client:
        client.send_message(message)


def test_smtp_keeps_what_it_receives(smtp_server: SmtpServer) -> None:
    send(smtp_server, mail())
    (received,) = smtp_server.wait_for(1)
    assert (received.sender, received.recipients) == ("chirp@example.test", ("alice@example.test",))
    assert received.message["Subject"] == "Grüße"
    assert (received.text.strip(), received.html.strip()) == ("in words", "<p>in colour</p>")


def test_smtp_refuses_one_recipient(smtp_server: SmtpServer) -> None:
    smtp_server.refused_recipients.add("mallory@example.test")
    with pytest.raises(smtplib.SMTPRecipientsRefused) as refusal:
        send(smtp_server, mail("mallory@example.test"))
    assert refusal.value.recipients["mallory@example.test"][0] == 550
    send(smtp_server, mail())
    assert len(smtp_server.messages) == 1


def test_smtp_puts_off_a_message(smtp_server: SmtpServer) -> None:
    smtp_server.answer_to_data = "451 Try again later"
    with pytest.raises(smtplib.SMTPDataError, match="451"):
        send(smtp_server, mail())
    assert (smtp_server.messages, smtp_server.deliveries) == ([], 1)


def test_smtp_answers_slowly(smtp_server: SmtpServer) -> None:
    smtp_server.seconds_before_answer = 1
    with pytest.raises(smtplib.SMTPServerDisconnected, match="timed out"):
        send(smtp_server, mail(), timeout=0.2)


def test_smtp_hangs_up_after_it_accepted(smtp_server: SmtpServer) -> None:
    smtp_server.hang_up = "after the answer"
    with (
        pytest.raises(smtplib.SMTPServerDisconnected),
        smtplib.SMTP(smtp_server.host, smtp_server.port) as client,
    ):
        assert client.send_message(mail()) == {}
        client.noop()
    smtp_server.hang_up = "before the answer"
    with pytest.raises(smtplib.SMTPServerDisconnected):
        send(smtp_server, mail())
    assert len(smtp_server.messages) == 2


def test_smtp_stops_and_starts_on_the_same_port(smtp_server: SmtpServer) -> None:
    with smtplib.SMTP(smtp_server.host, smtp_server.port) as client:
        client.noop()
        smtp_server.stop()
        with pytest.raises(smtplib.SMTPServerDisconnected):
            client.noop()
    with pytest.raises(ConnectionRefusedError):
        send(smtp_server, mail())
    smtp_server.start()
    send(smtp_server, mail())
    assert len(smtp_server.messages) == 1


@pytest.mark.parametrize("from_the_start", [False, True])
def test_smtp_encrypts_for_those_who_trust_its_certificate(certificate: Certificate, from_the_start: bool) -> None:
    trusting, strict = ssl.create_default_context(cafile=certificate.path), ssl.create_default_context()
    moods = {"tls": certificate.server_context(), "tls_from_the_start": from_the_start}

    def send_encrypted(server: SmtpServer, context: ssl.SSLContext) -> None:
        if from_the_start:
            client: smtplib.SMTP = smtplib.SMTP_SSL(server.host, server.port, context=context)
        else:
            client = smtplib.SMTP(server.host, server.port)
        with client:
            if not from_the_start:
                client.starttls(context=context)
            client.login("chirp", "a secret of the test")
            client.send_message(mail())

    with smtp(**moods, accounts={"chirp": "a secret of the test"}) as server:
        with pytest.raises(ssl.SSLCertVerificationError):
            send_encrypted(server, strict)
        send_encrypted(server, trusting)
        (received,) = server.messages
        assert (received.encrypted, received.signed_in_as) == (True, "chirp")


@pytest.mark.browser
def test_the_browser_shows_a_page(page: Page) -> None:
    page.set_content("<h1>Chirp</h1>")
    assert page.get_by_role("heading").inner_text() == "Chirp"


def test_a_child_is_killed_with_all_its_children(tmp_path: Path) -> None:
    child = Child(["sh", "-c", "sleep 60 & sleep 60"], log=tmp_path / "log", folder=tmp_path)
    child.wait_until(lambda: len(processes_below(tmp_path)) >= 3)
    child.kill()
    assert not child.running
    assert processes_below(tmp_path) == []


def test_a_child_is_asked_before_it_is_killed(tmp_path: Path) -> None:
    child = Child(["sh", "-c", "trap 'echo goodbye; exit 3' TERM; echo ready; sleep 60 & wait"], log=tmp_path / "log")
    child.wait_until(lambda: "ready" in child.output)
    assert child.stop() == 3
    assert child.output.split() == ["ready", "goodbye"]


def test_a_child_that_fails_says_what_it_printed(tmp_path: Path) -> None:
    child = Child(["sh", "-c", "echo the port is taken; exit 1"], log=tmp_path / "log")
    port = free_port()
    with pytest.raises(RuntimeError, match=r"ended with 1 .*\n.*the port is taken"):
        child.wait_until(lambda: accepts_connections(port))


def test_the_run_folder_may_be_entered_by_everybody(run_folder: Path) -> None:
    assert everybody_may_enter(run_folder)
