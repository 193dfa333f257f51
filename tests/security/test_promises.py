"""docs/security.md: every test that it names is there."""

import re
from pathlib import Path

HERE = Path(__file__).parent
PAGE = HERE.parents[1] / "docs" / "security.md"


def test_every_promise_points_to_a_test_that_exists() -> None:
    named = set(re.findall(r"\b(test_\w+)`", PAGE.read_text(encoding="utf-8")))
    written = {
        name
        for file in HERE.parent.rglob("test_*.py")
        for name in re.findall(r"^def (test_\w+)", file.read_text(), re.M)
    }

    assert len(named) > 40
    assert named <= written
