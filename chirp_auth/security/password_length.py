"""The length of passwords in characters as people count them: a letter with its accents is one, an emoji too."""

import unicodedata

_JOINER = "\u200d"  # It makes one emoji of several.
_MARKS = ("Mn", "Me", "Mc")
_SKIN_COLOURS = "\U0001f3fb\U0001f3fc\U0001f3fd\U0001f3fe\U0001f3ff"
MAX_COUNTED_CHARACTERS = 1_000  # What is longer still is counted by code points: no work on huge input.


def characters_over(password: str, most_bytes: int) -> int:
    """Return how many characters have to go from the end for the rest to have so many bytes in UTF-8 at most."""
    characters = _characters(password) if len(password) <= MAX_COUNTED_CHARACTERS else list(password)
    left = most_bytes
    for kept, character in enumerate(characters):
        left -= len(character.encode("utf-8", "surrogatepass"))
        if left < 0:
            return len(characters) - kept
    return 0


def _characters(text: str) -> list[str]:
    """Return what is seen as one character each (a plain form of UAX #29: marks and joined parts belong together)."""
    characters: list[str] = []
    for part in text:
        is_mark = unicodedata.category(part) in _MARKS or part == _JOINER or part in _SKIN_COLOURS
        if characters and (is_mark or characters[-1].endswith(_JOINER)):
            characters[-1] += part
        else:
            characters.append(part)
    return characters
