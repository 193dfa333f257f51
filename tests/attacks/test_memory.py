"""What a stranger sends is gone with its request: no cache, dictionary or queue keeps it."""

import gc
import tracemalloc

import pytest
from flask.testing import FlaskClient

from chirp_auth.security import rate_limit_storage
from chirp_auth.security.rate_limit_storage import MemoryStorage
from tests.conftest import on_one_database

A_MEGABYTE = 1_000_000
REQUESTS = 12
BLANKS = " " * (A_MEGABYTE - 100)
WIDE = BLANKS + "\N{PILE OF POO}"  # One letter beyond the BMP: each character takes four bytes in memory.


def _kept_bytes() -> int:
    gc.collect()
    return tracemalloc.get_traced_memory()[0]


@on_one_database
@pytest.mark.parametrize("face", ["json", "form"])
@pytest.mark.parametrize("padding", [BLANKS, WIDE], ids=["blanks", "wide"])
@pytest.mark.parametrize("field", ["email", "first_name", "password"])
def test_a_flood_of_megabytes_leaves_nothing_in_memory(
    client: FlaskClient, face: str, field: str, padding: str
) -> None:
    def send(number: int) -> None:
        body = {"email": "mallory@example.com", "password": "seven quiet herons"}
        body[field] = f"{number}@example.com{padding}"
        if face == "json":
            answer = client.post("/api/v1/auth/register", json=body)
        else:
            answer = client.post("/register", data=body)
        assert answer.status_code < 500, answer.text

    tracemalloc.start()
    try:
        send(0)  # What the first request of a process loads stays, and is nobody's.
        before = _kept_bytes()
        for number in range(1, REQUESTS):
            send(number)
        assert _kept_bytes() - before < 4 * A_MEGABYTE
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("padding", [" " * A_MEGABYTE, "x" * A_MEGABYTE, "\u00a0" * 600])
def test_an_address_that_is_too_long_is_no_address_however_it_is_padded(client: FlaskClient, padding: str) -> None:
    answer = client.post("/api/v1/auth/forgot-password", json={"email": f"alice@example.com{padding}"[:A_MEGABYTE]})

    assert answer.status_code == 422
    assert answer.get_json()["code"] == "INVALID_EMAIL"


def test_an_address_may_have_a_few_blanks_around_it(client: FlaskClient) -> None:
    answer = client.post("/api/v1/auth/forgot-password", json={"email": "   alice@example.com \t"})

    assert answer.status_code == 200


def test_the_counters_of_more_clients_than_fit_forget_the_oldest(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rate_limit_storage, "SWEEP_FROM", 10)
    monkeypatch.setattr(rate_limit_storage, "MAX_WINDOWS", 100)
    memory = MemoryStorage()

    for number in range(1000):
        memory.incr(f"client-{number}", 3600)

    remembered = [number for number in range(1000) if memory.get(f"client-{number}")]
    assert 50 <= len(remembered) <= 101
    assert remembered == list(range(1000 - len(remembered), 1000))
