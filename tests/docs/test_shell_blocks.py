"""Every shell block of README and docs as it stands: `sh` works when pasted, `bash` is a call that the API takes."""

import re
import subprocess
from pathlib import Path
from uuid import uuid4

import pytest

from tests.docs.conftest import FENCE, PAGES, SETTINGS, blocks, blocks_in
from tests.support.server import Application, environment_for

LANGUAGES = {"sh", "bash", "console", "text", "json", "http", "nginx", "haproxy", "caddy", "ini", "yaml"}
# What a call gets whose path, method or body is not what the API takes.
MISTAKES = {404, 405, 408, 413, 415, 422, 500, 503}


def pasted(text: str, server: Application, checkout: Path, *curl_options: str) -> str:
    """Run a text in a shell up to the first command that fails; return what it printed.

    curl reaches the server at its free port under the address that the pages name.
    """
    doors = (f'connect-to = "{host}:5000:127.0.0.1:{server.port}"' for host in ("127.0.0.1", "localhost"))
    (checkout / ".curlrc").write_text("\n".join([*doors, *curl_options]))
    run = subprocess.run(
        ["bash", "-e", "-c", text],
        env={**environment_for(SETTINGS, checkout), "SESSION_ID": str(uuid4())},  # that of a session of the reader's
        cwd=checkout,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=180,
        check=False,
    )
    assert run.returncode == 0, f"{text}\n{run.stdout}\n{run.stderr}"
    return run.stdout


@pytest.mark.parametrize("page", [page for page in PAGES if blocks_in(page, "sh")])
def test_what_a_page_says_to_type_works(page: str, server: Application, checkout: Path) -> None:
    pasted("\n".join(blocks_in(page, "sh")), server, checkout, "fail-with-body")


@pytest.mark.parametrize("page", [page for page in PAGES if blocks_in(page, "sh")])
def test_nothing_on_a_page_means_something_else_where_it_is_typed(page: str) -> None:
    """An interactive zsh takes a comment for a command, and bash `!` in double quotes for a line of its history."""
    bare = re.sub(r"'[^']*'", "", "\n".join(blocks_in(page, "sh"))).replace("!=", "")

    assert not re.search(r"!|(^|\s)#", bare)


@pytest.mark.parametrize("page", [page for page in PAGES if blocks_in(page, "bash")])
def test_the_api_takes_every_call_on_a_page(page: str, server: Application, checkout: Path) -> None:
    for text in blocks_in(page, "bash"):
        body, _, status = pasted(text, server, checkout, "silent", r'write-out = "\n%{http_code}"').rpartition("\n")

        assert int(status) not in MISTAKES, f"{text}\n{status} {body}"
        assert not re.search("Not valid|not readable|Missing required", body), f"{text}\n{body}"


@pytest.mark.parametrize("page", PAGES)
def test_every_block_says_what_it_is(page: str) -> None:
    assert {language for language, _ in blocks(page)} <= LANGUAGES
    outside = FENCE.sub("", PAGES[page].read_text(encoding="utf-8"))
    assert not re.search(r"^\n {4}", outside, re.MULTILINE), "an indented block says nothing, and is pasted indented"
