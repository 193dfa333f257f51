"""The pages that mailed links lead to, in their states: what can be done there, and each reason why a link fails."""

import re
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from werkzeug.wrappers import Response as Redirect

from chirp_auth import errors
from chirp_auth.accounts.former_passwords import PRESENT
from chirp_auth.errors import AuthError, LinkNotOpened, PasswordMismatch, PasswordTooWeak
from chirp_auth.languages import lazy_gettext as _
from chirp_auth.security.devices import translated_device
from chirp_auth.web import (
    address_change,
    broken_links,
    deletion,
    forms,
    not_me,
    password_reset,
    unwanted_registration,
    verification_links,
)
from chirp_auth.web.broken_links import BROKEN_LINK, broken_link
from chirp_auth.web.factors import factor_recovery
from chirp_auth.web.gallery.samples import ADA, AT, CHROME, EMAIL, FIREFOX, OTHER, SOON, State, Words, filled, shows

WEAK, SAME = {"password": PasswordTooWeak.sentence}, {"password": PRESENT}
MISMATCH = {"confirm_password": PasswordMismatch.sentence}
WRONG = {"password": _("That is not your password.")}


def _links(
    kind: str, refuse: Callable[[AuthError], Redirect], *refusals: type[AuthError]
) -> Iterator[tuple[str, State]]:
    """Yield the page of a kind of mailed link for each reason why one cannot be used."""
    for refusal in (*refusals, LinkNotOpened):
        reason = re.sub(r"(?<!^)(?=[A-Z])", "-", refusal.__name__).lower()
        yield f"{kind}-{reason}", State(partial(refuse, refusal()))


def _worded(kind: str, words: Mapping[type[AuthError], broken_links.Words]) -> Iterator[tuple[str, State]]:
    return _links(kind, partial(broken_link, words=words), *words)


def _reset(refusals: Words | None = None, /, **values: Any) -> State:
    usual = {"email": EMAIL, "min_length": 8, "open_in_app": None, "is_first": False, "somebody_else": None}
    usual["needs_factor"] = False
    form = filled(forms.ResetByLinkForm, refusals)
    return shows("password_reset/reset.html", form=form, **usual | values)


def _lost(due_at: datetime | None) -> State:
    links = {"action": "/reset-password/lost-factors", "back": "/reset-password"}
    return shows("factor_recovery/lost.html", email=EMAIL, due_at=due_at, delay=timedelta(days=3), **links)


def _done(**values: Any) -> State:
    usual = {"already": False, "email": EMAIL, "changed_at": AT, "ended": 0, "devices": [], "is_first": False}
    return shows("password_reset/done.html", **usual | {"somebody_else": None} | values)


def _devices() -> list[str]:
    return [translated_device(CHROME), translated_device(FIREFOX)]


def _verify(refusals: Words | None = None, *, confirmed: bool = False, here: bool = False) -> State:
    form = filled(forms.ConfirmEmailForm, refusals)
    values = {"email": EMAIL, "confirmed": confirmed, "here": here, "form": form}
    return shows("email_verification/verify.html", ADA if here else None, **values)


def _choose(refusals: Words | None = None, *, needs_factor: bool = False) -> State:
    form, values = filled(forms.ResetByLinkForm, refusals), {"min_length": 8, "open_in_app": None}
    return shows("email_verification/new_password.html", form=form, email=EMAIL, needs_factor=needs_factor, **values)


LINK_PAGES: Mapping[str, State] = {
    "reset": _reset(),
    "reset-first": _reset(is_first=True),
    "reset-app": _reset(open_in_app="/"),
    "reset-weak": _reset(WEAK),
    "reset-mismatch": _reset(MISMATCH),
    "reset-same": _reset(SAME),
    "reset-factor": _reset(needs_factor=True),
    "reset-factor-missing": _reset(
        {"factor": _("Enter a code of your authenticator app, or a recovery code.")}, needs_factor=True
    ),
    "reset-factor-wrong": _reset({"factor": errors.WrongSecondFactor.sentence}, needs_factor=True),
    "lost-factors": _lost(None),
    "lost-factors-open": _lost(SOON),
    "cancel-recovery": shows("factor_recovery/cancel.html", email=EMAIL, due_at=SOON),
    "cancel-recovery-done": shows("factor_recovery/stopped.html"),
    **dict(_worded("cancel-recovery", factor_recovery.WORDS)),
    "reset-somebody-else": _reset(somebody_else=OTHER),
    "reset-done": _done(),
    "reset-done-first": _done(is_first=True),
    "reset-done-elsewhere": _done(ended=2, devices=_devices),
    "reset-done-twice": _done(already=True),
    "reset-done-somebody-else": _done(somebody_else=OTHER),
    **dict(_links("reset", password_reset.link_refused, *BROKEN_LINK, errors.LinkReplaced)),
    "confirm-address": shows("address_change/confirm.html", email=EMAIL),
    **dict(_worded("confirm-address", address_change.WORDS)),
    "verify-email": _verify(here=True),
    "verify-email-elsewhere": _verify(),
    "verify-email-refused": _verify(WRONG),
    "verify-email-done": _verify(confirmed=True),
    "verify-email-done-here": _verify(confirmed=True, here=True),
    "verify-email-new-password": _choose(),
    "verify-email-new-password-factor": _choose(needs_factor=True),
    "verify-email-new-password-weak": _choose(WEAK),
    **dict(_links("verify-email", verification_links.refused, errors.TokenExpired, errors.InvalidToken)),
    "not-me": shows("not_me/ask.html", email=EMAIL, action="/not-me"),
    "not-me-done": shows("not_me/done.html", email=EMAIL),
    **dict(_worded("not-me", not_me.WORDS)),
    "not-registered": shows("unwanted_registration/ask.html", email=EMAIL, registered_at=AT),
    "not-registered-done": shows("unwanted_registration/done.html"),
    **dict(_worded("not-registered", unwanted_registration.WORDS)),
    "undo-deletion": shows("deletion/undo.html", email=EMAIL, deleted_at=SOON),
    "undo-deletion-done": shows("deletion/kept.html", email=EMAIL),
    **dict(_worded("undo-deletion", deletion.WORDS)),
}
