"""The profile: what users tell about themselves and may change at any time."""

from collections.abc import Mapping

from chirp_auth import audit
from chirp_auth.accounts import names, phone_numbers
from chirp_auth.extensions import db
from chirp_auth.models import User
from chirp_auth.security.client import Client


def change_profile(user: User, told: Mapping[str, str | None], client: Client) -> User:
    """Write what was told of `first_name`, `last_name` and `phone_number`; nothing clears, what is left out stays.

    Raises:
        ValidationFailed: with a sentence for the field that is not valid; nothing changed.
    """
    changes = {
        field: names.parse_optional(field, told[field]) for field in ("first_name", "last_name") if field in told
    }
    if "phone_number" in told:
        changes["phone_number"] = phone_numbers.parse_optional(told["phone_number"])
    for field, value in changes.items():
        setattr(user, field, value)
    audit.record("profile.changed", client, user_id=user.id, fields=sorted(changes))
    db.session.commit()
    return user
