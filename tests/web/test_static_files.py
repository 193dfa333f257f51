"""Static files: each URL names the version of its file."""

import re

from tests.conftest import on_one_database
from tests.web.conftest import Visitor

pytestmark = on_one_database


def test_a_page_names_the_version_of_its_files_and_browsers_keep_them(visitor: Visitor) -> None:
    urls = re.findall(r'(?:href|src)="(/static/[^"]+)"', visitor.open("/login").text)
    assert len(urls) > 3

    for url in urls:
        assert re.fullmatch(r"/static/[\w.-]+\?v=[0-9a-f]{12}", url)
        answer = visitor.client.get(url)
        assert (answer.status_code, answer.headers["Cache-Control"]) == (200, "public, max-age=31536000, immutable")
        answer.close()


def test_another_version_than_the_url_names_is_not_kept(visitor: Visitor) -> None:
    with visitor.client.get("/static/style.css?v=0123456789ab") as answer:
        assert answer.headers["Cache-Control"] == "no-cache"
    with visitor.client.get("/static/style.css") as answer:
        assert answer.headers["Cache-Control"] == "public, max-age=3600"


def test_a_file_that_is_not_there_has_no_version(visitor: Visitor) -> None:
    assert visitor.client.get("/static/nothing.css?v=0123456789ab").status_code == 404
    assert visitor.client.get("/static/../style.css?v=0123456789ab").status_code == 404
