"""The doctor's check of what rests encrypted: that there is a key for it, and that it opens all of it."""

from sqlalchemy.exc import SQLAlchemyError

from chirp_auth.admin import sealed_secrets
from chirp_auth.cli.doctor.findings import Finding, fail, ok, warn
from chirp_auth.extensions import db, settings


def check_encryption_key() -> Finding:
    """Secrets that rest encrypted have a key of their own: SECRET_KEY can be changed without them."""
    if settings.in_production and not settings.encryption_key:
        fix = "Run: flask --app wsgi auth keys rotate ENCRYPTION_KEY"
        return warn("encryption key", "ENCRYPTION_KEY is not set: SECRET_KEY encrypts what rests, too", fix)
    return ok("encryption key", "of its own" if settings.encryption_key else "derived from SECRET_KEY, in development")


def check_sealed_secrets() -> Finding:
    """Every secret of an authenticator app and every recovery code can be read."""
    try:
        counts = sealed_secrets.count()
    except SQLAlchemyError as error:
        db.session.rollback()
        return fail("sealed secrets", f"cannot be read: {type(error).__name__}", "See the line on the database.")
    if counts.lost:
        detail = f"{counts.lost} cannot be opened: these second factors do not work"
        return fail("sealed secrets", detail, "Put the former key back into ENCRYPTION_KEY_FALLBACKS.")
    if counts.former:
        detail = f"{counts.former} are under a former key"
        return warn("sealed secrets", detail, "Run: flask --app wsgi auth keys reseal")
    return ok("sealed secrets", f"{counts.current} can be opened")
