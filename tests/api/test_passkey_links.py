"""Well-known addresses about passkeys, and the origins that they follow."""

from hashlib import sha256

import pytest
from flask.testing import FlaskClient

from chirp_auth.accounts.factors import passkey_sign_in
from chirp_auth.errors import WrongPasskey
from chirp_auth.models import User
from chirp_auth.security import passkey_site
from tests.conftest import TEST_CLIENT, on_one_database
from tests.support.authenticator import Authenticator, encoded
from tests.support.passkeys import add, answer_to, session_of

SHOP = "https://shop.example.org"
DIGEST = sha256(b"certificate").digest()
FINGERPRINT = ":".join(f"{byte:02X}" for byte in DIGEST)
ANDROID = f"android:apk-key-hash:{encoded(DIGEST)}"

pytestmark = on_one_database


def test_managers_learn_where_passkeys_are_added_and_managed(client: FlaskClient) -> None:
    answer = client.get("/.well-known/passkey-endpoints")

    assert (answer.status_code, answer.mimetype) == (200, "application/json")
    assert answer.get_json() == {
        "enroll": "https://auth.example.com/passkeys/add",
        "manage": "https://auth.example.com/passkeys",
    }
    for path in ("/passkeys/add", "/passkeys"):
        assert client.get(path).location == "/login"


@pytest.mark.settings(public_url="http://192.0.2.1:5000")
def test_at_an_address_that_is_no_name_there_are_none(client: FlaskClient) -> None:
    assert client.get("/.well-known/passkey-endpoints").status_code == 404


@pytest.mark.settings(passkey_related_origins=f"{SHOP},https://example.net")
def test_browsers_learn_the_related_sites(client: FlaskClient) -> None:
    answer = client.get("/.well-known/webauthn")

    assert (answer.status_code, answer.mimetype) == (200, "application/json")
    assert answer.get_json() == {"origins": [SHOP, "https://example.net"]}


def test_without_related_sites_there_is_no_file(client: FlaskClient) -> None:
    assert client.get("/.well-known/webauthn").status_code == 404


@pytest.mark.settings(
    passkey_related_origins=SHOP,
    android_app_package="com.example.app",
    android_cert_fingerprints=FINGERPRINT,
    apple_app_ids="ABCDE12345.com.example.app",
    public_url="https://auth.example.com:8443",
)
def test_passkeys_work_on_related_sites_and_in_our_apps(alice: User) -> None:
    key = Authenticator(origin="https://auth.example.com:8443")
    add(session_of(alice), key)

    for origin in ("https://auth.example.com:8443", "https://auth.example.com", SHOP, ANDROID):
        key.origin = origin
        passkey_sign_in.sign_in_by_passkey(answer_to(key), TEST_CLIENT)
    key.origin = "https://shop.example.org:8443"
    with pytest.raises(WrongPasskey):
        passkey_sign_in.sign_in_by_passkey(answer_to(key), TEST_CLIENT)


def test_the_relying_party_is_the_host(client: FlaskClient) -> None:
    assert passkey_site.rp_id() == "auth.example.com"
    assert passkey_site.origins() == ["https://auth.example.com"]
