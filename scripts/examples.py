"""Write chirp_auth/api/examples.json anew: an example of each call and answer, from the transcripts of the tests.

    python -m scripts.examples

Then write the OpenAPI document anew, which shows them: flask --app wsgi auth openapi --output docs/openapi.json
"""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from chirp_auth.api import openapi

ROOT = Path(__file__).parent.parent
TARGET = ROOT / "chirp_auth" / "api" / "examples.json"
TRANSCRIPTS = ROOT / "tests" / "api" / "transcripts"


def main() -> None:
    """Write the file."""
    TARGET.write_text(as_json(), encoding="utf-8")


def as_json() -> str:
    """Return the examples by operation: its body, and its answers by status. Of several the longest says the most."""
    examples: dict[str, dict[str, Any]] = {}
    for path in sorted(TRANSCRIPTS.glob("*/*.txt")):
        asked, answered = re.split(r"\n(?=HTTP/1.1 \d)", path.read_text(encoding="utf-8"), maxsplit=1)
        status = answered.split(maxsplit=2)[1]
        operation = _operation(path.parent.name, asked)
        if operation is None or not status.startswith("2"):
            continue
        example = examples.setdefault(operation, {"answers": {}})
        for where, name, body in ((example["answers"], status, _body(answered)), (example, "body", _body(asked))):
            if body is not None and len(str(body)) > len(str(where.get(name, ""))):
                where[name] = body
    return json.dumps(dict(sorted(examples.items())), indent=1, ensure_ascii=False) + "\n"


def _operation(contract: str, asked: str) -> str | None:
    """Return the id of the operation that answers the request, as the document names it."""
    method, path = asked.split(maxsplit=2)[:2]
    for template, operations in openapi.document()["paths"].items():
        operation = operations.get(method.lower(), {})
        shape = re.sub(r"{\w+}", "[^/]+", template)
        if contract in operation.get("tags", ()) and re.fullmatch(shape, path.partition("?")[0]):
            return str(operation["operationId"])
    return None


def _body(text: str) -> Any:
    """Return the JSON below the head, with the examples of the schemas in place of what differs each time."""
    body = text.partition("\n\n")[2].strip()
    for name, value in _varying():
        body = re.sub(rf"<(?:{name})>", value, body)
    return json.loads(body) if body.startswith("{") else None


def _varying() -> Iterator[tuple[str, str]]:
    schemas = openapi.document()["components"]["schemas"]
    tokens = schemas["SignedIn"]["properties"]
    yield r"uuid \d+", schemas["User"]["properties"]["id"]["examples"][0]
    yield "access(?:_token)?", tokens["access_token"]["examples"][0]
    yield "refresh(?:_token)?", tokens["refresh_token"]["examples"][0]
    yield "(?:wrong_|set_up_)?code", schemas["SecondStep"]["properties"]["code"]["examples"][0]
    yield "secret", schemas["SetUp"]["properties"]["secret"]["examples"][0]
    yield "recovery_code", schemas["RecoveryCodes"]["properties"]["recovery_codes"]["examples"][0][0]
    yield (
        "assertion|registration|stepping|proving",
        '{"id": "AQID", "rawId": "AQID", "type": "public-key", "response": {}}',
    )
    yield r"[\w ]+", "WyJieHdORG9vN1RGMmVmd29iTEQxT1h3IiwwXQ.vC0c"  # a link's token


if __name__ == "__main__":
    main()
