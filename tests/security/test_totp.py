"""Codes of authenticator apps: the test vectors of RFC 6238 and RFC 4226, and which steps are taken."""

from base64 import b32encode
from datetime import UTC, datetime, timedelta

import pytest

from chirp_auth.security import totp

# RFC 6238, Appendix B, for SHA-1; its codes have eight digits, whose last six an app shows.
SECRET = b32encode(b"12345678901234567890").decode()
VECTORS = {
    59: "94287082",
    1111111109: "07081804",
    1111111111: "14050471",
    1234567890: "89005924",
    2000000000: "69279037",
    20000000000: "65353130",
}


@pytest.mark.parametrize(("second", "code"), VECTORS.items())
def test_the_codes_are_those_of_the_rfc(second: int, code: str) -> None:
    moment = datetime.fromtimestamp(second, UTC)

    assert totp.code_at(SECRET, moment) == code[-6:]
    assert totp.step_of(SECRET, code[-6:], moment) == second // 30


@pytest.mark.parametrize(("seconds", "taken"), [(-60, False), (-30, True), (0, True), (30, True), (60, False)])
def test_a_code_is_taken_one_step_early_or_late(seconds: int, taken: bool) -> None:
    moment = datetime(2026, 11, 28, 12, 0, 10, tzinfo=UTC)
    shown = totp.code_at(SECRET, moment + timedelta(seconds=seconds))

    assert (totp.step_of(SECRET, shown, moment) is not None) == taken


def test_blanks_do_not_matter_and_other_digits_are_none() -> None:
    moment = datetime.fromtimestamp(59, UTC)

    assert totp.step_of(SECRET, " 287 082 ", moment) == 1
    for typed in ("", "28708", "2870820", "٢٨٧٠٨٢", "28708a", "287082\x00", "9" * 100_000):
        assert totp.step_of(SECRET, typed, moment) is None


def test_secrets_are_random_and_long() -> None:
    secrets = {totp.new_secret() for _ in range(100)}

    assert len(secrets) == 100
    assert {len(secret) for secret in secrets} == {32}  # 160 bits
