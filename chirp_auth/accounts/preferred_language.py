"""The preferred language of a user: the one last used, in which mails are written."""

from chirp_auth.accounts import users
from chirp_auth.extensions import db
from chirp_auth.models import User


def remember(user: User, language: str) -> None:
    """Note in which language the user reads, one of `languages.LANGUAGES`."""
    users.use_language(user, language)
    db.session.commit()
