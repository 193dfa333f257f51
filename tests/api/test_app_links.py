"""App links: what Android and iOS fetch before the app may open our links."""

import pytest
from flask.testing import FlaskClient

FINGERPRINT = ":".join(["AB"] * 32)
ANDROID = {"android_app_package": "com.example.movr", "android_cert_fingerprints": FINGERPRINT.lower()}


@pytest.mark.settings(**ANDROID)
def test_android_finds_the_app_that_the_settings_name(client: FlaskClient) -> None:
    answer = client.get("/.well-known/assetlinks.json")

    assert (answer.status_code, answer.mimetype) == (200, "application/json")
    [statement] = answer.get_json()
    assert "delegate_permission/common.handle_all_urls" in statement["relation"]
    assert statement["target"] == {
        "namespace": "android_app",
        "package_name": "com.example.movr",
        "sha256_cert_fingerprints": [FINGERPRINT],
    }


@pytest.mark.settings(apple_app_ids="ABCDE12345.com.example.movr")
def test_ios_learns_which_links_the_app_opens(client: FlaskClient) -> None:
    answer = client.get("/.well-known/apple-app-site-association")

    assert (answer.status_code, answer.mimetype) == (200, "application/json")
    [links] = answer.get_json()["applinks"]["details"]
    assert links["appIDs"] == ["ABCDE12345.com.example.movr"]
    assert [link["/"] for link in links["components"]] == ["/reset-password"]


@pytest.mark.parametrize("name", ["assetlinks.json", "apple-app-site-association", "something-else"])
def test_without_an_app_there_is_nothing(client: FlaskClient, name: str) -> None:
    assert client.get(f"/.well-known/{name}").status_code == 404
