"""The pages about passkeys, in their states."""

from collections.abc import Mapping
from typing import Any

from chirp_auth.errors import PasskeyRefused, TooManyPasskeys
from chirp_auth.languages import lazy_gettext as _
from chirp_auth.models import Passkey
from chirp_auth.web import forms
from chirp_auth.web.gallery.samples import ADA, AT, LONG_AGO, State, Words, filled, shows

ROWS: tuple[dict[str, Any], ...] = (
    {"name": "Telephone", "is_synced": True, "last_used_at": AT},
    {"name": "Security key in the drawer", "is_synced": False, "last_used_at": None},
)
PASSKEY = Passkey(id=ADA.id, name="Telephone")


def section(number: int) -> dict[str, Any]:
    """Return the values of the section with so many passkeys."""
    rows = [{"id": ADA.id, "created_at": LONG_AGO, **row} for row in ROWS[:number]]
    return {"passkeys": rows, "may_add_passkey": True, "is_confirmed": True}


def _passkeys(number: int, **values: Any) -> State:
    return shows("passkeys/passkeys.html", ADA, **section(number) | values)


def _add(refusals: Words | None = None, *, is_possible: bool = True) -> State:
    form = filled(forms.AddPasskeyForm, refusals, name="")
    return shows("passkeys/add.html", ADA, form=form, is_possible=is_possible)


def _rename(refusals: Words | None = None) -> State:
    form = filled(forms.PasskeyNameForm, refusals, name="Telephone")
    return shows("passkeys/rename.html", ADA, form=form, passkey=PASSKEY)


def _remove(*, is_last_way_in: bool) -> State:
    return shows("passkeys/remove.html", ADA, passkey=PASSKEY, is_last_way_in=is_last_way_in)


PASSKEY_PAGES: Mapping[str, State] = {
    "passkeys": _passkeys(2),
    "passkeys-none": _passkeys(0),
    "passkeys-full": _passkeys(1, may_add_passkey=False),
    "passkeys-unconfirmed": _passkeys(0, is_confirmed=False),
    "add-passkey": _add(),
    "add-passkey-refused": _add({"": PasskeyRefused.sentence}),
    "add-passkey-too-many": _add({"": TooManyPasskeys.sentence}),
    "add-passkey-impossible": _add(is_possible=False),
    "rename-passkey": _rename(),
    "rename-passkey-refused": _rename({"name": _("Please remove the invisible character (NUL).")}),
    "remove-passkey": _remove(is_last_way_in=False),
    "remove-passkey-last": _remove(is_last_way_in=True),
}
