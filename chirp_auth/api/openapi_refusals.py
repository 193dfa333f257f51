"""Refusals in the OpenAPI document: which ones a call gives, and how its dialect words them."""

from collections.abc import Iterable, Iterator
from typing import Any

from chirp_auth import errors
from chirp_auth.api import request_body
from chirp_auth.api.dialect import Dialect
from chirp_auth.api.openapi_schemas import ref
from chirp_auth.api.route import Route
from chirp_auth.errors import AuthError, UnsupportedMediaType, ValidationFailed

EXAMPLE_TIME = "2026-01-15T10:00:00Z"
UNREADABLE = (
    errors.MalformedJson(),
    errors.UnsupportedMediaType(),
    errors.PayloadTooLarge(),
    errors.RequestTimeout(),
)
ALWAYS = (errors.ServiceBusy(), errors.InternalError())
OUTSIDE = (errors.NotFound(), errors.MethodNotAllowed(), errors.MalformedRequest())  # of any call


def refusals_of(dialect: Dialect, route: Route) -> Iterator[AuthError]:
    """Yield all that a call may be refused for."""
    for refusal in (*route.refusals, *_refusals_of_input(route), *ALWAYS):
        # What is not JSON is a form on the paths of pages.
        if not (dialect.subdomain and isinstance(refusal, UnsupportedMediaType)):
            yield refusal


def codes_of(dialect: Dialect) -> list[str]:
    """Return the code of everything that the contract refuses, in order of the alphabet."""
    refusals = [refusal for route in dialect.routes for refusal in refusals_of(dialect, route)]
    return sorted({refusal.code for refusal in (*refusals, *OUTSIDE)})


def responses(dialect: Dialect, path: str, refusals: Iterable[AuthError]) -> dict[str, Any]:
    """Return the refusals by status, each with an example of every code: what the dialect really says."""
    described: dict[str, Any] = {}
    for refusal in refusals:
        body = dialect.refusal(refusal, path)
        content = {"schema": ref(type(body)), "examples": {}}
        response = described.setdefault(
            str(dialect.status(refusal)), {"description": "Refused", "content": {dialect.refusal_type: content}}
        )
        for header, value in dialect.headers(refusal).items():
            response["headers"] = {header: _header(value)}
        example = body.model_dump(mode="json", exclude_unset=True)
        if "timestamp" in example:
            example["timestamp"] = EXAMPLE_TIME
        examples = response["content"][dialect.refusal_type]["examples"]
        examples[refusal.code if refusal.code not in examples else f"{refusal.code}_2"] = {"value": example}
    return {status: described[status] for status in sorted(described)}


def _header(value: str) -> dict[str, Any]:
    if value.isdigit():
        return {"description": "Seconds", "schema": {"type": "integer", "format": "int32"}, "example": int(value)}
    return {"schema": {"type": "string"}, "example": value}


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
