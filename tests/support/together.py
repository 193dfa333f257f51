"""Several calls at the same moment: in threads with connections of their own, or in processes of their own."""

import multiprocessing
import threading
from collections.abc import Callable, Sequence
from multiprocessing.context import ForkServerContext
from multiprocessing.synchronize import Barrier
from typing import Any

from chirp_auth import create_app
from chirp_auth.extensions import db
from chirp_auth.http.routing import Application
from config import Settings

OK = "ok"
SECONDS = 60.0


def in_threads(app: Application, calls: Sequence[Callable[[], object]]) -> list[str]:
    """Return, in order, how each call ended: "ok", or the name of the exception that it raised."""
    barrier, outcomes = threading.Barrier(len(calls)), [""] * len(calls)

    def run(place: int) -> None:
        with app.app_context():
            barrier.wait(SECONDS)
            outcomes[place] = outcome(calls[place])

    threads = [threading.Thread(target=run, args=(place,)) for place in range(len(calls))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(SECONDS)
    return outcomes


def prepared_processes() -> ForkServerContext:
    """Return what makes processes that are copies of one which has imported everything and done nothing.

    A fresh process would take longer to import than most tests take.
    """
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["tests.conftest"])
    return context


def in_processes(settings: Settings, count: int, call: Callable[..., object], *arguments: object) -> list[str]:
    """Return how `call(*arguments)` ended in each of `count` processes, each with an application of its own.

    `call` is a function of a module: the processes import it.
    """
    context = prepared_processes()
    barrier, ended = context.Barrier(count), context.Queue()
    processes = [
        context.Process(target=_run, args=(settings, barrier, ended, call, arguments), daemon=True)
        for _ in range(count)
    ]
    for process in processes:
        process.start()
    try:
        return [ended.get(timeout=SECONDS) for _ in processes]
    finally:
        for process in processes:
            process.join(SECONDS)


def outcome(call: Callable[[], object]) -> str:
    """Return "ok", or the name of the exception that the call raised."""
    try:
        call()
    except Exception as error:
        return type(error).__name__
    finally:
        db.session.remove()
    return OK


def _run(
    settings: Settings, barrier: Barrier, ended: Any, call: Callable[..., object], arguments: tuple[object, ...]
) -> None:
    app = create_app(settings)
    with app.app_context():
        barrier.wait(SECONDS)
        ended.put(outcome(lambda: call(*arguments)))
