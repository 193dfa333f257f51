"""What the tests of the JSON face say again and again."""

from datetime import UTC, datetime
from typing import Any

from werkzeug.test import TestResponse

START = datetime(2026, 1, 15, 10, 0, tzinfo=UTC)
JSON = "application/json"


def told(answer: TestResponse) -> dict[str, Any]:
    """Return the answer's JSON object."""
    return dict(answer.get_json())
