"""The OpenAPI document: valid, complete, the same as the file in docs/, and shown as a page."""

import json
from pathlib import Path

import pytest
from flask.testing import FlaskClient, FlaskCliRunner
from openapi_spec_validator import validate

from chirp_auth.routing import Application

KEPT = Path(__file__).parents[2] / "docs/openapi.json"


@pytest.fixture(params=["sqlite"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The document is the same on every database."""
    return f"sqlite:///{tmp_path / 'unused.db'}"


def test_the_document_is_valid_openapi(client: FlaskClient) -> None:
    answer = client.get("/api/openapi.json")

    assert answer.mimetype == "application/json"
    assert answer.get_json()["openapi"].startswith("3.1")
    validate(answer.get_json())


def test_the_document_is_the_one_in_docs(client: FlaskClient) -> None:
    assert client.get("/api/openapi.json").get_json() == json.loads(KEPT.read_text(encoding="utf-8"))


def test_the_command_writes_the_file_in_docs(runner: FlaskCliRunner, tmp_path: Path) -> None:
    written = tmp_path / "openapi.json"

    assert runner.invoke(args=["auth", "openapi", "--output", str(written)]).exit_code == 0

    assert written.read_text(encoding="utf-8") == KEPT.read_text(encoding="utf-8")
    assert runner.invoke(args=["auth", "openapi", "--check", str(written)]).exit_code == 0
    written.write_text("{}", encoding="utf-8")
    assert runner.invoke(args=["auth", "openapi", "--check", str(written)]).exit_code == 1


def test_every_call_of_every_contract_is_described(app: Application, client: FlaskClient) -> None:
    routed = {
        rule.endpoint.removeprefix("auth.")
        for rule in app.url_map.iter_rules()
        if rule.endpoint.startswith(("auth.v1.", "auth.marketplace.", "auth.seller.", "auth.plain."))
    }

    paths = client.get("/api/openapi.json").get_json()["paths"]

    assert {call["operationId"] for calls in paths.values() for call in calls.values()} == routed


def test_the_page_shows_every_call_without_a_script_of_its_own(client: FlaskClient) -> None:
    page = client.get("/api/docs").get_data(as_text=True)

    for path in client.get("/api/openapi.json").get_json()["paths"]:
        assert path in page
    assert "style=" not in page
    assert "<script>" not in page
