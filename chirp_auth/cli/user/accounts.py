"""`flask auth user list`, `show` and `create`: look at accounts and open them."""

from collections.abc import Iterator
from dataclasses import asdict
from datetime import datetime
from typing import Any

import click
from flask.cli import with_appcontext

from chirp_auth.accounts import deletion, registration, sessions, users
from chirp_auth.accounts.factors import factor_recovery, second_factor
from chirp_auth.accounts.registration import Applicant
from chirp_auth.admin import factors, invitations, outbox, support_links
from chirp_auth.audit import queries
from chirp_auth.cli._common.arguments import Moment
from chirp_auth.cli._common.event_rows import event_row
from chirp_auth.cli._common.output import as_json_option, print_facts, print_rows, refusals_in_words
from chirp_auth.cli._common.prompts import account, nothing_to_ask_option, operator, read_password
from chirp_auth.formatting import iso
from chirp_auth.models import User
from chirp_auth.security.client import device_in_words

COLUMNS = ("id", "email", "name", "status", "created_at", "last_sign_in_at")


@click.command("list")
@with_appcontext
@click.option("--search", help="A part of an address, a name or a phone number, or an id.")
@click.option("--status", type=click.Choice([users.ACTIVE, users.UNVERIFIED, users.LOCKED]), help="Only these.")
@click.option("--since", "registered", type=Moment(), help="Only who registered since then: 7d, or a date.")
@click.option("--after", help="Go on after this account, the last one of the page before.")
@click.option("--limit", default=50, show_default=True, type=click.IntRange(1, 1_000_000), help="How many.")
@as_json_option
def show_list(
    search: str | None, status: str | None, registered: datetime | None, after: str | None, limit: int, as_json: bool
) -> None:
    """List accounts, newest first.

    Example: flask --app wsgi auth user list --search alice --limit 10
    """
    last = account(after) if after else None
    page = users.listed(limit, search=search, status=status, since=registered, after=last)
    print_rows(COLUMNS, map(_row, page), as_json=as_json)


@click.command("show")
@with_appcontext
@click.argument("who")
@as_json_option
def show(who: str, as_json: bool) -> None:
    """Show an account with its sessions, links and mails. WHO is its address or id; its last events are told too.

    Example: flask --app wsgi auth user show alice@example.com
    """
    user = account(who)
    print_facts({**_row(user), **_details(user)}, as_json=as_json)


@click.command("create")
@with_appcontext
@click.argument("email")
@click.option("--first-name", help="First name.")
@click.option("--last-name", help="Last name.")
@click.option("--phone-number", help="Phone number, with its country code.")
@click.option("--invite", is_flag=True, help="Ask for no password: mail a link to choose one.")
@nothing_to_ask_option
@as_json_option
def create(
    email: str, first_name: str | None, last_name: str | None, phone_number: str | None, invite: bool, as_json: bool
) -> None:
    """Open an account. The password comes from a prompt, or from standard input when that is no terminal.

    Example: flask --app wsgi auth user create alice@example.com --first-name Alice
    """
    with refusals_in_words():
        if invite:
            user = invitations.invite(email, first_name, last_name, phone_number, operator())
        else:
            applicant = Applicant(email, read_password(), first_name, last_name, phone_number)
            user = registration.create(applicant, operator())
    print_rows(COLUMNS, [_row(user)], as_json=as_json)


def _row(user: User) -> dict[str, str | None]:
    return {
        "id": str(user.id),
        "email": user.email,
        "name": user.display_name,
        "status": users.status(user),
        "created_at": iso(user.created_at),
        "last_sign_in_at": iso(user.last_sign_in_at) if user.last_sign_in_at else None,
    }


def _details(user: User) -> dict[str, Any]:
    def moment(name: str) -> str | None:
        value = getattr(user, name)
        return iso(value) if value else None

    times = ("email_verified_at", "password_changed_at", "password_reset_requested_at", "password_reset_at")
    return {
        **{name: moment(name) for name in times},
        "phone_number": user.phone_number,
        "has_password": user.password_hash is not None,
        "failed_sign_ins": user.failed_sign_ins,
        "sign_in_blocked_until": moment("sign_in_blocked_until"),
        "disabled_at": moment("disabled_at"),
        "deletion_due": iso(due) if (due := deletion.due_at(user)) else None,
        "second_factors": asdict(factors.of(user)),
        "codes_blocked_until": iso(until) if (until := second_factor.blocked_until(user.id)) else None,
        "recovery_due": iso(recovery.due_at) if (recovery := factor_recovery.open_of(user.id)) else None,
        "open_links": support_links.count_usable(user),
        "sessions": list(_session_rows(user)),
        "mails": [
            {"id": str(mail.id), "kind": mail.kind, "created_at": iso(mail.created_at), "error": mail.last_error}
            for mail in outbox.waiting_mails(user)
        ],
        "events": [event_row(event) for event in queries.search(10, subject=queries.subject_of_user(user))],
    }


def _session_rows(user: User) -> Iterator[dict[str, str | None]]:
    for session in sessions.living(user):
        yield {
            "id": str(session.id),
            "face": session.face,
            "device": device_in_words(session.user_agent),
            "ip": session.ip,
            "last_seen_at": iso(session.last_seen_at),
        }
