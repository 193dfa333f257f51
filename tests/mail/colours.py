"""The colours in which an HTML mail shows its words: by inline styles, as a spam filter reads it, or in the dark."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from html.parser import HTMLParser

VOID = {"meta", "br", "img", "link", "input", "hr"}
UNSHOWN = {"style", "title", "head", "script"}


@dataclass(frozen=True, slots=True)
class Look:
    """How an element looks; colours are #rrggbb, the size is in pixels."""

    colour: str = "#000000"
    background: str = "#ffffff"
    size: float = 16
    declarations: str = ""


@dataclass(frozen=True, slots=True)
class Words:
    """Some text with its look."""

    text: str
    look: Look

    @property
    def contrast(self) -> float:
        """The ratio of WCAG 2.2, 1.4.3."""
        light, dark = sorted((_luminance(self.look.colour), _luminance(self.look.background)), reverse=True)
        return (light + 0.05) / (dark + 0.05)


def shown_words(html: str, *, dark: bool = False) -> list[Words]:
    """Return every piece of text between the body's tags."""
    reader = _Reader(list(_dark_rules(html)) if dark else [])
    reader.feed(html)
    return reader.words


class _Reader(HTMLParser):
    def __init__(self, rules: list[tuple[str, str]]) -> None:
        super().__init__()
        self._rules, self.words = rules, list[Words]()
        self._open: list[tuple[str, str, Look]] = [("", "", Look())]

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attributes}
        names = given.get("class", "")
        inherited = replace(self._open[-1][2], declarations="")
        look = _styled(inherited, f"background-color: {given['bgcolor']}") if "bgcolor" in given else inherited
        look = _styled(look, given.get("style", ""))
        for selector, declarations in self._rules:
            if self._matches(selector, tag, names):
                look = _styled(look, declarations)
        if tag not in VOID:
            self._open.append((tag, names, look))

    def handle_endtag(self, tag: str) -> None:
        while self._open.pop()[0] != tag:
            pass

    def handle_data(self, data: str) -> None:
        if data.strip() and not UNSHOWN & {tag for tag, _, _ in self._open}:
            self.words.append(Words(data.strip(), self._open[-1][2]))

    def _matches(self, selector: str, tag: str, names: str) -> bool:
        *outer, last = selector.split()
        above = [(tag_above, names_above) for tag_above, names_above, _ in self._open]
        return _is(last, tag, names) and all(any(_is(part, *element) for element in above) for part in outer)


def _is(part: str, tag: str, names: str) -> bool:
    return part.removeprefix(".") in names.split() if part.startswith(".") else part == tag


def _styled(look: Look, style: str) -> Look:
    for name, value in re.findall(r"([\w-]+)\s*:\s*([^;!]+)", style):
        if name == "color":
            look = replace(look, colour=value.strip())
        elif name == "background-color":
            look = replace(look, background=value.strip())
        elif name == "font-size":
            look = replace(look, size=float(value.strip().removesuffix("px")))
    return replace(look, declarations=look.declarations + style)


def _dark_rules(html: str) -> Iterator[tuple[str, str]]:
    match = re.search(r"@media \(prefers-color-scheme: ?dark\) ?\{(.*?\})\s*\}", html, re.DOTALL)
    assert match, "no colours for the dark"
    for selectors, declarations in re.findall(r"([^{}]+)\{([^}]*)\}", match[1]):
        for selector in selectors.split(","):
            yield selector.strip(), declarations


def _luminance(colour: str) -> float:
    assert re.fullmatch("#[0-9a-f]{6}", colour), colour
    parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue
