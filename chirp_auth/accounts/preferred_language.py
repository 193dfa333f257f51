"""The preferred language of a user: the one last used, in which mails are written."""

from chirp_auth.extensions import db
from chirp_auth.models import User


def remember(user: User, language: str) -> None:
    """Note in which language the user reads, one of `languages.LANGUAGES`."""
    if user.locale != language:
        user.locale = language
        db.session.commit()
