"""Identifiers: in order of their time, and no two alike."""

from datetime import UTC, datetime, timedelta

from chirp_auth.identifiers import random_hex, time_ordered_uuid

MOMENT = datetime(2026, 11, 29, 12, 30, 15, 250_000, tzinfo=UTC)


def test_an_id_tells_its_time_and_no_two_are_the_same() -> None:
    later = MOMENT + timedelta(milliseconds=1)

    ids = [time_ordered_uuid(moment) for moment in [MOMENT] * 1000 + [later] * 1000]

    assert len(set(ids)) == 2000
    assert {(each.version, each.variant) for each in ids} == {(7, "specified in RFC 4122")}
    assert max(ids[:1000]) < min(ids[1000:])
    assert {each.int >> 80 for each in ids[:1000]} == {int(MOMENT.timestamp() * 1000)}


def test_random_digits_have_the_size_that_was_asked_for_and_do_not_repeat() -> None:
    digits = {random_hex(8) for _ in range(1000)}

    assert len(digits) == 1000
    assert {len(each) for each in digits} == {16}
