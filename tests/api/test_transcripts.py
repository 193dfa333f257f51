"""Every row of the published contracts, byte for byte, as text that people can read.

A contract is frozen: a transcript changes on purpose only, with `REWRITE_TRANSCRIPTS=1 make test ARGS=tests/api`.
"""

import json
import os
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import time_machine
from flask.testing import FlaskClient
from sqlalchemy import event
from sqlalchemy.exc import OperationalError
from werkzeug.test import TestResponse

from chirp_auth.extensions import db
from chirp_auth.http.routing import Application
from chirp_auth.models import User
from config import Settings
from tests.api.scenes import LARGE, Scene, scenes
from tests.api.stage import Stage, fill
from tests.conftest import _settings

FOLDER = Path(__file__).parent / "transcripts"
START = datetime(2026, 1, 15, 10, 0, 0, 500_000, tzinfo=UTC)
DIALECTS = ("v1", "marketplace", "seller", "plain")
UUID = r"\b[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}\b"
SCENES = [(dialect, scene) for dialect in DIALECTS for scene in scenes(dialect)]
# What a view answers comes from the same code on both databases: on PostgreSQL one scene of each view is enough.
FIRST_OF_VIEW = {(dialect, scene.method, scene.path): scene for dialect, scene in reversed(SCENES)}.values()
ALL = [
    pytest.param(dialect, scene, database, id=f"{dialect}-{scene.name}-{database}")
    for dialect, scene in SCENES
    for database in ("sqlite", "postgresql")
    if database == "sqlite" or scene in FIRST_OF_VIEW
]


@pytest.fixture
def settings(database_url: str, scene: Scene) -> Settings:
    return _settings(database_url, **scene.settings)


@pytest.fixture
def stage(app: Application, client: FlaskClient, clock: time_machine.Traveller, alice: User) -> Stage:
    return Stage(client, clock, alice)


@pytest.fixture
def clock() -> Iterator[time_machine.Traveller]:
    """Time stands still."""
    with time_machine.travel(START, tick=False) as clock:
        yield clock


@pytest.mark.parametrize(("dialect", "scene", "database_url"), ALL, indirect=["database_url"])
def test_the_contract_is_kept_to_the_byte(dialect: str, scene: Scene, stage: Stage) -> None:
    seen = play(stage, scene)

    kept = FOLDER / dialect / f"{scene.name}.txt"
    if os.environ.get("REWRITE_TRANSCRIPTS"):
        kept.parent.mkdir(parents=True, exist_ok=True)
        kept.write_text(seen, encoding="utf-8")
    assert seen == kept.read_text(encoding="utf-8")


def test_every_transcript_belongs_to_a_scene() -> None:
    kept = {f"{path.parent.name}/{path.stem}" for path in FOLDER.glob("*/*.txt")}

    assert kept == {f"{dialect}/{scene.name}" for dialect in DIALECTS for scene in scenes(dialect)}


def play(stage: Stage, scene: Scene) -> str:
    """Send the scene's request and return request and answer as text, with names for what varies."""
    path, body, bearer = (_filled(stage, part) for part in (scene.path, scene.body, scene.bearer))
    headers = {"Content-Type": scene.content_type} if body is not None else {}
    if bearer is not None:
        headers["Authorization"] = f"Bearer {bearer}"
    if scene.broken:
        _break(scene.broken)
    for _ in range(scene.times):
        answer = stage.client.open(str(path), method=scene.method, headers=headers, data=body)
    request = [f"{scene.method} {path} HTTP/1.1", *(f"{name}: {value}" for name, value in headers.items())]
    text = "\n".join([*request, "", _shown(body), *_answer(answer)])
    return _with_names(text, stage.kept) + "\n"


def _filled(stage: Stage, part: Any) -> str | None:
    if part is None:
        return None
    return fill(stage, part if isinstance(part, str) else json.dumps(part))


def _shown(body: str | None) -> str:
    if body is None:
        return ""
    return ("(1 MB of JSON)" if body == LARGE else body) + "\n"


def _answer(answer: TestResponse) -> Iterator[str]:
    yield f"HTTP/1.1 {answer.status}"
    for name, value in sorted(answer.headers.items()):
        if name not in ("Content-Length", "X-Request-Id"):
            yield f"{name}: {value}"
    yield ""
    yield answer.get_data(as_text=True)


def _with_names(text: str, kept: dict[str, str]) -> str:
    for name, value in kept.items():
        text = text.replace(value, f"<{name}>")
    text = re.sub(r'"(access_token|refresh_token|ticket)":"[\w.-]+"', r'"\1":"<\1>"', text)
    text = re.sub(r'("secret":"|secret=)[A-Z2-7]{32}', r"\1<secret>", text)
    text = re.sub(r'"[A-Z2-9]{5}-[A-Z2-9]{5}"', '"<recovery_code>"', text)
    text = re.sub(r'"(state|challenge)":"[\w.-]+"', r'"\1":"<\1>"', text)
    text = re.sub(r'"id":"[\w-]{22}"', '"id":"<user handle>"', text)
    found: dict[str, str] = {}
    return re.sub(UUID, lambda match: found.setdefault(match[0], f"<uuid {len(found) + 1}>"), text)


def _break(what: str) -> None:
    """Let the next statement fail as it does without a database, or as a bug would."""

    def fail(*_statement: object) -> None:
        raise OperationalError("SELECT", {}, Exception("away")) if what == "database" else RuntimeError("a bug")

    event.listen(db.engine, "before_cursor_execute", fail)
