"""The gallery: complete, and for the developer's machine alone."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from flask import template_rendered
from jinja2 import StrictUndefined, Template
from jinja2.meta import find_referenced_templates

from chirp_auth.http.routing import Application
from chirp_auth.languages import LANGUAGES
from chirp_auth.web.gallery.mails import MAILS
from chirp_auth.web.gallery.pages import PAGES
from chirp_auth.web.pages import STATUSES
from chirp_auth.worker.composers import COMPOSERS
from tests.conftest import on_one_database
from tests.web.conftest import Tab, Visitor
from tests.web.test_dev_mailbox import PRODUCTION

TEMPLATES = Path(__file__).parents[2] / "templates"
# They are shown where they are: one shows the samples, the other is a single page without states.
NO_SAMPLES = {"gallery/index.html", "api/docs.html"}


@pytest.fixture
def visitor(app: Application) -> Visitor:
    app.jinja_env.undefined = StrictUndefined  # A value that a template has got and its sample has not.
    return Visitor(Tab(app, app.response_class))


@pytest.fixture
def shown(app: Application) -> Iterator[set[str]]:
    """The templates of the pages that were shown meanwhile."""
    names: set[str] = set()

    def note(_app: Application, template: Template, **_values: object) -> None:
        names.add(str(template.name))

    with template_rendered.connected_to(note, app):
        yield names


@on_one_database
@pytest.mark.parametrize("language", LANGUAGES)
def test_every_page_has_a_sample_in_every_language(
    app: Application, visitor: Visitor, language: str, shown: set[str]
) -> None:
    for name in PAGES:
        answer = visitor.client.get(f"/dev/gallery/{name}?language={language}&scheme=dark")

        assert answer.status_code in {200, 400, 404, 410, *STATUSES.values()}, name
        assert f'<html lang="{language}"' in answer.text, name
        assert answer.headers["Content-Language"] == language
        assert "/dev/gallery/style.css?scheme=dark" in answer.text
        assert "<h1" in answer.text

    files = {str(path.relative_to(TEMPLATES)) for path in TEMPLATES.rglob("*.html")}
    pages = {name for name in files if not name.startswith("email/")}
    parts = {
        part
        for name in pages
        for part in find_referenced_templates(app.jinja_env.parse((TEMPLATES / name).read_text()))
    }
    assert pages - parts - NO_SAMPLES == shown


def test_every_kind_of_mail_has_a_sample() -> None:
    kinds = {path.name for path in (TEMPLATES / "email").iterdir() if path.is_dir()}

    assert {sample.kind for sample in MAILS.values()} == kinds >= set(COMPOSERS)


@on_one_database
@pytest.mark.parametrize("language", LANGUAGES)
def test_every_mail_is_shown_in_every_language(visitor: Visitor, language: str) -> None:
    for name in MAILS:
        html = visitor.client.get(f"/dev/gallery/{name}?language={language}&scheme=light")
        text = visitor.client.get(f"/dev/gallery/{name}.txt?language={language}")

        assert (html.status_code, text.status_code) == (200, 200), name
        assert f'<html lang="{language}"' in html.text
        assert "sandbox" in html.headers["Content-Security-Policy"]
        assert text.mimetype == "text/plain"
        assert ("Ada Lovelace" in text.text) == (MAILS[name].values["name"] is not None), name


@on_one_database
def test_every_status_of_an_error_has_a_sample(visitor: Visitor) -> None:
    on_forms = {400, 401, 409}

    assert {f"error-{status}" for status in STATUSES.values() if status not in on_forms} <= set(PAGES)


@on_one_database
def test_the_list_leads_to_everything(visitor: Visitor) -> None:
    page = visitor.open("/dev/gallery").text

    for name in (*PAGES, *MAILS):
        for language in LANGUAGES:
            assert f"/dev/gallery/{name}?language={language}&amp;scheme=dark" in page
    assert "/dev/gallery/mail-reset-link.txt?language=de" in page


@on_one_database
def test_the_scheme_is_the_one_that_was_asked_for(visitor: Visitor) -> None:
    def rules(scheme: str) -> str:
        return str(visitor.client.get(f"/dev/gallery/style.css?scheme={scheme}").text)

    assert "@media all {" in rules("dark")
    assert "color-scheme: dark;" in rules("dark")
    assert "@media not all {" in rules("light")
    assert "(prefers-color-scheme: dark)" in rules("")
    assert "(prefers-color-scheme: dark)" not in visitor.client.get("/dev/gallery/mail-reset-link?scheme=dark").text


@on_one_database
def test_what_is_no_sample_is_not_found(visitor: Visitor) -> None:
    for path in ("nothing", "nothing.txt", "start.txt", "..%2fstyle.css"):
        assert visitor.open(f"/dev/gallery/{path}").status_code == 404


PATHS = ("", "/start", "/mail-reset-link", "/mail-reset-link.txt", "/style.css")


@on_one_database
@pytest.mark.settings(smtp_host="127.0.0.1")
@pytest.mark.parametrize("path", PATHS)
def test_with_a_mail_server_there_is_none(visitor: Visitor, path: str) -> None:
    assert visitor.open(f"/dev/gallery{path}").status_code == 404
    assert "gallery" not in visitor.open("/forgot-password").text


@on_one_database
@pytest.mark.settings(**PRODUCTION)
@pytest.mark.parametrize("path", PATHS)
def test_in_production_there_is_none(visitor: Visitor, path: str) -> None:
    assert visitor.open(f"/dev/gallery{path}").status_code == 404
    assert not re.search("gallery", visitor.open("/forgot-password").text)


@on_one_database
@pytest.mark.parametrize("path", PATHS)
def test_another_machine_sees_none(visitor: Visitor, path: str) -> None:
    answer = visitor.client.get(f"/dev/gallery{path}", environ_overrides={"REMOTE_ADDR": "192.0.2.9"})

    assert answer.status_code == 404
