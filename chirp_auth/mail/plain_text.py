"""Plain text as mail programs show it: short lines (RFC 5322, 2.1.1)."""

import re
from textwrap import TextWrapper

MAX_CHARACTERS = 76
_BEFORE_UNIT = re.compile(r"(?<=\d) (?=\w)")
_HELD = "\N{NO-BREAK SPACE}"
_WRAPPER = TextWrapper(MAX_CHARACTERS, break_long_words=False, break_on_hyphens=False)


def wrapped(text: str) -> str:
    """Break long lines between words. A link stays whole, and a number stays with what follows it: 1 hour."""
    return "\n".join(_wrapped_line(line) for line in text.splitlines())


def _wrapped_line(line: str) -> str:
    if len(line) <= MAX_CHARACTERS:
        return line
    return _WRAPPER.fill(_BEFORE_UNIT.sub(_HELD, line)).replace(_HELD, " ")
