"""The table of mails: for each kind of outbox entry the rule that composes it, for a whole batch where it pays."""

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from uuid import UUID

from chirp_auth.accounts import (
    address_change_mails,
    deletion,
    email_verification_mail,
    lockout,
    new_sign_ins,
    password_change,
    personal_data,
    registration,
    reset_link_mails,
)
from chirp_auth.accounts.factors import factor_mails, factor_recovery_mails
from chirp_auth.admin import account_mails, invitations, support_links
from chirp_auth.extensions import DATABASE_AWAY, db
from chirp_auth.mail.rendering import Email, NotSent
from chirp_auth.models import OutboxEntry

Result = Email | NotSent | Exception  # Any other exception is a bug in the composer of that entry.
Composer = Callable[[Sequence[OutboxEntry]], Mapping[UUID, Result]]


def each(compose_one: Callable[[OutboxEntry], Email]) -> Composer:
    """Return the composer of a rare kind, which composes its entries one by one; each has its own transaction."""

    def compose_each(entries: Sequence[OutboxEntry]) -> dict[UUID, Result]:
        results: dict[UUID, Result] = {}
        for entry in entries:
            try:
                results[entry.id] = compose_one(entry)
                db.session.commit()
            except DATABASE_AWAY:
                raise
            except Exception as error:
                db.session.rollback()
                results[entry.id] = error
        return results

    return compose_each


COMPOSERS: Mapping[str, Composer] = {
    "account_deleted": each(account_mails.compose_account_deleted),
    "account_locked": each(lockout.compose_account_locked),
    "account_state": each(account_mails.compose_account_state),
    "address_change": each(address_change_mails.compose_link),
    "address_changed": each(address_change_mails.compose_notice),
    "address_replaced": each(account_mails.compose_address_replaced),
    "data_downloaded": each(personal_data.compose_notice),
    "deletion_requested": each(deletion.compose_notice),
    "email_verification": each(email_verification_mail.compose_link),
    "existing_account": each(registration.compose_existing_account),
    "factor_notice": each(factor_mails.compose),
    "factor_recovery": each(factor_recovery_mails.compose_open),
    "factor_recovery_done": each(factor_recovery_mails.compose_done),
    "invitation": each(invitations.compose_invitation),
    "new_sign_in": each(new_sign_ins.compose),
    "password_changed": each(password_change.compose_confirmation),
    "password_chosen": each(password_change.compose_confirmation),
    "reset_link": reset_link_mails.compose_links,
    "support_link": each(support_links.compose_notice),
}

# What strangers can ask for: where nobody is to be written to, the worker does the same work all the same.
DECOYS: Mapping[str, Callable[[OutboxEntry], Email]] = {
    "email_verification": email_verification_mail.decoy,
    "reset_link": reset_link_mails.decoy,
}


def compose(entry: OutboxEntry) -> Email:
    """Return what the entry's mail says. It may be asked again for the same entry.

    Raises:
        NotSent: there is nobody to write to.
    """
    result = COMPOSERS[entry.kind]([entry])[entry.id]
    if isinstance(result, Exception):
        raise result
    return result


def compose_all(entries: Sequence[OutboxEntry]) -> dict[UUID, Result]:
    """Return what the mails of one claim say, or why there is none, for each entry."""
    by_kind: dict[str, list[OutboxEntry]] = defaultdict(list)
    for entry in entries:
        by_kind[entry.kind].append(entry)
    results: dict[UUID, Result] = {}
    for kind, group in by_kind.items():
        try:
            results.update(COMPOSERS[kind](group))
        except DATABASE_AWAY:
            raise
        except Exception:  # One entry spoils its batch: alone, each has its own result.
            db.session.rollback()
            results.update(each(compose)(group))
    return results
