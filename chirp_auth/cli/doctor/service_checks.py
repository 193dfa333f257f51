"""The doctor's checks of what the application depends on: database, Redis, mail server, worker, clock."""

from datetime import timedelta

from sqlalchemy import func, select
from sqlalchemy.exc import SQLAlchemyError

from chirp_auth.admin import audit_trail, outbox
from chirp_auth.cli._common.prompts import operator
from chirp_auth.cli.doctor.findings import Finding, fail, ok, warn
from chirp_auth.clock import now
from chirp_auth.errors import AuthError
from chirp_auth.extensions import db, driver_reason, settings
from chirp_auth.formatting import counted
from chirp_auth.mail import smtp, status
from chirp_auth.models import SecurityEvent
from chirp_auth.runtime import health, schema

REDIS_SECONDS = 1.0
SKEW = timedelta(seconds=5)
WORKER_SEEN_SECONDS = 60
LAG_WARN_SECONDS, LAG_FAIL_SECONDS = 60, 300

START_WORKER = "Start the server (MAIL_WORKER=process) or: flask --app wsgi auth worker"


def check_database() -> Finding:
    """It answers, its tables are those of this release, and it can be written."""
    where = "in a file" if settings.on_sqlite else "at a server"
    try:
        with db.engine.connect():
            pass
    except SQLAlchemyError as error:
        return fail(
            "database", f"{where}, cannot be reached: {driver_reason(error)}", "Check DATABASE_URL and what it names."
        )
    if flaw := health.schema_flaw():
        detail, _, fix = flaw.partition(": ")
        return fail("database", detail, fix[:1].upper() + fix[1:])
    if refusal := health.write_error():
        detail = f"{where}, cannot be written: {driver_reason(refusal)}"
        return fail("database", detail, "Is its disk full, or did it become a read-only copy? Look there.")
    detail = f"{db.engine.dialect.name}, migrated, can be written"
    with db.engine.connect() as connection:
        if schema.is_newer(schema.revision_of(connection)):
            return warn("database", f"{detail}; newer than this release", "Bring this host to the newer release too.")
    return ok("database", detail)


def check_clock() -> Finding:
    """The database's clock and ours agree, and no event is from the future: links live by these clocks."""
    try:
        theirs = now()
        if db.engine.dialect.name == "postgresql":
            theirs = db.session.scalar(select(func.clock_timestamp())) or theirs
        skew = abs(now() - theirs)
        newest = db.session.scalar(select(func.max(SecurityEvent.at)))
        db.session.rollback()  # End the read.
    except SQLAlchemyError as error:
        db.session.rollback()
        return fail(
            "clock", f"the database's clock cannot be read: {type(error).__name__}", "See the line on the database."
        )
    if skew > SKEW:
        return fail(
            "clock", f"{skew.total_seconds():.0f} s apart from the database's", "Let both machines keep time by NTP."
        )
    if newest and newest > now() + SKEW:
        return warn("clock", "the newest event is from the future", "Check this machine's clock: timedatectl")
    return ok("clock", "agrees with the database's")


def check_redis() -> Finding:
    """Where limits are shared."""
    if not settings.redis_url:
        return ok("redis", "not used: limits are counted in this process")
    import redis  # noqa: PLC0415 - it takes a quarter of a second, which no other command has to wait for

    try:
        redis.Redis.from_url(
            settings.redis_url, socket_timeout=REDIS_SECONDS, socket_connect_timeout=REDIS_SECONDS
        ).ping()
    except (redis.RedisError, OSError) as error:
        return fail(
            "redis",
            f"no answer: {type(error).__name__}; each process counts alone",
            "Check REDIS_URL, and start Redis.",
        )
    return ok("redis", "answers")


def check_smtp() -> Finding:
    """The mail server accepts the handshake of a delivery."""
    if settings.has_dev_mailbox:
        return ok("smtp", "not used: mail is kept at /dev/mailbox")
    server = f"{settings.smtp_host}:{settings.smtp_port}"
    try:
        secured = smtp.shake_hands()
    except smtp.ServerAway as error:
        return fail("smtp", f"{server}: {error}", "Check SMTP_HOST, SMTP_PORT, SMTP_SECURITY, SMTP_USER and SMTP_PASS.")
    return ok("smtp", f"{server}, {secured}")


def check_delivery() -> list[Finding]:
    """A worker is alive, and mail does not pile up."""
    try:
        mail = status.read()
    except SQLAlchemyError:
        db.session.rollback()
        away = ("the database cannot be asked", "See the line on the database.")
        return [fail("worker", *away), fail("queue", *away)]
    return [_worker(mail), _queue(mail)]


def check_audit_trail() -> Finding:
    """The audit trail is sealed, with a key of its own."""
    try:
        flaw, unsealed = audit_trail.flaw(), audit_trail.count_unsealed()
        db.session.rollback()  # End the read.
    except SQLAlchemyError:
        db.session.rollback()
        return fail("audit trail", "the database cannot be asked", "See the line on the database.")
    if flaw:
        return fail("audit trail", f"nothing is sealed: {flaw}", "Run: flask --app wsgi auth audit verify")
    if not settings.audit_key:
        detail = "sealed with a key made from SECRET_KEY: whoever gets that can forge the trail too"
        return warn("audit trail", detail, "Set AUDIT_KEY, and AUDIT_HEAD_FILE, whose copy you keep elsewhere.")
    return ok("audit trail", f"sealed, but for {counted(unsealed, 'event')}")


def check_sending(address: str) -> Finding:
    """A test mail, all the way to the server."""
    try:
        taken_by = outbox.send_test(address, operator())
    except (AuthError, *smtp.NOT_TAKEN) as refusal:
        return fail("test mail", f"to {address}: {refusal}", "Mend the address, or see the line on smtp.")
    except SQLAlchemyError as error:
        db.session.rollback()
        sentence = f"to {address}: sent, but not on record: {type(error).__name__}"
        return fail("test mail", sentence, "See the line on the database.")
    return ok("test mail", f"to {address}: taken by {taken_by}")


def _worker(mail: status.MailStatus) -> Finding:
    age = mail.worker_seconds
    if age is not None and age <= WORKER_SEEN_SECONDS:
        return ok("worker", f"seen {age:.0f} s ago")
    detail = "none was ever seen" if age is None else f"last seen {age:.0f} s ago"
    return (fail if mail.waiting else warn)("worker", detail, START_WORKER)


def _queue(mail: status.MailStatus) -> Finding:
    waiting = f"{counted(mail.waiting, 'mail')} waiting, the oldest for {mail.oldest_seconds:.0f} s"
    detail = f"{waiting}; {mail.parked} parked, {mail.parked_for_mailbox} of them refused for their mailbox alone"
    if mail.oldest_seconds > LAG_FAIL_SECONDS:
        return fail("queue", detail, "See the lines on worker and smtp, and: flask --app wsgi auth mail status")
    if mail.oldest_seconds > LAG_WARN_SECONDS:
        return warn("queue", detail, "See the lines on worker and smtp, and: flask --app wsgi auth mail status")
    if mail.parked > mail.parked_for_mailbox:
        return warn("queue", detail, "Look at them: flask --app wsgi auth mail list --status parked")
    return ok("queue", detail)
