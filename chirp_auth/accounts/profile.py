"""The profile: the names and the phone number that users may change at any time."""

from collections.abc import Mapping

from chirp_auth import audit
from chirp_auth.accounts import names, phone_numbers
from chirp_auth.extensions import db
from chirp_auth.models import User
from chirp_auth.security.client import Client


def change_profile(user: User, fields: Mapping[str, str | None], client: Client) -> User:
    """Write `first_name`, `last_name` and `phone_number`; an empty value clears a field, a missing one keeps it.

    Raises:
        ValidationFailed: names the invalid field; nothing changed.
    """
    changes = {name: names.parse_optional(name, fields[name]) for name in ("first_name", "last_name") if name in fields}
    if "phone_number" in fields:
        changes["phone_number"] = phone_numbers.parse_optional(fields["phone_number"])
    for name, value in changes.items():
        setattr(user, name, value)
    audit.record("profile.changed", client, user_id=user.id, fields=sorted(changes))
    db.session.commit()
    return user
