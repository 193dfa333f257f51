"""Request bodies: from bytes that anyone may have sent to a checked schema, or a refusal."""

import json
from typing import Any, TypeVar

from flask import request
from pydantic import BaseModel, ValidationError

from chirp_auth.errors import InvalidEmail, MalformedJson, UnsupportedMediaType, ValidationFailed

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
    return check(schema, _parse(request.get_data(cache=False)))


def check(schema: type[Schema], given: Any) -> Schema:
    """Return parsed JSON as `schema`.

    Raises:
        ValidationFailed, InvalidEmail: as for `read`.
    """
    try:
        return schema.model_validate(given)
    except ValidationError as error:
        wrong = error.errors(include_input=False, include_url=False, include_context=False)
        fields = {_path(each["loc"]): each["msg"] for each in wrong if each["type"] != "invalid_email"}
        if fields:
            raise ValidationFailed(fields, _sentence(fields)) from None
        raise InvalidEmail from None


def read_number(name: str, *, default: int | None, most: int) -> int | None:
    """Return a whole number from 1 to `most` out of the query, or `default` where it says nothing of it.

    Raises:
        ValidationFailed: it is no such number.
    """
    text = request.args.get(name)
    if text is None:
        return default
    if not (text.isascii() and text.isdigit() and len(text) <= len(str(most)) and 1 <= int(text) <= most):
        raise ValidationFailed({name: f"must be a whole number from 1 to {most}"}, f"Not valid: {name}.")
    return int(text)


def _parse(body: bytes) -> Any:
    try:
        return json.loads(body.decode("utf-8"), object_pairs_hook=_without_repeats, parse_constant=_refuse)
    except (ValueError, RecursionError):
        raise MalformedJson from None


def _without_repeats(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Which of two members of one name counts differs from parser to parser: neither does here."""
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a member is named twice")
    return found


def _refuse(constant: str) -> None:
    raise ValueError(f"{constant} is not JSON")


def _path(location: tuple[int | str, ...]) -> str:
    return ".".join(str(part) for part in location) or "body"


def _sentence(fields: dict[str, str]) -> str:
    return f"Not valid: {', '.join(fields)}."
