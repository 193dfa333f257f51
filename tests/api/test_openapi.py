"""The OpenAPI document: valid, complete, the same as the file in docs/, and shown as a page."""

import json
import re
from html import unescape
from http import HTTPStatus
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient, FlaskCliRunner
from jsonschema import Draft202012Validator
from openapi_spec_validator import validate

from chirp_auth.api.dialects.v1 import PHRASES
from chirp_auth.http.routing import Application
from scripts import examples

DOCS = Path(__file__).parents[2] / "docs"
KEPT = DOCS / "openapi.json"
TRANSCRIPTS = sorted((Path(__file__).parent / "transcripts").glob("*/*.txt"))
SENTENCES = ("detail", "message", "error")


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
    kept = json.loads(KEPT.read_text(encoding="utf-8"))

    served = client.get("/api/openapi.json").get_json()

    assert served.pop("servers") == [{"url": "https://auth.example.com"}]
    assert kept.pop("servers")[0]["url"] == "/"
    assert served == kept


def test_the_command_writes_the_file_in_docs(runner: FlaskCliRunner, tmp_path: Path) -> None:
    written = tmp_path / "openapi.json"

    assert runner.invoke(args=["auth", "openapi", "--output", str(written)]).exit_code == 0

    assert written.read_text(encoding="utf-8") == KEPT.read_text(encoding="utf-8")
    assert runner.invoke(args=["auth", "openapi", "--check", str(written)]).exit_code == 0
    written.write_text("{}", encoding="utf-8")
    assert runner.invoke(args=["auth", "openapi", "--check", str(written)]).exit_code == 1


def test_every_call_of_every_contract_is_described(app: Application, client: FlaskClient) -> None:
    routed = {
        rule.endpoint.removeprefix("auth.").replace(".", "_")
        for rule in app.url_map.iter_rules()
        if rule.endpoint.startswith(("auth.v1.", "auth.marketplace.", "auth.seller.", "auth.plain."))
    }

    paths = client.get("/api/openapi.json").get_json()["paths"]

    assert {call["operationId"] for calls in paths.values() for call in calls.values()} == routed


def test_the_page_shows_every_call_without_a_script_of_its_own(client: FlaskClient) -> None:
    answer = client.get("/api/docs")
    page = answer.get_data(as_text=True)

    assert (answer.status_code, answer.mimetype) == (200, "text/html")
    for path in client.get("/api/openapi.json").get_json()["paths"]:
        assert path in page
    assert "style=" not in page
    assert "<script>" not in page


def test_the_page_weighs_little_and_says_each_answer_and_the_words_of_each_refusal(client: FlaskClient) -> None:
    answer = client.get("/api/docs")
    page = unescape(answer.get_data(as_text=True))
    loaded = re.findall(r'(?:href|src)="(/static/[^"]+)"', page)

    weight = len(answer.data)
    for path in loaded:
        with client.get(path) as file:
            weight += len(file.data)
    assert weight < 80_000
    assert len(loaded) >= 4
    for methods in client.get("/api/openapi.json").get_json()["paths"].values():
        for call in methods.values():
            for status, code, words in _refusals(call["responses"]):
                phrase = PHRASES.get(int(status)) or HTTPStatus(int(status)).phrase
                assert f"<td>{status} {phrase}</td><td><code>{code}</code></td><td>{words}" in page
            for status, response in call["responses"].items():
                if status.startswith("2") and "content" in response:
                    example = response["content"]["application/json"]["example"]
                    assert all(f'"{name}": ' in page for name in example), status


def test_every_call_has_an_example_of_its_body_and_of_each_answer(client: FlaskClient) -> None:
    document = client.get("/api/openapi.json").get_json()

    for methods in document["paths"].values():
        for call in methods.values():
            contents = [call.get("requestBody", {}), *(call["responses"][s] for s in call["responses"] if s < "3")]
            for content in (each["content"]["application/json"] for each in contents if "content" in each):
                Draft202012Validator({**content["schema"], "components": document["components"]}).validate(
                    content["example"]
                )


def test_the_examples_are_those_of_the_transcripts() -> None:
    assert examples.TARGET.read_text(encoding="utf-8") == examples.as_json(), "run: python -m scripts.examples"


@pytest.mark.parametrize("transcript", TRANSCRIPTS, ids=lambda path: f"{path.parent.name}-{path.stem}")
def test_what_a_client_sees_is_what_the_document_says(transcript: Path) -> None:
    document = json.loads(KEPT.read_text(encoding="utf-8"))
    asked, answered = re.split(r"\n(?=HTTP/1.1 \d)", transcript.read_text(encoding="utf-8"), maxsplit=1)
    method, path = re.match(r"(\S+) ([^ ?]+)", asked).groups()  # type: ignore[union-attr]
    head, _, told = answered.partition("\n\n")
    status = head.split()[1]

    described = _responses(document, transcript.parent.name, method, path)[status]

    if not told.strip():
        assert "content" not in described
        return
    content = described["content"][re.search(r"Content-Type: (\S+)", head)[1]]  # type: ignore[index]
    body = json.loads(told.replace("<uuid 1>", "6f1c2d0e-8a3b-4c5d-9e7f-0a1b2c3d4e5f"))
    Draft202012Validator({**content["schema"], "components": document["components"]}).validate(body)
    if code := body.get("code") or body.get("error_code"):
        assert code in {name.removesuffix("_2") for name in content["examples"]}
    for header in described.get("headers", {}).keys() & {"Retry-After"}:
        assert f"{header}: " in head


@pytest.mark.parametrize("contract", ["v1", "marketplace", "seller", "plain"])
def test_the_page_in_docs_lists_every_refusal_of_every_call(contract: str) -> None:
    calls = re.split(r"(?m)^`(?=(?:GET|POST|PATCH|DELETE) /)", (DOCS / f"api/{contract}.md").read_text("utf-8"))[1:]
    row = re.compile(r"(?m)^\| (\d{3}) \| `(\w+)` \| (.+) \|$")

    listed = {call.partition("`")[0]: sorted(row.findall(call)) for call in calls}

    paths = json.loads(KEPT.read_text(encoding="utf-8"))["paths"]
    assert listed == {
        f"{method.upper()} {path}": sorted(_refusals(call["responses"]))
        for path, methods in paths.items()
        for method, call in methods.items()
        if contract in call["tags"]
    }


def _responses(document: dict[str, Any], contract: str, method: str, path: str) -> dict[str, Any]:
    """Return what the document says of a call; what its contract does not have is refused in the shape of the rest."""
    calls = [call for methods in document["paths"].values() for call in methods.values() if contract in call["tags"]]
    ((kind, content),) = calls[0]["responses"]["500"]["content"].items()
    outside = {
        status: {"content": {kind: {"schema": content["schema"], "examples": {code: {}}}}}
        for status, code in (("404", "NOT_FOUND"), ("405", "METHOD_NOT_ALLOWED"))
    }
    for template, methods in document["paths"].items():
        if re.fullmatch(re.sub(r"{\w+}", "[^/]+", template), path) and method.lower() in methods:
            return outside | dict(methods[method.lower()]["responses"])
    return outside


def _refusals(responses: dict[str, Any]) -> list[tuple[str, str, str]]:
    return [
        (status, code.removesuffix("_2"), next(v for k, v in example["value"].items() if k in SENTENCES))
        for status, response in responses.items()
        for content in response.get("content", {}).values()
        for code, example in content.get("examples", {}).items()
    ]
