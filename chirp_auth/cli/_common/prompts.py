"""What commands ask for: the operator, an account, a confirmation, a password."""

import os
import pwd
import re
import sys
from datetime import timedelta
from typing import Any

import click

from chirp_auth.accounts import users
from chirp_auth.cli._common.output import NOT_FOUND, REFUSED, USAGE, clean, stop
from chirp_auth.models import User
from chirp_auth.security.client import Client
from config import LONGEST

ACTOR = "chirp_auth.actor"
MAX_ACTOR_CHARACTERS = 100
MAX_SYSTEM_USER_CHARACTERS = 40
_NO_BRACKETS = str.maketrans("()", "??")
_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400}

yes_option = click.option("--yes", is_flag=True, help="Do not ask; needed where there is no terminal.")
# Accepted and ignored, so that scripts can pass --yes to every command.
nothing_to_ask_option = click.option("--yes", is_flag=True, hidden=True, expose_value=False)
dry_run_option = click.option("--dry-run", is_flag=True, help="Say what would happen, and change nothing.")


class Span(click.ParamType[timedelta]):
    """A span of time such as 90s, 30m, 12h or 7d."""

    name = "span"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> timedelta:
        if isinstance(value, timedelta):
            return value
        match = re.fullmatch(r"(\d{1,100})([smhd])", value, re.ASCII)
        if not match:
            self.fail("write a number with s, m, h or d, such as 30m or 7d.", param, ctx)
        seconds = int(match[1]) * _SECONDS[match[2]]
        if seconds > LONGEST.total_seconds():
            self.fail(f"{LONGEST.days}d at most.", param, ctx)
        return timedelta(seconds=seconds)


def operator() -> Client:
    """Return who runs the command: the system user, followed by the name from `--as`, as in `deploy (as: carol)`.

    `--as` takes any text. The system user comes first and has no brackets, so that no name can imitate it.
    """
    user = system_user()
    if not (name := click.get_current_context().meta.get(ACTOR)):
        return Client(face="cli", actor=user)
    longest = MAX_ACTOR_CHARACTERS - len(f"{user} (as: )")
    return Client(face="cli", actor=f"{user} (as: {clean(name)[:longest]})")


def system_user() -> str:
    """Return the system user of this process. `getpass.getuser` would believe the environment."""
    try:
        name = pwd.getpwuid(os.getuid()).pw_name
    except KeyError:  # a user id without a name, as containers have
        name = f"uid {os.getuid()}"
    return clean(name).translate(_NO_BRACKETS)[:MAX_SYSTEM_USER_CHARACTERS]


def account(text: str) -> User:
    """Return the account with this address or id, or end with a sentence that offers similar addresses."""
    user = users.find_by_id_or_email(text)
    if user is None:
        similar = users.similar(text)
        hint = f"Did you mean {' or '.join(similar)}?" if similar else "Try: flask --app wsgi auth user list --search"
        stop(f"No account has the address or id {text}. {hint}", NOT_FOUND)
    return user


def check_said_once(*given: object, options: str) -> None:
    """End unless exactly one of these was given: an account, or one of the options."""
    if sum(map(bool, given)) != 1:
        stop(f"Name an account, or say {options}.", USAGE)


def confirm(question: str, *, yes: bool) -> None:
    """End unless the operator agrees; without a terminal only `--yes` counts."""
    if yes:
        return
    if not sys.stdin.isatty():
        stop(f"{question} There is no terminal to ask at: say it with --yes.", USAGE)
    if not click.confirm(clean(question), err=True):
        stop("Nothing was changed.", REFUSED)


def read_password() -> str:
    """Return a password from a prompt, or from standard input when that is no terminal."""
    if sys.stdin.isatty():
        return str(click.prompt("Password", hide_input=True, confirmation_prompt=True, err=True))
    password = sys.stdin.readline().rstrip("\r\n")
    if not password:
        stop("There is no terminal to ask at, and no password came from standard input.", USAGE)
    return password
