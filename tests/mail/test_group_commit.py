"""Group commit: rows of one moment share a transaction, and each is committed when its caller goes on."""

import time
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from threading import Event

import pytest
from sqlalchemy.exc import DataError, OperationalError

from chirp_auth.mail.group_commit import GroupCommit, Row

PATIENCE = 10.0


class Table:
    """What was committed, by group; the first transaction ends when it is let go on."""

    def __init__(self, *, spoiled_by: Iterable[int] = ()) -> None:
        self.groups: list[list[int]] = []
        self.begun, self.go_on = Event(), Event()
        self.spoiled_by = frozenset(spoiled_by)
        self.is_away = False
        self.tries = 0

    def write(self, rows: Sequence[Row]) -> None:
        numbers = [row["number"] for row in rows]
        self.begun.set()
        self.tries += 1
        assert self.go_on.wait(PATIENCE)
        if self.is_away:
            raise OperationalError("INSERT", {}, Exception("away"))
        if self.spoiled_by.intersection(numbers):
            raise DataError("INSERT", {}, Exception("spoiled"))
        self.groups.append(numbers)

    @property
    def numbers(self) -> list[int]:
        return sorted(number for group in self.groups for number in group)


def add_behind_one(table: Table, others: int) -> list[BaseException | None]:
    """Let so many come while the transaction of the first is open; return what each got."""
    group = GroupCommit(table.write)
    with ThreadPoolExecutor(others + 1) as pool:
        asked = [pool.submit(group.add, {"number": 0})]
        assert table.begun.wait(PATIENCE)
        asked += [pool.submit(group.add, {"number": number}) for number in range(1, others + 1)]
        while len(group._waiting) < others:
            time.sleep(0.001)
        table.go_on.set()
        return [each.exception(PATIENCE) for each in asked]


def test_one_alone_waits_for_nobody() -> None:
    table = Table()
    table.go_on.set()
    group = GroupCommit(table.write)
    group.add({"number": 1})
    group.add({"number": 2})
    assert table.groups == [[1], [2]]


def test_those_who_come_meanwhile_share_the_next_transaction() -> None:
    table = Table()
    assert add_behind_one(table, 20) == [None] * 21
    assert [len(group) for group in table.groups] == [1, 20]
    assert table.numbers == list(range(21))


def test_a_row_that_cannot_be_written_fails_its_own_caller_alone() -> None:
    table = Table(spoiled_by=[3])
    errors = add_behind_one(table, 5)
    assert [type(error) for error in errors] == [type(None)] * 3 + [DataError] + [type(None)] * 2
    assert table.numbers == [0, 1, 2, 4, 5]


def test_a_database_that_is_away_is_told_to_all_after_one_wait() -> None:
    table = Table()
    table.is_away = True
    assert [type(error) for error in add_behind_one(table, 5)] == [OperationalError] * 6
    assert table.tries == 1
    table.is_away = False
    group = GroupCommit(table.write)
    group.add({"number": 7})
    assert table.groups == [[7]]


def test_the_next_one_is_written_after_a_failure() -> None:
    table = Table(spoiled_by=[1])
    table.go_on.set()
    group = GroupCommit(table.write)
    with pytest.raises(DataError):
        group.add({"number": 1})
    group.add({"number": 2})
    assert table.groups == [[2]]


def test_under_many_threads_each_row_is_written_once() -> None:
    table = Table()
    table.go_on.set()
    group = GroupCommit(table.write)
    with ThreadPoolExecutor(32) as pool:
        list(pool.map(group.add, [{"number": number} for number in range(2000)]))
    assert table.numbers == list(range(2000))
