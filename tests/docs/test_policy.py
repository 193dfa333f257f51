"""docs/security.md: the table of what each act needs is the policy itself."""

import re
from pathlib import Path

from chirp_auth.accounts.policy import NEEDS, Act

PAGE = Path(__file__).parents[2] / "docs" / "security.md"


def test_the_table_of_acts_and_needs_is_the_policy() -> None:
    section = PAGE.read_text(encoding="utf-8").partition("## Ways in and ways back")[2].partition("\n## ")[0]
    rows = re.findall(r"(?m)^\| .+ \| `([A-Z_]+)` \| `([A-Z_]+)` \|$", section)

    assert rows == [(act.name, NEEDS[act].name) for act in Act]
