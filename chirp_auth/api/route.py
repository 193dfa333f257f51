"""Routes: where each call of a contract is, what answers it, and what the OpenAPI document says of it."""

from collections.abc import Callable, Mapping
from contextlib import nullcontext
from dataclasses import KW_ONLY, dataclass, field
from typing import Any

from flask import Response
from pydantic import BaseModel

from chirp_auth.api import request_body
from chirp_auth.api.bearer import FACE
from chirp_auth.api.responses import Answer, json_response
from chirp_auth.audit.vocabulary import Kind
from chirp_auth.errors import AuthError
from chirp_auth.http import refused_tokens

ACCESS, RESET = "accessToken", "resetToken"
ANONYMOUS = ""


@dataclass(frozen=True, slots=True)
class Link:
    """Where an answer leads: another call of the contract, with what it takes from the answer (OpenAPI 3.1, 4.8.20)."""

    description: str
    parameters: Mapping[str, str] = field(default_factory=dict)
    body: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Route:
    """One call: its view takes the checked body and the variable parts of the path, and returns one of the answers.

    `security` lists the kinds of token that the Authorization header may carry, and ANONYMOUS beside them where it need
    not carry any; `query` has the numbers in the query and their maxima; `links` are
    those of the first answer, by the name of the call that they lead to.
    `incomplete_as` is the kind of the audit event for a request that lacks what the call needs, if that is recorded.
    What every call with a body or a query refuses is added to `refusals` in the document.
    """

    method: str
    path: str
    view: Callable[..., Answer | None]
    answers: Mapping[int, type[Answer] | None]
    body: type[BaseModel] | None = None
    _: KW_ONLY
    summary: str
    refusals: tuple[AuthError, ...] = ()
    security: tuple[str, ...] = ()
    incomplete_as: Kind | None = None
    query: Mapping[str, int] = field(default_factory=dict)
    links: Mapping[str, Link] = field(default_factory=dict)

    @property
    def name(self) -> str:
        return self.view.__name__

    def respond(self, **parts: Any) -> Response:
        """Return the view's answer, with the status that `answers` gives its type."""
        with refused_tokens.incomplete_on_record(self.incomplete_as, FACE) if self.incomplete_as else nullcontext():
            answer = self.view(request_body.read(self.body), **parts) if self.body else self.view(**parts)
        model = None if answer is None else type(answer)
        status = next(status for status, documented in self.answers.items() if documented is model)
        return json_response(status, answer)
