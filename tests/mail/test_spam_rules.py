"""What spam filters count, by their rules' names in SpamAssassin, for every kind of mail."""

import re
from html import unescape
from urllib.parse import urlsplit

import pytest

from chirp_auth.http.routing import Application
from chirp_auth.worker import composers
from tests.conftest import on_one_database
from tests.mail.colours import shown_words
from tests.mail.samples import KINDS, ORIGIN, sample

pytestmark = [on_one_database, pytest.mark.usefixtures("app")]
every_kind = pytest.mark.parametrize("kind", KINDS)


def words(text: str) -> set[str]:
    return set(re.findall(r"[\w@.:/?=-]*\w", text.casefold()))


def test_there_is_a_sample_of_every_kind(app: Application) -> None:
    assert {*composers.COMPOSERS, "test"} == set(KINDS)


@every_kind
@pytest.mark.parametrize("dark", [False, True])
def test_every_word_can_be_read(kind: str, dark: bool) -> None:
    """HTML_FONT_LOW_CONTRAST, HTML_FONT_TINY: no white on white."""
    for piece in shown_words(sample(kind).html, dark=dark):
        assert piece.contrast >= 4.5, piece
        assert piece.look.size >= 13, piece


@every_kind
def test_nothing_is_hidden(kind: str) -> None:
    html = sample(kind).html

    hiding = r"display:\s*none|visibility|opacity|mso-hide|(max-)?(height|width):\s*0|text-indent|font-size:\s*[01]px"
    assert not re.search(hiding, html)


@every_kind
def test_both_parts_say_the_same(kind: str) -> None:
    """MPART_ALT_DIFF: the words of the text are in the HTML, and but for the buttons the other way round."""
    mail = sample(kind)
    html = words(" ".join(piece.text for piece in shown_words(mail.html)))
    text = words(mail.text)

    assert text <= html
    assert len(html - text) <= 20


@every_kind
def test_there_is_enough_text_for_the_markup(kind: str) -> None:
    html = sample(kind).html

    visible = sum(len(piece.text) for piece in shown_words(html))
    assert visible / len(html) > 0.06
    assert len(html) < 10_000


@every_kind
def test_links_go_where_they_say_and_to_no_bare_ip(kind: str) -> None:
    """NUMERIC_HTTP_ADDR, HTTPS_HTTP_MISMATCH: by name, to us, and a link that shows an address leads to it."""
    mail = sample(kind)
    anchors = re.findall(r'<a [^>]*href="([^"]+)"[^>]*>(.*?)</a>', mail.html)

    for href, shown in anchors:
        target = unescape(href)
        assert target.startswith((f"{ORIGIN}/", "mailto:"))
        assert "://" not in shown or unescape(shown) == target
    assert not re.search(r"\d+\.\d+\.\d+\.\d+", mail.text + mail.html)
    assert all(urlsplit(url).hostname == "auth.example.com" for url in re.findall(r"https?://\S+", mail.text))


@every_kind
def test_the_subject_is_short_and_calm(kind: str) -> None:
    subject = sample(kind).message["Subject"]

    assert len(subject) < 60
    assert "!" not in subject
    assert not subject.isupper()


@every_kind
def test_classic_outlook_draws_it(kind: str) -> None:
    """Word knows no `max-width` and no padding of links: a table has the width, and the cell most of the padding."""
    html = sample(kind).html

    assert re.search(r"<!--\[if mso\]><table [^>]*width=\"560\"", html)
    assert html.count("<!--[if mso]>") == html.count("<![endif]-->")
    for cell in re.findall(r'<td class="button-cell"[^>]*>', html):
        assert 'bgcolor="#0b6a5d"' in cell
        assert re.search(r"padding: ?10px 18px", cell)


@every_kind
def test_the_bare_links_come_last_and_small(kind: str) -> None:
    pieces = shown_words(sample(kind).html)
    buttons = re.findall(r'class="button-link" href="([^"]+)"', sample(kind).html)

    with_token = [unescape(url) for url in buttons if "token=" in url]
    assert [piece.text for piece in pieces if "token=" in piece.text] == with_token
    farewell = next(n for n, piece in enumerate(pieces) if piece.text == "The Chirpworks Team")
    for n, piece in enumerate(pieces):
        if "token=" in piece.text:
            assert n > farewell
            assert piece.look.size == 13
