"""What passkeys.js brings to a page: the options of a ceremony as JSON, and the answer in two hidden fields."""

import json
from collections.abc import Callable

from flask import Response, jsonify

from chirp_auth.accounts.factors.passkey_proofs import Answer
from chirp_auth.errors import AuthError, RateLimitExceeded, ServiceBusy
from chirp_auth.formatting import whole_seconds
from chirp_auth.security import limits
from chirp_auth.security.passkey_ceremonies import Ceremony
from chirp_auth.web.forms import PasskeyForm
from chirp_auth.web.pages import sentence_of, status_of


def options_of(begin: Callable[[], Ceremony]) -> Response:
    """Count the request, and return what `begin` returns; or a refusal with a sentence that the script shows."""
    try:
        limits.passkeys()
        ceremony = begin()
    except AuthError as error:
        response = jsonify({"code": error.code, "sentence": sentence_of(error)})
        response.status_code = status_of(error)
        if isinstance(error, RateLimitExceeded | ServiceBusy):
            response.headers["Retry-After"] = str(whole_seconds(error.retry_after))
        return response
    return jsonify({"state": ceremony.state, "options": ceremony.options})


def answer_in(form: PasskeyForm) -> Answer:
    """Return the answer that the form has brought; one that is no JSON object is one without members."""
    try:
        credential = json.loads(form.text("credential"))
    except (ValueError, RecursionError):
        credential = None
    return Answer(form.text("state"), credential if isinstance(credential, dict) else {})
