"""The commands while the settings are invalid: help, the doctor, the example file and a first key.

Every other command reports the problems and changes nothing, as it is unknown which database it would change.
"""

from collections.abc import Sequence
from copy import copy
from typing import NoReturn

import click
from flask import Flask

from chirp_auth.cli._common.output import FAILED, clean
from chirp_auth.cli.doctor.findings import fail, report
from chirp_auth.cli.keys import print_first_key

NEEDS_NO_SETTINGS = ("config example",)
FIX = "Mend it in the environment or in .env; what may stand there: flask --app wsgi auth config example"


def application(problems: Sequence[str], *groups: click.Group) -> Flask:
    """Return what stands in for the application under the `flask` command, with its groups of commands.

    Flask's own commands, such as `flask routes`, end at once with the problems.
    """
    if click.get_current_context().find_root().invoked_subcommand:
        _refuse(problems)
    app = Flask(__name__)
    for group in groups:
        app.cli.add_command(_without_settings(group, problems))
    return app


def _without_settings(command: click.Command, problems: Sequence[str], *path: str) -> click.Command:
    """Return a copy of a command whose callback needs no settings, with copies of all below it."""
    stand_in, name = copy(command), " ".join(path)
    if isinstance(stand_in, click.Group):
        stand_in.commands = {
            part: _without_settings(below, problems, *path, part) for part, below in stand_in.commands.items()
        }
    elif name == "doctor":
        stand_in.callback = lambda as_json, **_: _examine(problems, as_json=as_json)
    elif name == "keys rotate":
        stand_in.callback = lambda name, dry_run, as_json, **_: print_first_key(name, dry_run=dry_run, as_json=as_json)
    elif name not in NEEDS_NO_SETTINGS:
        stand_in.callback = lambda **_: _refuse(problems)
    return stand_in


def _examine(problems: Sequence[str], *, as_json: bool) -> None:
    report([fail("settings", problem, FIX) for problem in problems], as_json=as_json)


def _refuse(problems: Sequence[str]) -> NoReturn:
    click.echo("Error: please mend these settings first:", err=True)
    for problem in problems:
        click.echo(f"  - {clean(problem)}", err=True)
    raise SystemExit(FAILED)
