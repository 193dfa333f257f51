"""Typing errors: a letter left out, added, mistaken, or swapped with the next one."""

ALPHABET = "abcdefghijklmnopqrstuvwxyz0123456789.@_-+"


def one_slip_from(text: str) -> set[str]:
    """Return every text that one typing error separates from this one (Damerau-Levenshtein distance 1)."""
    halves = [(text[:index], text[index:]) for index in range(len(text) + 1)]
    shorter = {head + tail[1:] for head, tail in halves if tail}
    swapped = {head + tail[1] + tail[0] + tail[2:] for head, tail in halves if len(tail) > 1}
    longer = {head + letter + tail for head, tail in halves for letter in ALPHABET}
    mistaken = {head + letter + tail[1:] for head, tail in halves if tail for letter in ALPHABET}
    return shorter | swapped | longer | mistaken
