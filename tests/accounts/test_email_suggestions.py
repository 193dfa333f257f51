"""Slips of the finger: offered where one slip explains them, and nowhere else."""

import pytest

from chirp_auth.accounts import email_suggestions


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("alice@gmial.com", "alice@gmail.com"),
        ("alice@gmail.con", "alice@gmail.com"),
        ("alice@gmai.com", "alice@gmail.com"),
        (" Alice@GMAILL.COM ", "Alice@gmail.com"),
        ("alice@outlok.com", "alice@outlook.com"),
        ("alice@gmail.com", None),
        ("alice@mail.com", None),
        ("alice@example.com", None),
        ("alice", None),
        ("@gmial.com", None),
        ("", None),
    ],
)
def test_a_slip_is_recognised(typed: str, meant: str | None) -> None:
    assert email_suggestions.suggest(typed) == meant
