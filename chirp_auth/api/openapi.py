"""The OpenAPI 3.1 document: made from the contracts' routes, their models, and refusals as their dialects word them."""

import re
from collections.abc import Iterable, Iterator
from functools import cache
from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaMode, JsonSchemaValue, models_json_schema
from pydantic_core.core_schema import WithDefaultSchema

from chirp_auth import errors
from chirp_auth.api import dialects, request_body
from chirp_auth.api.dialect import Dialect
from chirp_auth.api.route import ACCESS, RESET, Route
from chirp_auth.errors import AuthError, UnsupportedMediaType, ValidationFailed

VERSION = "1"
EXAMPLE_TIME = "2026-01-15T10:00:00Z"
UNREADABLE = (
    errors.MalformedJson(),
    errors.UnsupportedMediaType(),
    errors.PayloadTooLarge(),
    errors.RequestTimeout(),
)
ALWAYS = (errors.ServiceBusy(), errors.InternalError())
OUTSIDE = (errors.NotFound(), errors.MethodNotAllowed(), errors.MalformedRequest())


@cache
def document() -> dict[str, Any]:
    """Return the document of every published contract; it depends on no setting."""
    paths: dict[str, dict[str, Any]] = {}
    responses: dict[str, Any] = {}
    for dialect in dialects.ALL:
        for route in dialect.routes:
            path = re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", dialect.prefix + route.path)
            paths.setdefault(path, {})[route.method.lower()] = _operation(dialect, route, path)
        for refusal in OUTSIDE:
            (response,) = _refusals(dialect, dialect.prefix or "/login", (refusal,)).values()
            responses[f"{dialect.name}.{refusal.code}"] = response
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Chirp Auth",
            "version": VERSION,
            "description": "Accounts and password recovery: one set of rules behind four published contracts.",
        },
        "tags": [{"name": dialect.name, "description": type(dialect).__doc__} for dialect in dialects.ALL],
        "paths": paths,
        "components": {
            "schemas": _schemas(),
            "responses": responses,
            "securitySchemes": {
                ACCESS: {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"},
                RESET: {"type": "http", "scheme": "bearer", "description": "The token from the mailed link"},
            },
        },
    }


def _operation(dialect: Dialect, route: Route, path: str) -> dict[str, Any]:
    refusals: Iterable[AuthError] = (*route.refusals, *_refusals_of_input(route), *ALWAYS)
    if dialect.subdomain:  # What is not JSON is a form there.
        refusals = [refusal for refusal in refusals if not isinstance(refusal, UnsupportedMediaType)]
    operation: dict[str, Any] = {
        "operationId": f"{dialect.name}.{route.name}",
        "tags": [dialect.name],
        "summary": route.summary,
        "responses": {str(status): _answer(model) for status, model in route.answers.items()},
    }
    operation["responses"] |= _refusals(dialect, path, refusals)
    if dialect.subdomain:  # A POST that is not JSON is a page's form there, and a page answers it.
        operation["responses"]["400"]["content"]["text/html"] = {"schema": {"type": "string"}}
        operation["responses"]["default"] = {"description": "The page", "content": {"text/html": {}}}
    if parameters := [*_path_parameters(path), *_query_parameters(route)]:
        operation["parameters"] = parameters
    if route.body:
        operation["requestBody"] = {"required": True, "content": {"application/json": {"schema": _ref(route.body)}}}
    operation["security"] = [{scheme: []} if scheme else {} for scheme in route.security]
    return operation


def _refusals_of_input(route: Route) -> Iterator[AuthError]:
    """Yield how a body and a query may be refused, the latter's first number standing for all."""
    if route.body:
        yield from UNREADABLE
        mistyped = {next(iter(route.body.model_fields)): 0}
        for value in ({}, mistyped):  # Where every member may be left out, nothing is missing from {}.
            try:
                request_body.check(route.body, value)
            except ValidationFailed as refusal:
                yield refusal
                break
    for name, most in route.query.items():
        try:
            request_body.check_number(name, "0", most)
        except ValidationFailed as refusal:
            yield refusal
            break


def _path_parameters(path: str) -> list[dict[str, Any]]:
    return [
        {"name": name, "in": "path", "required": True, "schema": {"type": "string", "format": "uuid"}}
        for name in re.findall(r"{(\w+)}", path)
    ]


def _query_parameters(route: Route) -> list[dict[str, Any]]:
    return [
        {"name": name, "in": "query", "schema": {"type": "integer", "minimum": 1, "maximum": most}}
        for name, most in route.query.items()
    ]


def _answer(model: type[BaseModel] | None) -> dict[str, Any]:
    if model is None:
        return {"description": "Done"}
    return {"description": "Done", "content": {"application/json": {"schema": _ref(model)}}}


def _refusals(dialect: Dialect, path: str, refusals: Iterable[AuthError]) -> dict[str, Any]:
    """Return the refusals by status, each with an example of every code: what the dialect really says."""
    responses: dict[str, Any] = {}
    for refusal in refusals:
        body = dialect.refusal(refusal, path)
        content = {"schema": _ref(type(body)), "examples": {}}
        response = responses.setdefault(
            str(dialect.status(refusal)), {"description": "Refused", "content": {dialect.refusal_type: content}}
        )
        for header, value in dialect.headers(refusal).items():
            response["headers"] = {header: {"schema": {"type": "string"}, "example": value}}
        example = body.model_dump(mode="json", exclude_unset=True)
        if "timestamp" in example:
            example["timestamp"] = EXAMPLE_TIME
        examples = response["content"][dialect.refusal_type]["examples"]
        examples[refusal.code if refusal.code not in examples else f"{refusal.code}_2"] = {"value": example}
    return {status: responses[status] for status in sorted(responses)}


class _Schemas(GenerateJsonSchema):
    def default_schema(self, schema: WithDefaultSchema) -> JsonSchemaValue:
        """Leave `"default": null` out: clients with types would send the null."""
        json_schema = super().default_schema(schema)
        if json_schema.get("default", ...) is None:
            del json_schema["default"]
        return json_schema


def _schemas() -> dict[str, Any]:
    models: dict[type[BaseModel], JsonSchemaMode] = {}
    for dialect in dialects.ALL:
        models[type(dialect.refusal(errors.NotFound(), ""))] = "serialization"
        for route in dialect.routes:
            models |= {model: "serialization" for model in route.answers.values() if model}
            if route.body:
                models[route.body] = "validation"
    _, schema = models_json_schema(
        list(models.items()), ref_template="#/components/schemas/{model}", schema_generator=_Schemas
    )
    return dict(sorted(schema["$defs"].items()))


def _ref(model: type[BaseModel]) -> dict[str, str]:
    return {"$ref": f"#/components/schemas/{model.__name__}"}
