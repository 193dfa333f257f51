"""Addresses of a file: parsed as single ones are, whatever the parser has seen before."""

from itertools import product

import pytest

from chirp_auth.accounts import addresses
from chirp_auth.errors import InvalidEmail

DOMAINS = [
    "example.com",
    "EXAMPLE.com",
    "bücher.example",
    "a" * 63 + ".example",
    "no_such.example",
    "example",
    "-.com",
    "",
]
LOCAL_PARTS = [
    *("alice", "Alice.Archer", "a+tag", "a_b-c", "x" * 64, "x" * 65, "1", "=?utf-8?q?a?=", "a=b", "o'neil"),
    *("", ".a", "a.", "a..b", "a b", '"a b"', "ä", "a@b", "a\0", "\U0001d44e", "a\n", " alice", "alice\t"),
]


def outcome(parse: object, text: str) -> object:
    try:
        return parse(text)  # type: ignore[operator]
    except InvalidEmail:
        return InvalidEmail


@pytest.mark.parametrize("domain", DOMAINS)
def test_an_address_of_a_domain_that_was_seen_before_is_parsed_as_any(domain: str) -> None:
    for local_part, end in product(LOCAL_PARTS, ["", " ", "\n"]):
        parser = addresses.BulkParser()
        outcome(parser.parse, f"first@{domain}")
        text = f"{local_part}@{domain}{end}"

        assert outcome(parser.parse, text) == outcome(addresses.parse, text), repr(text)


def test_too_long_an_address_is_refused_there_too() -> None:
    parser = addresses.BulkParser()
    domain = ".".join(["a" * 60] * 4) + ".com"  # 247 characters
    assert parser.parse(f"a@{domain}").deliverable == f"a@{domain}"

    with pytest.raises(InvalidEmail):
        parser.parse(f"{'x' * 64}@{domain}")
    with pytest.raises(InvalidEmail):
        parser.parse(" " * 600 + f"a@{domain}")


def test_it_remembers_no_more_than_so_many_domains(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(addresses, "MAX_DOMAINS", 2)
    parser = addresses.BulkParser()

    for number in range(4):
        parser.parse(f"a@{number}.example.com")

    assert len(parser._domains) == 2
    assert parser.parse("A@3.example.com").key == "a@3.example.com"
