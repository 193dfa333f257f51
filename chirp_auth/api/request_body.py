"""Request bodies and queries: from untrusted bytes to checked values, or a refusal."""

import json
from collections.abc import Mapping
from typing import Any, TypeVar

from flask import request
from pydantic import BaseModel, ValidationError

from chirp_auth.errors import EmptyBody, InvalidEmail, MalformedJson, UnsupportedMediaType, ValidationFailed

Schema = TypeVar("Schema", bound=BaseModel)


def read(schema: type[Schema]) -> Schema:
    """Return the request's JSON body as `schema`.

    Raises:
        UnsupportedMediaType: it is not called JSON.
        MalformedJson: it is not one JSON text in UTF-8 (RFC 8259), or names a member twice.
        ValidationFailed: a member is missing or of another type; the fields say which.
        InvalidEmail: all is in place, but an address is not an address.
    """
    if not request.is_json:
        raise UnsupportedMediaType
    body = request.get_data(cache=False)
    if not body:
        raise EmptyBody
    return check(schema, _parse(body))


def check(schema: type[Schema], value: Any) -> Schema:
    """Return parsed JSON as `schema`.

    Raises:
        ValidationFailed, InvalidEmail: as for `read`.
    """
    try:
        return schema.model_validate(value)
    except ValidationError as error:
        details = error.errors(include_input=False, include_url=False, include_context=False)
        fields = {_path(detail["loc"]): detail["msg"] for detail in details if detail["type"] != "invalid_email"}
        if fields:
            raise ValidationFailed(fields, _sentence(fields)) from None
        raise InvalidEmail from None


def read_numbers(maxima: Mapping[str, int]) -> dict[str, int | None]:
    """Return the whole numbers of the query by name, None where there is none; `maxima` are the largest ones.

    Raises:
        ValidationFailed: one is not a whole number from 1 to its maximum.
    """
    return {name: check_number(name, request.args.get(name), most) for name, most in maxima.items()}


def check_number(name: str, text: str | None, most: int) -> int | None:
    """Return the text as a number from 1 to `most`.

    Raises:
        ValidationFailed: as for `read_numbers`.
    """
    if text is None:
        return None
    if not (text.isascii() and text.isdigit() and len(text) <= len(str(most)) and 1 <= int(text) <= most):
        raise ValidationFailed({name: f"must be a whole number from 1 to {most}"}, f"Not valid: {name}.")
    return int(text)


def _parse(body: bytes) -> Any:
    try:
        return json.loads(body.decode("utf-8"), object_pairs_hook=_without_repeats, parse_constant=_refuse)
    except (ValueError, RecursionError):
        raise MalformedJson from None


def _without_repeats(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Refuse two members of one name: parsers differ in which of them counts."""
    members = dict(pairs)
    if len(members) != len(pairs):
        raise ValueError("a member is named twice")
    return members


def _refuse(constant: str) -> None:
    raise ValueError(f"{constant} is not JSON")


def _path(location: tuple[int | str, ...]) -> str:
    return ".".join(str(part) for part in location) or "body"


def _sentence(fields: dict[str, str]) -> str:
    return f"Not valid: {', '.join(fields)}."
