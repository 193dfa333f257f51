"""The second step in a real browser, with script and without: setting up an app, keeping the codes, signing in."""

from urllib.parse import parse_qs, urlsplit

import pytest
from playwright.sync_api import expect

from chirp_auth.clock import now
from chirp_auth.security import totp
from tests.journeys.conftest import Person

pytestmark = pytest.mark.browser


def test_alice_sets_up_an_app_and_signs_in_with_a_recovery_code(alice: Person) -> None:
    page = alice.page
    alice.register()
    page.goto(alice.link("Confirm your address"))
    page.get_by_role("button", name="Yes, confirm it").click()
    page.goto("/security")
    page.get_by_role("button", name="Set up an app").click()
    image = page.get_by_role("img", name="QR code").bounding_box()
    assert image
    assert image["width"] == image["height"] >= 200
    uri = page.get_by_role("link", name="The app is on this phone?").get_attribute("href") or ""
    secret = parse_qs(urlsplit(uri).query)["secret"][0]
    assert page.locator("code.key").inner_text().replace(" ", "") == secret

    alice.send(code=totp.code_at(secret, now()))
    codes = page.locator(".recovery-codes code").all_inner_texts()
    with page.expect_download() as download:
        page.get_by_role("button", name="Download as a text file").click()
    assert download.value.suggested_filename == "recovery-codes.txt"
    assert all(code in download.value.path().read_text() for code in codes)
    page.emulate_media(media="print")
    expect(page.get_by_role("button", name="Download as a text file")).not_to_be_visible()
    expect(page.get_by_text(codes[0])).to_be_visible()
    page.emulate_media(media="screen")
    page.get_by_role("link", name="I have kept them").click()
    expect(page.get_by_text("You have 10 codes left.")).to_be_visible()

    alice.sign_out()
    alice.sign_in()
    expect(page.locator("h1")).to_have_text("Second step")
    page.get_by_label("Trust this browser").check()
    alice.send(code=codes[0])
    expect(page.locator("h1")).to_have_text("Hello, Alice")

    alice.sign_out()
    alice.sign_in()
    expect(page.locator("h1")).to_have_text("Hello, Alice")
    page.goto("/security")
    page.get_by_role("link", name="Remove the app").click()
    expect(page.locator("h1")).to_have_text("Is it you?")
    alice.send(password="seven quiet herons", code=codes[1])
    page.get_by_role("button", name="Remove the app").click()
    expect(page.get_by_role("button", name="Set up an app")).to_be_visible()
