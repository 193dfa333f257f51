"""What happened to an account, in plain sentences: for each kind of event what was done, or was refused and why."""

from collections.abc import Mapping

from chirp_auth.languages import lazy_gettext as _
from chirp_auth.models import SecurityEvent

DONE: Mapping[str, str] = {
    "account.secured": _("Everybody was shut out, and a link for a new password was mailed."),
    "address_change.done": _("The email address was changed."),
    "address_change.requested": _("A change of the email address was asked for."),
    "address_change.withheld": _("A mail about a change of the email address was held back."),
    "authenticator_app.added": _("An authenticator app was added."),
    "authenticator_app.removed": _("The authenticator app was removed."),
    "data.downloaded": _("The data of the account was downloaded."),
    "deletion.requested": _("The deletion of the account was asked for."),
    "deletion.undone": _("The deletion of the account was undone."),
    "email.changed": _("Our support changed the email address."),
    "email.verified": _("The email address was confirmed."),
    "email_verification.requested": _("A link to confirm the email address was asked for."),
    "email_verification.withheld": _("A mail to confirm the email address was held back."),
    "existing_account.withheld": _("A mail about a registration with this email address was held back."),
    "factor_recovery.approved": _("Our support ended the waiting time and turned off the second factors."),
    "factor_recovery.cancelled": _("The recovery without a second factor was cancelled."),
    "factor_recovery.done": _("The second factors were turned off after the waiting time."),
    "factor_recovery.started": _("A recovery without a second factor was started."),
    "passkey.added": _("A passkey was added."),
    "passkey.removed": _("A passkey was removed."),
    "passkey.renamed": _("A passkey got another name."),
    "passkey.suspected": _("A copy of a passkey may be in use."),
    "password.changed": _("The password was changed."),
    "password_reset.done": _("The password was reset by a mailed link."),
    "password_reset.link_shown": _("Our support made a link to reset the password."),
    "password_reset.links_voided": _("Links to reset the password were cancelled."),
    "password_reset.opened": _("A link to reset the password was opened."),
    "password_reset.requested": _("A link to reset the password was asked for."),
    "password_reset.withheld": _("A mail to reset the password was held back."),
    "profile.changed": _("Name or phone number was changed."),
    "recovery_code.used": _("A recovery code was used."),
    "recovery_codes.made": _("New recovery codes were made."),
    "second_factor.shown": _("A second factor was shown."),
    "second_factors.removed": _("Our support removed all second factors."),
    "session.ended": _("Another place was signed out."),
    "session.ended_all": _("Every place was signed out."),
    "session.ended_others": _("All other places were signed out."),
    "session.proved": _("It was shown once more that it is you."),
    "session.refresh_reused": _("An app showed a key that was used already, so it was signed out."),
    "session.signed_in": _("Signed in."),
    "session.signed_out": _("Signed out."),
    "user.created": _("Our support opened the account."),
    "user.deleted": _("The account was deleted."),
    "user.imported": _("The account was moved here."),
    "user.invited": _("Our support sent an invitation."),
    "user.locked": _("Our support locked the account."),
    "user.registered": _("The account was opened."),
    "user.unlocked": _("Our support unlocked the account."),
}
REFUSED: Mapping[str, str] = {
    "account.secured": _("“This was not me” was refused."),
    "address_change.done": _("A change of the email address was refused."),
    "address_change.requested": _("A change of the email address was refused."),
    "data.downloaded": _("A download of the data was refused."),
    "deletion.requested": _("A deletion of the account was refused."),
    "deletion.undone": _("The deletion of the account was not undone."),
    "email.verified": _("The email address was not confirmed."),
    "factor_recovery.cancelled": _("The recovery without a second factor was not cancelled."),
    "password.changed": _("A change of the password was refused."),
    "password_reset.done": _("A reset of the password was refused."),
    "second_factor.shown": _("A second factor was refused."),
    "session.proved": _("A proof that it is you was refused."),
    "session.ended": _("A place was to be signed out that was signed out already."),
    "session.signed_in": _("A sign-in was refused."),
    "user.registered": _("Somebody tried to register with this email address."),
}
WHY: Mapping[str, str] = {
    "delayed": _("There had been too many wrong passwords just before."),
    "disabled": _("The account was locked."),
    "email_not_verified": _("The email address was not confirmed."),
    "invalid_token": _("The link did not work any more."),
    "password_mismatch": _("The two new passwords differed."),
    "password_too_weak": _("The new password was too easy to guess."),
    "needs_second_factor": _("The password was right; a second factor was asked for."),
    "replaced": _("The account was changed at the same moment."),
    "session_ended": _("That place had been signed out meanwhile."),
    "token_already_used": _("The link had been used already."),
    "token_expired": _("The link had expired."),
    "too_many": _("It was asked for too often."),
    "too_many_mails": _("Too many mails were asked for."),
    "wrong_passkey": _("The passkey was not accepted."),
    "wrong_password": _("The password was wrong."),
    "wrong_second_factor": _("The second factor was wrong."),
}


def sentences(event: SecurityEvent) -> list[str]:
    """Return what happened, and for a refusal why, as whole sentences."""
    if event.outcome == "ok":
        return [str(DONE.get(event.kind, event.kind))]
    refused = REFUSED.get(event.kind) or DONE.get(event.kind, event.kind)
    return [str(words) for words in (refused, WHY.get(event.outcome)) if words]
