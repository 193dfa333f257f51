"""What generated clients need of the OpenAPI document: names, limits of values, open lists, links from call to call."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args

import pytest
from flask.testing import FlaskClient

from chirp_auth.api import dialects
from chirp_auth.audit.vocabulary import AccountKind, OwnOutcome
from tests.conftest import on_one_database

DOCUMENT = json.loads((Path(__file__).parents[2] / "docs/openapi.json").read_text(encoding="utf-8"))
SCHEMAS: dict[str, Any] = DOCUMENT["components"]["schemas"]
CALLS = {call["operationId"]: call for calls in DOCUMENT["paths"].values() for call in calls.values()}
TAKEN = {"Date", "Error", "Event", "Map", "Object", "Promise", "Request", "Response", "Set", "String", "Symbol"}
JOURNEY = {
    "v1_register": {"v1_me", "v1_list_sessions", "v1_refresh", "v1_logout", "v1_change_password"},
    "v1_login": {"v1_me", "v1_list_sessions", "v1_refresh", "v1_logout", "v1_change_password"},
    "v1_refresh": {"v1_me", "v1_refresh"},
    "v1_list_sessions": {"v1_end_session", "v1_end_other_sessions"},
    "v1_forgot_password": {"v1_reset_password"},
    "v1_reset_password": {"v1_login"},
    "plain_forgot_password": {"plain_reset_password"},
    "marketplace_reset_password": {"marketplace_login"},
}


def test_every_schema_is_used() -> None:
    used = set(re.findall(r"#/components/schemas/(\w+)", json.dumps(DOCUMENT)))

    assert used == set(SCHEMAS)
    assert set(DOCUMENT["components"]) == {"schemas", "securitySchemes"}


def test_names_are_names_in_every_language() -> None:
    assert [name for name in CALLS if not re.fullmatch(r"[a-z]\w+", name)] == []
    assert [name for name in SCHEMAS if not re.fullmatch(r"[A-Z][A-Za-z0-9]+", name) or name in TAKEN] == []
    assert [member for members in _objects() for member in members["properties"].values() if "title" in member] == []


def test_whole_numbers_say_how_long_they_are() -> None:
    numbers = [node for node in _nodes(DOCUMENT) if node.get("type") == "integer"]

    assert {number.get("format") for number in numbers} == {"int32", "int64"}
    assert SCHEMAS["SecurityEvent"]["properties"]["id"]["format"] == "int64"


def test_problems_are_open_to_new_members() -> None:
    assert SCHEMAS["Problem"]["additionalProperties"] is True
    assert SCHEMAS["WrongField"]["additionalProperties"] is True


@pytest.mark.parametrize("dialect", [dialect for dialect in dialects.ALL if dialect.code_member], ids=lambda d: d.name)
def test_the_codes_of_a_contract_are_listed_and_the_list_is_open(dialect: Any) -> None:
    model = {"v1": "Problem", "marketplace": "MarketplaceRefusal"}[dialect.name]
    transcripts = [path.read_text("utf-8") for path in (Path(__file__).parent / "transcripts" / dialect.name).iterdir()]
    seen = set(re.findall(rf'"{dialect.code_member}": *"([A-Z_]+)"', "".join(transcripts)))

    member = SCHEMAS[model]["properties"][dialect.code_member]

    assert seen > {"VALIDATION_FAILED", "NOT_FOUND"}
    assert seen <= set(re.findall(r"`(\w+)`", member["description"]))
    assert "enum" not in member


@pytest.mark.parametrize(("member", "words"), [("kind", get_args(AccountKind)), ("outcome", get_args(OwnOutcome))])
def test_the_words_of_an_event_are_listed_and_the_list_is_open(member: str, words: tuple[str, ...]) -> None:
    described = SCHEMAS["SecurityEvent"]["properties"][member]

    assert set(words) <= set(re.findall(r"`([\w.]+)`", described["description"]))
    assert "enum" not in described


def test_a_concealed_registration_has_a_shape_of_its_own() -> None:
    for contract in ("v1", "marketplace", "plain"):
        shape = _shape(CALLS[f"{contract}_register"]["responses"]["202"])

        answers = [answer for call in CALLS.values() for answer in call["responses"].items()]
        assert shape not in {_shape(answer) for status, answer in answers if status != "202"}


@pytest.mark.parametrize("call", JOURNEY)
def test_answers_lead_to_the_next_call(call: str) -> None:
    assert JOURNEY[call] <= {link["operationId"] for link in _links(CALLS[call])}


def test_links_lead_to_calls_that_exist_and_take_what_is_there() -> None:
    for call in CALLS.values():
        answer = next(iter(call["responses"].values()))
        for link in _links(call):
            target = CALLS[link["operationId"]]
            parameters = {parameter["name"] for parameter in target.get("parameters", [])}
            assert link.get("parameters", {}).keys() <= parameters
            if body := link.get("requestBody"):
                assert body.keys() == _members(target["requestBody"]).keys()
            for expression in [*link.get("parameters", {}).values(), *link.get("requestBody", {}).values()]:
                member = re.fullmatch(r"\$response\.body#/(\w+)(?:/0/id)?", expression)
                assert member, expression
                assert member[1] in _members(answer)


@on_one_database
@pytest.mark.settings(rate_limits_enabled=False)
@pytest.mark.parametrize("member", ["first_name", "last_name", "password", "email"])
def test_lengths_are_those_that_are_enforced(client: FlaskClient, member: str) -> None:
    limits = _members(CALLS["v1_register"]["requestBody"])[member]
    limits = next((choice for choice in limits.get("anyOf", []) if "maxLength" in choice), limits)

    def status(length: int) -> int:
        text = {
            "email": f"{'a' * 60}@{'.'.join(['b' * 60] * 4)}"[: length - 6] + ".co.uk",
            "password": "quiet violet anvils sing to nobody before the long winter returns, twice over"[-length:],
        }.get(member, "n" * length)
        assert len(text) == length
        body = {"email": "alice@example.com", "password": "seven quiet herons", member: text}
        return client.post("/api/v1/auth/register", json=body).status_code

    assert status(limits["maxLength"] + 1) in (400, 422)
    assert status(limits["maxLength"]) == 201
    if "minLength" in limits:
        assert status(limits["minLength"] - 1) == 400


def _nodes(node: Any) -> Iterator[dict[str, Any]]:
    if isinstance(node, dict):
        yield node
    for child in node.values() if isinstance(node, dict) else node if isinstance(node, list) else ():
        yield from _nodes(child)


def _objects() -> list[dict[str, Any]]:
    return [schema for schema in SCHEMAS.values() if "properties" in schema]


def _links(call: dict[str, Any]) -> list[dict[str, Any]]:
    return [link for answer in call["responses"].values() for link in answer.get("links", {}).values()]


def _shape(answer: dict[str, Any]) -> str:
    content = answer.get("content", {}).get("application/json", {})
    return str(content.get("schema", {}).get("$ref", "").rpartition("/")[2])


def _members(body: dict[str, Any]) -> dict[str, Any]:
    return dict(SCHEMAS[_shape(body)]["properties"])
