"""`flask auth mail …`: what waits to be sent, what could not be, and trying again."""

from uuid import UUID

import click
from flask.cli import AppGroup

from chirp_auth.admin import outbox
from chirp_auth.cli._common.output import (
    FAILED,
    NOT_FOUND,
    USAGE,
    as_json_option,
    done,
    print_facts,
    print_rows,
    refusals_in_words,
    stop,
)
from chirp_auth.cli._common.prompts import confirm, dry_run_option, nothing_to_ask_option, operator, yes_option
from chirp_auth.formatting import counted, iso
from chirp_auth.mail import status as mail_status
from chirp_auth.mail.smtp import NOT_TAKEN
from chirp_auth.models import OutboxEntry
from chirp_auth.worker.composers import COMPOSERS

COLUMNS = ("id", "kind", "recipient", "status", "created_at", "due_at", "attempts", "sent_at", "last_error")

mail = AppGroup(
    "mail", help="Mails that wait, and mails that could not be sent.\n\nExample: flask --app wsgi auth mail status"
)


@mail.command("status")
@as_json_option
def status(as_json: bool) -> None:
    """Show how many mails wait, and how the last ones went.

    Example: flask --app wsgi auth mail status
    """
    current = mail_status.read()
    print_facts(
        {
            "waiting": current.waiting,
            "parked": current.parked,
            "oldest_seconds": round(current.oldest_seconds),
            "last_sent_at": iso(current.last_sent_at) if current.last_sent_at else None,
            "last_error": current.last_error,
            "worker_seen_at": iso(current.worker_seen_at) if current.worker_seen_at else None,
        },
        as_json=as_json,
    )


@mail.command("list")
@click.option("--status", "state", type=click.Choice(list(mail_status.BY_NAME)), help="Only these.")
@click.option("--to", "email", help="Only those to this address.")
@click.option("--kind", type=click.Choice(sorted(COMPOSERS)), metavar="KIND", help="Only of this kind: reset_link …")
@click.option("--limit", default=50, show_default=True, type=click.IntRange(1, 1_000_000), help="How many.")
@as_json_option
def show_list(state: str | None, email: str | None, kind: str | None, limit: int, as_json: bool) -> None:
    """List mails, newest first.

    Example: flask --app wsgi auth mail list --to alice@example.com --kind reset_link
    """
    print_rows(COLUMNS, map(_row, outbox.listed(limit, state, email=email, kind=kind)), as_json=as_json)


@mail.command("show")
@click.argument("mail_id", type=click.UUID)
@as_json_option
def show(mail_id: UUID, as_json: bool) -> None:
    """Show what became of one mail. Its text and its link are not kept anywhere.

    Example: flask --app wsgi auth mail show 0b0a…
    """
    entry = _find(mail_id)
    params = {f"param_{name}": value for name, value in entry.params.items()}
    print_facts({**_row(entry), "message_id": entry.message_id, **params}, as_json=as_json)


@mail.command("retry")
@click.argument("mail_id", type=click.UUID, required=False)
@click.option("--failed", is_flag=True, help="All that are parked.")
@nothing_to_ask_option
@as_json_option
def retry(mail_id: UUID | None, failed: bool, as_json: bool) -> None:
    """Let one mail, or all that are parked, be tried again at once.

    Example: flask --app wsgi auth mail retry --failed
    """
    _check(mail_id, failed=failed)
    queued = outbox.retry(mail_id, operator())
    done(f"Queued {counted(queued, 'mail')} again; the mail worker sends what is due.", as_json=as_json, queued=queued)


@mail.command("cancel")
@click.argument("mail_id", type=click.UUID, required=False)
@click.option("--failed", is_flag=True, help="All that are parked.")
@yes_option
@dry_run_option
@as_json_option
def cancel(mail_id: UUID | None, failed: bool, yes: bool, dry_run: bool, as_json: bool) -> None:
    """Give up one mail that was not sent, or all that are parked. One that is on the wire may still arrive.

    Example: flask --app wsgi auth mail cancel --failed --dry-run
    """
    _check(mail_id, failed=failed)
    count = outbox.count_parked() if failed else 1
    if dry_run:
        done(f"Would cancel {counted(count, 'mail')}.", as_json=as_json, mails=count, cancelled=False)
        return
    confirm(f"Cancel {counted(count, 'mail')}?", yes=yes)
    cancelled = outbox.cancel(mail_id, operator())
    done(f"Cancelled {counted(cancelled, 'mail')}.", as_json=as_json, mails=cancelled, cancelled=True)


@mail.command("send-test")
@click.argument("address")
@as_json_option
def send_test(address: str, as_json: bool) -> None:
    """Send a test mail now, and say what the mail server said.

    Example: flask --app wsgi auth mail send-test alice@example.com
    """
    with refusals_in_words():
        try:
            taken_by = outbox.send_test(address, operator())
        except NOT_TAKEN as error:
            stop(f"The mail server did not take it: {error}. See: flask --app wsgi auth doctor", FAILED)
    sentence = f"A test mail to {address} was taken by {taken_by}."
    done(sentence, as_json=as_json, recipient=address, taken_by=taken_by)


def _check(mail_id: UUID | None, *, failed: bool) -> None:
    if (mail_id is None) != failed:
        stop("Name one mail by its id, or say --failed.", USAGE)
    if mail_id and _find(mail_id).sent_at:
        stop(f"The mail {mail_id} is over: it was sent or closed. See: flask --app wsgi auth mail list", NOT_FOUND)


def _find(mail_id: UUID) -> OutboxEntry:
    entry = outbox.find(mail_id)
    if entry is None:
        stop(f"There is no mail {mail_id}. See: flask --app wsgi auth mail list", NOT_FOUND)
    return entry


def _row(entry: OutboxEntry) -> dict[str, object]:
    return {
        "id": str(entry.id),
        "kind": entry.kind,
        "recipient": entry.recipient,
        "status": mail_status.of(entry),
        "created_at": iso(entry.created_at),
        "due_at": iso(entry.due_at) if entry.due_at else None,
        "attempts": entry.attempts,
        "sent_at": iso(entry.sent_at) if entry.sent_at and entry.last_error is None else None,
        "last_error": entry.last_error,
    }
