"""Bring the catalogues up to date with the texts in the code and the templates; what `make messages` runs.

    python -m scripts.messages

It extracts the texts, updates each language's `messages.po`, writes its `messages.mo`, and lists what is untranslated.
"""

import sys
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from functools import cache
from io import BytesIO
from pathlib import Path

from babel.messages.catalog import Catalog, Message
from babel.messages.extract import DEFAULT_KEYWORDS, extract_from_dir
from babel.messages.frontend import parse_mapping_cfg
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po, write_po

from chirp_auth.languages import DEFAULT, LANGUAGES

ROOT = Path(__file__).parent.parent
CATALOGUES = ROOT / "chirp_auth" / "translations"
KEYWORDS = {**DEFAULT_KEYWORDS, "lazy_gettext": None, "Sentence": None, "counted": (1, 2)}
UNDATED = datetime(2026, 1, 1, tzinfo=UTC)  # The history has the dates; here they would change with every run.
NOTE = "# The texts of pages and mails. `make messages` keeps this file up to date; docs/languages.md says how."


def main() -> None:
    """Update every catalogue; exit code 1 while one has a text untranslated."""
    texts = extracted()
    unfinished = 0
    for language in translated_languages():
        catalogue = updated(language, texts)
        path(language, "po").parent.mkdir(parents=True, exist_ok=True)
        path(language, "po").write_bytes(po(catalogue))
        path(language, "mo").write_bytes(mo(catalogue))
        left = list(untranslated(catalogue))
        unfinished += len(left)
        print(f"{LANGUAGES[language]}: {len(catalogue)} texts, {len(left)} to translate")
        print(*(f"  {message.id}" for message in left), sep="\n", end="\n" if left else "")
    sys.exit(1 if unfinished else 0)


def translated_languages() -> list[str]:
    """Return the languages that have a catalogue: all but the one that the texts are written in."""
    return [language for language in LANGUAGES if language != DEFAULT]


def path(language: str, kind: str) -> Path:
    """Return where a language's `po` or `mo` is."""
    return CATALOGUES / language / "LC_MESSAGES" / f"messages.{kind}"


def read(language: str) -> Catalog:
    """Return the language's catalogue as it is written, empty if there is none yet."""
    written = path(language, "po")
    if not written.exists():
        return Catalog(locale=language)
    with written.open("rb") as file:
        return read_po(file, locale=language)


def updated(language: str, texts: Catalog) -> Catalog:
    """Return the language's catalogue with exactly these texts; of one that changed nothing is guessed."""
    catalogue = read(language)
    catalogue.update(texts, no_fuzzy_matching=True)
    catalogue.obsolete.clear()
    catalogue.creation_date = catalogue.revision_date = UNDATED
    return catalogue


@cache
def extracted() -> Catalog:
    """Return all texts that `babel.cfg` finds, each with the files it stands in."""
    with (ROOT / "babel.cfg").open(encoding="utf-8") as file:
        methods, options = parse_mapping_cfg(file)  # type: ignore[no-untyped-call]  # Babel's
    texts = Catalog(charset="utf-8")
    found = extract_from_dir(
        ROOT, methods, options, keywords=KEYWORDS, comment_tags=("L10N:",), strip_comment_tags=True
    )
    for filename, line, text, comments, context in found:
        texts.add(text, locations=[(filename, line)], auto_comments=comments, context=context)
    return texts


def untranslated(catalogue: Iterable[Message]) -> Iterator[Message]:
    """Yield the texts without a translation, or with one that nobody has looked at since the text changed."""
    for message in catalogue:
        forms = message.string if isinstance(message.string, tuple) else (message.string,)
        if message.id and (message.fuzzy or not all(forms)):
            yield message


def po(catalogue: Catalog) -> bytes:
    """Return the catalogue as a file, without line numbers and times, which would change with everything else."""
    file = BytesIO()
    write_po(file, catalogue, width=120, omit_header=True, include_lineno=False, sort_by_file=True)
    head = f'{NOTE}\nmsgid ""\nmsgstr ""\n"Content-Type: text/plain; charset=utf-8\\n"\n'
    return (head + f'"Plural-Forms: {catalogue.plural_forms}\\n"\n\n').encode() + file.getvalue()


def mo(catalogue: Catalog) -> bytes:
    """Return the catalogue as gettext reads it."""
    file = BytesIO()
    write_mo(file, catalogue)
    return file.getvalue()


if __name__ == "__main__":
    main()
