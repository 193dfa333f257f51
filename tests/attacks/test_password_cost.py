"""What judging a password costs is bounded: by what the estimate gets to see, and by how often a client may ask."""

import random
from concurrent.futures import ThreadPoolExecutor

import pytest
from flask.testing import FlaskClient
from zxcvbn_rs_py import zxcvbn

from chirp_auth.security import password_guesses
from tests.conftest import MALLORY, PASSWORD, on_one_database
from tests.support.visitor import post_form, press

READ_AS_LETTERS = set("@({[<!|$+%")  # zxcvbn tries every combination of the letters that these stand for.
HOSTILE = [
    "4@8({[<369&#!1/|0$5+7%2" * 3,
    "p@$$w0rd1!|7+" * 5,
    "1/1/11-2.2.1999" * 4,
    "aab" * 24,
    "aA4@" * 18,
    "".join(random.Random(7).choices("4@8({[<369&#!1/|0$5+7%2aeiost", k=72)),
]
DOORS = {
    "hint": "/password-strength",
    "page": "/register",
    "plain": "/register",
    "v1": "/api/v1/auth/register",
    "marketplace": "/api/auth/register",
    "seller": "/api/auth/reset_password",
}


@pytest.fixture
def judged(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, list[str]]]:
    """What zxcvbn was given: the real one judges it all the same."""
    calls: list[tuple[str, list[str]]] = []

    def watched(password: str, user_inputs: list[str]) -> object:
        calls.append((password, user_inputs))
        return zxcvbn(password, user_inputs)

    monkeypatch.setattr(password_guesses, "zxcvbn", watched)
    return calls


def submit(door: str, client: FlaskClient, password: str, **more: str) -> int:
    path = DOORS[door]
    typed = {"email": MALLORY, "password": password, **more}
    if door in ("hint", "page"):
        return post_form(client, path, page="/register", **typed).status_code
    if door == "seller":
        typed = {"email": typed["email"], "old_password": "any", "new_password": password}
    return client.post(path, json=typed).status_code


@on_one_database
@pytest.mark.settings(rate_limits_enabled=False)
@pytest.mark.parametrize("door", DOORS)
def test_the_estimate_sees_few_characters_and_no_signs_that_look_like_letters(
    client: FlaskClient, judged: list[tuple[str, list[str]]], door: str
) -> None:
    names = " ".join(f"name{number}" for number in range(12))
    more = {} if door == "seller" else {"first_name": names, "last_name": names.upper()}

    for password in HOSTILE:
        assert submit(door, client, password[:72], **more) < 500

    assert len(judged) >= 3, "what is not judged proves nothing"
    for text, words in judged:
        assert len(text) <= 24
        assert not READ_AS_LETTERS & set(text)
        assert len(words) <= 32
        assert all(len(word) <= 100 for word in words)


@on_one_database
@pytest.mark.settings(rate_limits_enabled=False)
def test_a_hint_with_endless_names_costs_no_more(client: FlaskClient, judged: list[tuple[str, list[str]]]) -> None:
    endless = ".".join(f"word{number}" for number in range(20_000))

    assert submit("hint", client, "seven quiet herons", first_name=endless, last_name=endless) == 200

    assert sum(len(word) for _, words in judged for word in words) < 10_000


def test_a_client_gets_a_verdict_a_second_and_then_none_for_a_while(client: FlaskClient) -> None:
    page = client.get("/register").text

    def ask() -> tuple[int, int | None, bool]:
        answer = press(client, "/password-strength", page, email=MALLORY, password=PASSWORD)
        return answer.status_code, answer.headers.get("Retry-After", type=int), answer.is_json

    assert {ask() for _ in range(60)} == {(200, None, True)}
    status, wait, is_json = ask()
    assert (status, is_json) == (429, True)
    assert wait
    assert wait <= 60


@on_one_database
def test_hints_asked_for_at_once_do_not_wait_for_each_other(
    client: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    meanwhile: list[int] = []

    def asked_meanwhile(password: str, user_inputs: list[str]) -> object:
        if not meanwhile:
            meanwhile.append(0)
            other = client.application.test_client()
            with ThreadPoolExecutor(1) as thread:
                meanwhile[0] = thread.submit(submit, "hint", other, "eleven loud magpies").result(timeout=30)
        return zxcvbn(password, user_inputs)

    monkeypatch.setattr(password_guesses, "zxcvbn", asked_meanwhile)

    assert submit("hint", client, "seven quiet herons") == 200
    assert meanwhile == [503]
    assert submit("hint", client, "seven quiet herons") == 200


@on_one_database
@pytest.mark.parametrize(
    "password",
    [
        "a" * 72,
        "ab" * 36,
        "x7!k" * 18,
        "passpass" * 9,
        "12345678" * 9,
        "qwertyuiop" * 7,
        "Tr0ub4" * 12,
        "aaab" * 17 + "aa",
    ],
)
def test_a_long_password_of_one_repeated_pattern_is_refused(client: FlaskClient, password: str) -> None:
    answer = client.post("/api/v1/auth/register", json={"email": MALLORY, "password": password})

    assert answer.status_code == 400
    assert answer.get_json()["code"] == "PASSWORD_TOO_WEAK"


@on_one_database
@pytest.mark.parametrize(
    "password",
    ["x7!kq-zW" * 9, "!@#$%^&*()_+QWERTYUIOP seven herons", "4@8({[<369&#!1/|0$5+7%2", "p@per l@ntern 7 herons"],
)
def test_signs_do_not_make_a_good_password_a_bad_one(client: FlaskClient, password: str) -> None:
    answer = client.post("/api/v1/auth/register", json={"email": MALLORY, "password": password})

    assert answer.status_code == 201, answer.text
