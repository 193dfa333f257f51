"""Secrets that are sealed: who can read them, and where."""

from base64 import urlsafe_b64decode, urlsafe_b64encode

import pytest
from pydantic import SecretStr

from chirp_auth.http.routing import Application
from chirp_auth.security import sealing

OLD, NEW, OTHER = "old" + "x" * 40, "new" + "y" * 40, "other" + "z" * 40


def use_keys(app: Application, key: str, *fallbacks: str) -> None:
    settings = app.extensions["settings"]
    settings.encryption_key = SecretStr(key)
    settings.encryption_key_fallbacks = [SecretStr(former) for former in fallbacks]


def test_it_is_read_in_its_own_context_alone(app: Application) -> None:
    sealed = sealing.seal("JBSWY3DPEHPK3PXP", "alice")

    assert sealing.unseal(sealed, "alice") == "JBSWY3DPEHPK3PXP"
    assert sealing.unseal(sealed, "mallory") is None
    assert b"JBSWY3DP" not in urlsafe_b64decode(sealed)
    assert sealing.seal("JBSWY3DPEHPK3PXP", "alice") != sealed


def test_a_changed_one_cannot_be_read(app: Application) -> None:
    packed = bytearray(urlsafe_b64decode(sealing.seal("JBSWY3DPEHPK3PXP", "alice")))
    packed[15] ^= 1

    assert sealing.unseal(urlsafe_b64encode(packed).decode(), "alice") is None


def test_former_keys_still_open_and_no_other_does(app: Application) -> None:
    use_keys(app, OLD)
    sealed = sealing.seal("secret", "alice")
    use_keys(app, NEW, OLD)

    assert sealing.unseal(sealed, "alice") == "secret"
    assert not sealing.is_current(sealed, "alice")
    assert sealing.is_current(sealing.seal("secret", "alice"), "alice")
    use_keys(app, OTHER)
    assert sealing.unseal(sealed, "alice") is None


@pytest.mark.parametrize("with_key", [True, False])
def test_the_signing_key_opens_nothing_that_has_a_key_of_its_own(app: Application, with_key: bool) -> None:
    use_keys(app, NEW if with_key else "")
    sealed = sealing.seal("secret", "alice")
    use_keys(app, "")

    assert (sealing.unseal(sealed, "alice") == "secret") == (not with_key)
