"""CPU affinity: a serving process keeps to one processor, and the worker beside it to the others.

One thread of a process runs Python at a time, and a request goes from thread to thread a dozen times. To wake the next
one on another processor, an idle one, takes longer than most of what it then does. And who has to wait until the worker
leaves a processor could tell that a mail is being made.

Which processor it is, the scheduler decides: at the start, and again when others need that one too, the process may run
anywhere for a moment, and keeps to where that has put it. All this needs Linux and two processors; elsewhere nothing is
done.
"""

import os
import time
from collections.abc import Callable, Iterator, Set
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import Lock, Thread, get_native_id

KEEP_SECONDS = 1.0  # At least; then it depends on what others do.
OTHERS_SHARE = 0.4  # More of the processor than that, and others need it: two busy processes on one have half each.
ROAM_SECONDS = 0.02
LOOK_SECONDS = 0.25  # So often the worker looks where the serving processes are.

_TASKS = Path("/proc/self/task")
_PROCESSOR = 36  # The last one, among the fields after the name in /proc/self/stat (proc(5)).


class OneProcessor:
    """Keeps the threads of a serving process together, once it is started."""

    def __init__(self) -> None:
        self._all: Set[int] = set()
        self._home: Set[int] = set()
        self._elsewhere: set[int] = set()
        self._lock = Lock()

    def start(self) -> None:
        self._all = self._home = _allowed()
        _run_beside(self._keep, self._all)

    @contextmanager
    def anywhere(self) -> Iterator[None]:
        """Let the calling thread run on any processor: it computes for long, and without the interpreter's lock."""
        thread = get_native_id()
        with self._lock:
            self._elsewhere.add(thread)
            _move(thread, self._all)
        try:
            yield
        finally:
            with self._lock:
                self._elsewhere.discard(thread)
                _move(thread, self._home)

    def _keep(self) -> None:
        try:
            while True:
                self._move_home(self._all)
                time.sleep(ROAM_SECONDS)
                home = self._choose(_processor_of_main_thread())
                self._move_home({home})
                while self._choose(home) == home and _share_of_others(home) <= OTHERS_SHARE:
                    pass
        except (OSError, LookupError, ValueError):  # Some sandboxes have a /proc that does not say.
            self._move_home(self._all)

    def _choose(self, wanted: int) -> int:
        """Return the wanted processor, or one that no process before this one keeps to, if there is any."""
        taken = _kept_to_by_those_before_us()
        return wanted if wanted not in taken else min(self._all - taken, default=wanted)

    def _move_home(self, processors: Set[int]) -> None:
        with self._lock:
            self._home = processors
            for thread in _threads() - self._elsewhere:
                _move(thread, processors)


def avoid_siblings() -> None:
    """Keep this process off the processors to which less nice ones of the same parent keep, if that leaves it any."""
    everywhere = _allowed()

    def keep_off() -> None:
        home = everywhere
        while True:
            kept = _kept_to_by_those_before_us()  # none in the moment in which they may run anywhere
            left = (everywhere - kept) or everywhere
            if kept and left != home:
                home = left
                for thread in _threads():
                    _move(thread, home)
            time.sleep(LOOK_SECONDS)

    _run_beside(keep_off, everywhere)


def _allowed() -> Set[int]:
    """Return the processors that this process may use; none where that cannot be asked, or not be changed."""
    return os.sched_getaffinity(0) if hasattr(os, "sched_getaffinity") and _TASKS.exists() else set()


def _run_beside(work: Callable[[], None], processors: Set[int]) -> None:
    if len(processors) > 1:
        Thread(target=work, name="cpu-affinity", daemon=True).start()


def _threads() -> set[int]:
    return set(map(int, os.listdir(_TASKS)))  # noqa: PTH208 - names, not paths


def _move(thread: int, processors: Set[int]) -> None:
    if processors:
        with suppress(OSError):  # It has ended, or the system has taken these processors from us.
            os.sched_setaffinity(thread, processors)


def _processor_of_main_thread() -> int:
    return int(Path("/proc/self/stat").read_text(encoding="ascii").rpartition(")")[2].split()[_PROCESSOR])


def _share_of_others(processor: int) -> float:
    """Return how much of the processor other processes use, measured for a while."""
    before = _busy_seconds(processor) - time.process_time()
    time.sleep(KEEP_SECONDS)
    return (_busy_seconds(processor) - time.process_time() - before) / KEEP_SECONDS


def _busy_seconds(processor: int) -> float:
    """Return for how long the processor has worked for anybody."""
    lines = map(str.split, Path("/proc/stat").read_text(encoding="ascii").splitlines())
    user, nice, system, _idle, _waiting, *interrupts = {name: times for name, *times in lines}[f"cpu{processor}"]
    return sum(map(int, (user, nice, system, *interrupts[:2]))) / os.sysconf("SC_CLK_TCK")


def _kept_to_by_those_before_us() -> Set[int]:
    """Return the processors to which other children of our parent keep that are less nice, or as nice and older."""
    kept: set[int] = set()
    us = (os.getpriority(os.PRIO_PROCESS, 0), os.getpid())
    for children in Path(f"/proc/{os.getppid()}/task").glob("*/children"):
        with suppress(OSError):
            for child in map(int, children.read_text(encoding="ascii").split()):
                home = os.sched_getaffinity(child)
                if len(home) == 1 and (os.getpriority(os.PRIO_PROCESS, child), child) < us:
                    kept |= home
    return kept
