"""What somebody else does at the worst moment: while a hash is computed, or between a check and what it allows."""

from collections.abc import Callable
from typing import Any

import pytest

from chirp_auth.http.routing import Application
from tests.support.together import OK, in_threads

Act = Callable[[], object]
Meanwhile = Callable[[Act], None]


def act_after(app: Application, monkeypatch: pytest.MonkeyPatch, owner: object, *names: str) -> Meanwhile:
    """Return the function that takes an act, which happens once, right after the next call of one of the names."""
    acts: list[Act] = []

    def with_act(call: Callable[..., Any]) -> Callable[..., Any]:
        def called(*arguments: Any, **more: Any) -> Any:
            result = call(*arguments, **more)
            while acts:  # By somebody else: with a connection of their own.
                assert in_threads(app, [acts.pop()]) == [OK]
            return result

        return called

    for name in names:
        monkeypatch.setattr(owner, name, with_act(getattr(owner, name)))
    return acts.append
