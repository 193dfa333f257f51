"""`python -m bench.peers`: forgot-password here, in Django and in django-allauth, down to the mail that left.

Each turn has a database of its own with 1,000 accounts, a server with one process and the same threads, and
a mail server (`bench.sink`) that can take its time. It measures in this order: single requests on an idle server, a
burst for known addresses until the last mail is out, and a burst for addresses that nobody has. The sites take turns,
several rounds each, so that whatever else the machine does hits all of them.
"""

import argparse
import itertools
import os
import statistics
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path
from typing import NamedTuple

from bench import cpu, load, sink
from bench.__main__ import _server
from bench.peers import stores
from bench.peers.sites import ACCOUNTS, SITES, Site
from bench.peers.stores import Store

PORT, SMTP_PORT = 5961, 5962
IN_THE_BURST = 1000
PAUSE_SECONDS = 0.1  # between single requests, so that each finds the server idle


class Turn(NamedTuple):
    """What one turn measured: rates by the second, times in milliseconds, `left` as a share of the requests."""

    known: float
    known_p50: float
    known_p99: float
    unknown: float
    unknown_p50: float
    unknown_p99: float
    mails: float
    left: float
    idle: float
    cpu_mail: float
    cpu_unknown: float


def main() -> None:
    options = _options()
    turns: dict[str, list[Turn]] = {site.name: [] for site in SITES if options.only in site.name}
    print(f"load average before: {os.getloadavg()[0]:.1f}, {os.cpu_count()} processors", flush=True)
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        store = stores.opened(options.database, folder, stack)
        for site in SITES:
            if site.name in turns:
                store.prepare(site.name, site.prepare)
                print(site.versions(), flush=True)
        for number, site in itertools.product(range(options.rounds), SITES):
            if site.name in turns:
                turn = _turn(site, store, folder, options)
                turns[site.name].append(turn)
                print(f"round {number + 1}  {site.name:15} {_line(turn)}", flush=True)
    print(f"load average after: {os.getloadavg()[0]:.1f}; medians:")
    medians = {name: Turn(*map(statistics.median, zip(*of_site, strict=True))) for name, of_site in turns.items()}
    for name, median in medians.items():
        print(f"{name:15} {_line(median)}")
    if (ours := medians.pop("Chirp Auth", None)) is None:
        return
    for name, peer in medians.items():
        ratios = [ours.known / peer.known, ours.unknown / peer.unknown, ours.mails / peer.mails]
        print("ours / {}: known {:.2f}, unknown {:.2f}, mails {:.2f}".format(name, *ratios))


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench.peers", description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--requests", type=int, default=3000, help="in each burst")
    parser.add_argument("--connections", type=int, default=16)
    parser.add_argument("--mail-seconds", type=float, default=0.0, help="that the mail server takes for each mail")
    parser.add_argument("--patience", type=float, default=20.0, help="seconds without a mail that end the waiting")
    parser.add_argument("--database", choices=("sqlite", "postgresql"), default="sqlite")
    parser.add_argument("--only", default="", help="sites whose name holds this")
    return parser.parse_args()


def _turn(site: Site, store: Store, folder: Path, options: argparse.Namespace) -> Turn:
    with (
        store.copy(site.name) as url,
        sink.running(SMTP_PORT, folder, seconds=options.mail_seconds) as mail_server,
        _server(
            site.server(PORT),
            PORT,
            site.page,
            {**os.environ, **site.environment(url, PORT, SMTP_PORT)},
            python=site.python,
        ) as server,
    ):
        idle = _idle(site, mail_server, options.patience)
        before = len(mail_server.mails())

        spent, started = cpu.seconds(server.pid), time.monotonic()
        known = _burst(site, "user", IN_THE_BURST, options)
        mails = mail_server.wait_for(before + options.requests, options.patience)[before:]
        cpu_for_mails = cpu.seconds(server.pid) - spent

        spent = cpu.seconds(server.pid)
        unknown = _burst(site, "nobody", options.requests, options)
        cpu_for_unknown = cpu.seconds(server.pid) - spent
    return Turn(
        known=known.per_second,
        known_p50=known.percentile(50),
        known_p99=known.percentile(99),
        unknown=unknown.per_second,
        unknown_p50=unknown.percentile(50),
        unknown_p99=unknown.percentile(99),
        mails=len(mails) / (mails[-1].at - started),
        left=len(mails) / options.requests,
        idle=idle,
        cpu_mail=cpu_for_mails / len(mails) * 1000,
        cpu_unknown=cpu_for_unknown / options.requests * 1000,
    )


def _idle(site: Site, mail_server: sink.Sink, patience: float) -> float:
    """Return the median time, in milliseconds, from a single request to its mail."""
    times = []
    for number in range(IN_THE_BURST, ACCOUNTS):
        (wire,) = site.wires(PORT, [f"user{number}@example.com"])
        count, asked = len(mail_server.mails()), time.monotonic()
        load.send_all(PORT, [wire], connections=1)
        mails = mail_server.wait_for(count + 1, patience)
        if len(mails) == count:
            raise SystemExit(f"{site.name} sent no mail within {patience:g} s")
        times.append(mails[-1].at - asked)
        time.sleep(PAUSE_SECONDS)
    return statistics.median(times) * 1000


def _burst(site: Site, name: str, addresses: int, options: argparse.Namespace) -> load.Load:
    wires = site.wires(PORT, [f"{name}{number % addresses}@example.com" for number in range(options.requests)])
    result = load.send_all(PORT, wires, connections=options.connections)
    if set(result.statuses) - {200, 302}:
        raise SystemExit(f"{site.name} answered {dict(result.statuses)}")
    return result


def _line(turn: Turn) -> str:
    return (
        f"known {turn.known:6.0f}/s (p50 {turn.known_p50:5.1f}, p99 {turn.known_p99:6.1f} ms)  "
        f"unknown {turn.unknown:6.0f}/s (p50 {turn.unknown_p50:5.1f}, p99 {turn.unknown_p99:6.1f} ms)  "
        f"mails {turn.mails:6.1f}/s ({turn.left:4.0%} left)  idle {turn.idle:6.1f} ms  "
        f"CPU {turn.cpu_mail:5.2f} ms a request with its mail, {turn.cpu_unknown:5.2f} an unknown one"
    )


if __name__ == "__main__":
    main()
