"""`make reset`: development's data goes, and nothing else, and only after a yes."""

import subprocess
import sys
from pathlib import Path

from tests.support.server import ROOT, application, environment_for
from tests.support.terminal import Terminal

CHEAP = {"BCRYPT_COST": "4"}
OTHERS = ("notes.txt", "chirp.db.backup")


def reset(folder: Path, *arguments: str, **settings: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "scripts.reset", *arguments],
        env=environment_for(settings, folder),
        cwd=ROOT,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )


def names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


def make_data(folder: Path) -> set[str]:
    """Let there be what looks like data, and other files; return the names."""
    for name in ("chirp.db-wal", "chirp.db-shm", "chirp.db.secret-key", "chirp.db.demo-password", *OTHERS):
        (folder / name).write_text("x")
    (folder / "chirp.db").touch()
    (folder / "chirp.db.mailbox").mkdir()
    (folder / "chirp.db.mailbox" / "1.eml").touch()
    return names(folder)


def test_not_while_the_server_runs_and_then_all_that_it_made(tmp_path: Path) -> None:
    with application(CHEAP, tmp_path, seconds=90):
        refused = reset(tmp_path, "--yes")
    assert (refused.returncode, "stop the server first. Nothing was removed." in refused.stderr) == (1, True)
    made = names(tmp_path) - {"server.log"}
    assert {"chirp.db", "chirp.db.secret-key", "chirp.db.jwt-secret", "chirp.db.audit-key"} <= made

    done = reset(tmp_path, "--yes")

    assert (done.returncode, done.stderr, names(tmp_path)) == (0, "", {"server.log"})
    assert all(str(tmp_path / name) in done.stdout for name in made)
    assert "nothing to remove" in reset(tmp_path, "--yes").stdout


def test_what_is_not_development_s_stays(tmp_path: Path) -> None:
    made = make_data(tmp_path)

    for settings, said in (
        ({"APP_ENV": "production"}, "APP_ENV=production"),
        ({"DATABASE_URL": "postgresql://chirp:pass-word@127.0.0.1/chirp"}, "drop that database there"),
        ({"PORT": "many"}, "see: make run"),
    ):
        refused = reset(tmp_path, "--yes", **settings)
        assert (refused.returncode, refused.stdout) == (1, "")
        assert said in refused.stderr
        assert "Traceback" not in refused.stderr
        assert "pass-word" not in refused.stderr
    assert names(tmp_path) == made

    assert reset(tmp_path, "--yes").returncode == 0
    assert names(tmp_path) == set(OTHERS)


def test_it_asks_and_without_a_terminal_removes_nothing(tmp_path: Path) -> None:
    made = make_data(tmp_path)

    unasked = reset(tmp_path)
    assert (unasked.returncode, "make reset ARGS=--yes" in unasked.stderr) == (1, True)

    with Terminal(["scripts.reset"], environment_for({}, tmp_path)) as terminal:
        terminal.wait_for("chirp.db.mailbox")
        terminal.wait_for("Remove all of it? [y/N]")
        terminal.type("")
        assert terminal.wait() == 1
        assert "Nothing was removed." in terminal.plain
    assert names(tmp_path) == made

    with Terminal(["scripts.reset"], environment_for({}, tmp_path)) as terminal:
        terminal.wait_for("Remove all of it? [y/N]")
        terminal.type("y")
        assert terminal.wait() == 0
    assert names(tmp_path) == set(OTHERS)
