"""The profile: the names and the phone number that users may change at any time."""

from collections.abc import Callable, Mapping
from functools import partial

from chirp_auth import audit
from chirp_auth.accounts import names, phone_numbers
from chirp_auth.errors import ValidationFailed
from chirp_auth.extensions import db
from chirp_auth.models import User
from chirp_auth.security.client import Client


def change_profile(user: User, fields: Mapping[str, str | None], client: Client) -> User:
    """Write `first_name`, `last_name` and `phone_number`; an empty value clears a field, a missing one keeps it.

    Raises:
        ValidationFailed: names every invalid field; nothing changed.
    """
    changes = _parsed(fields)
    for name, value in changes.items():
        setattr(user, name, value)
    audit.record("profile.changed", client, user_id=user.id, fields=sorted(changes))
    db.session.commit()
    return user


def _parsed(fields: Mapping[str, str | None]) -> dict[str, str | None]:
    changes: dict[str, str | None] = {}
    refused: dict[str, str] = {}
    for name, parse in _PARSERS.items():
        if name in fields:
            try:
                changes[name] = parse(fields[name])
            except ValidationFailed as refusal:
                refused |= refusal.fields
    if refused:
        raise ValidationFailed(refused, " ".join(refused.values()))
    return changes


_PARSERS: Mapping[str, Callable[[str | None], str | None]] = {
    "first_name": partial(names.parse_optional, "first_name"),
    "last_name": partial(names.parse_optional, "last_name"),
    "phone_number": phone_numbers.parse_optional,
}
