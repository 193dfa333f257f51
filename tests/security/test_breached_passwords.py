"""Breached passwords: the corpus becomes a file, and nobody may choose what is in it."""

import json
from collections.abc import Callable
from hashlib import sha1
from pathlib import Path

import pytest
from flask.testing import FlaskClient, FlaskCliRunner

from chirp_auth.http.routing import Application
from chirp_auth.security import breached_passwords
from config import ConfigurationError, Settings, load

Build = Callable[[Settings], Application]

BREACHED = "four borrowed lanterns"
OTHER = "seven painted ladders"
MANY = [f"password number {number}" for number in range(2000)]


def lines_of(*passwords: str, seen: int = 3) -> list[str]:
    return sorted(f"{sha1(password.encode()).hexdigest().upper()}:{seen}" for password in passwords)


def write(path: Path, lines: list[str]) -> Path:
    path.write_text("".join(f"{line}\r\n" for line in lines))  # As the downloader does.
    return path


def built(runner: FlaskCliRunner, source: Path, target: Path, *options: str) -> dict[str, object]:
    result = runner.invoke(args=["auth", "breached", "build", str(source), str(target), "--json", *options])
    assert result.exit_code == 0, result.output
    facts: dict[str, object] = json.loads(result.stdout)
    return facts


def register(client: FlaskClient, password: str, email: str = "new@example.com") -> tuple[int, str]:
    answer = client.post("/api/v1/auth/register", json={"email": email, "password": password})
    return answer.status_code, answer.get_json().get("detail", "")


@pytest.fixture
def corpus(runner: FlaskCliRunner, tmp_path: Path) -> Path:
    target = tmp_path / "breached.bin"
    built(runner, write(tmp_path / "corpus.txt", lines_of(BREACHED, *MANY)), target)
    return target


def test_a_breached_password_cannot_be_chosen(settings: Settings, corpus: Path, build: Build) -> None:
    client = build(settings.model_copy(update={"breached_passwords": corpus})).test_client()

    status, told = register(client, BREACHED)

    assert (status, "data breach" in told) == (400, True)
    assert register(client, OTHER)[0] == 201


def test_every_password_of_the_corpus_is_found_and_no_other(corpus: Path) -> None:
    opened = breached_passwords.open_corpus(corpus)

    assert opened.size == len(MANY) + 1
    assert all(password in opened for password in (BREACHED, *MANY))
    assert not any(f"{password}!" in opened for password in (BREACHED, *MANY))


def test_an_empty_corpus_has_nothing(runner: FlaskCliRunner, tmp_path: Path) -> None:
    built(runner, write(tmp_path / "corpus.txt", []), tmp_path / "empty.bin")

    assert BREACHED not in breached_passwords.open_corpus(tmp_path / "empty.bin")


def test_a_folder_of_ranges_makes_the_same_file(runner: FlaskCliRunner, corpus: Path, tmp_path: Path) -> None:
    ranges = tmp_path / "ranges"
    ranges.mkdir()
    (ranges / "README.md").write_text("not a range")
    for line in lines_of(BREACHED, *MANY):
        with (ranges / f"{line[:5]}.txt").open("a") as file:
            file.write(f"{line[5:]}\n")

    facts = built(runner, ranges, tmp_path / "other.bin")

    assert facts["passwords"] == len(MANY) + 1
    assert (tmp_path / "other.bin").read_bytes() == corpus.read_bytes()


def test_what_was_seen_rarely_can_be_left_out(runner: FlaskCliRunner, tmp_path: Path) -> None:
    lines = sorted(lines_of(BREACHED, seen=10) + lines_of(OTHER, seen=9))
    facts = built(runner, write(tmp_path / "corpus.txt", lines), tmp_path / "breached.bin", "--at-least", "10")

    opened = breached_passwords.open_corpus(tmp_path / "breached.bin")
    assert (facts["passwords"], BREACHED in opened, OTHER in opened) == (1, True, False)


@pytest.mark.parametrize(
    ("lines", "complaint"),
    [
        (["hunter2:3"], "line 1: not a SHA-1 digest"),
        ([*lines_of(BREACHED), "A" * 35 + ":1"], "line 2: not a SHA-1 digest"),
        (lines_of(BREACHED, OTHER)[::-1], "line 2: not in ascending order"),
    ],
)
def test_a_source_that_is_no_corpus_leaves_the_file_before_it_in_place(
    runner: FlaskCliRunner, corpus: Path, tmp_path: Path, lines: list[str], complaint: str
) -> None:
    before = corpus.read_bytes()
    source = write(tmp_path / "bad.txt", lines)

    result = runner.invoke(args=["auth", "breached", "build", str(source), str(corpus)])

    assert result.exit_code == 1
    assert complaint in result.stderr
    assert corpus.read_bytes() == before
    assert not [path for path in tmp_path.iterdir() if path.name.startswith(".")], "a draft was left behind"


def test_a_folder_without_ranges_is_refused(runner: FlaskCliRunner, tmp_path: Path) -> None:
    result = runner.invoke(args=["auth", "breached", "build", str(tmp_path), str(tmp_path / "breached.bin")])

    assert result.exit_code == 1
    assert "such as 00000.txt" in result.stderr


def test_a_new_file_counts_at_once_and_a_lost_one_goes_on_counting(
    runner: FlaskCliRunner, corpus: Path, tmp_path: Path
) -> None:
    assert not breached_passwords.is_breached(OTHER, corpus)

    built(runner, write(tmp_path / "corpus.txt", lines_of(OTHER)), corpus)
    assert breached_passwords.is_breached(OTHER, corpus)
    assert not breached_passwords.is_breached(BREACHED, corpus)

    corpus.unlink()
    assert breached_passwords.is_breached(OTHER, corpus)
    corpus.write_bytes(b"chirpBP1" + bytes(5))
    assert breached_passwords.is_breached(OTHER, corpus)


def test_a_file_that_is_no_corpus_stops_the_start(tmp_path: Path) -> None:
    path = tmp_path / "list.txt"
    path.write_text("hunter2\n")

    with pytest.raises(ConfigurationError, match="BREACHED_PASSWORDS must name a file that"):
        load(_env_file=None, breached_passwords=path)


def test_off_is_no_file() -> None:
    assert load(_env_file=None, breached_passwords="off").breached_passwords is None
