"""`flask auth keys …`: changing the keys that sign cookies, links and access tokens, and those that encrypt."""

import os
from dataclasses import asdict
from pathlib import Path
from secrets import token_urlsafe
from tempfile import NamedTemporaryFile

import click
from flask.cli import AppGroup, with_appcontext

from chirp_auth.accounts import sessions
from chirp_auth.admin import audit_trail, sealed_secrets
from chirp_auth.cli._common.output import FAILED, USAGE, as_json_option, done, progress, stop
from chirp_auth.cli._common.prompts import confirm, dry_run_option, nothing_to_ask_option, operator, yes_option
from chirp_auth.cli._common.setting_origins import file_of, origins
from chirp_auth.extensions import settings
from chirp_auth.formatting import counted, in_words

SIGNING, ACCESS, AUDIT, SEALING = "SECRET_KEY", "JWT_SECRET", "AUDIT_KEY", "ENCRYPTION_KEY"
RESEAL = "flask --app wsgi auth keys reseal"

keys = AppGroup(
    "keys",
    help="The keys that sign and encrypt.\n\nExample: flask --app wsgi auth keys rotate --dry-run",
)


@keys.command("rotate")
@click.argument("name", type=click.Choice([SIGNING, ACCESS, AUDIT, SEALING], case_sensitive=False), default=SIGNING)
@click.option("--stolen", is_flag=True, help="Keep no former key: all that was signed so far is void at once.")
@yes_option
@dry_run_option
@as_json_option
def rotate(name: str, stolen: bool, yes: bool, dry_run: bool, as_json: bool) -> None:
    """Make a new SECRET_KEY, or another key. What the old one signed or encrypted is valid while it is a fallback.

    The others are JWT_SECRET, AUDIT_KEY and ENCRYPTION_KEY. After the last one, and after SECRET_KEY where there is no
    ENCRYPTION_KEY, run keys reseal before the fallback goes.

    Where SECRET_KEY_FILE and SECRET_KEY_FALLBACKS_FILE (and so on for the others) name files, it writes them. Else
    it prints a new key and says what to do with it. A key in use is never printed.

    Example: flask --app wsgi auth keys rotate
    """
    if name == SEALING and stolen:
        stop(f"Without the former {SEALING} no second factor works: rotate it, then run {RESEAL}.", USAGE)
    setting, fallbacks = name.lower(), f"{name.lower()}_fallbacks"
    key_file, fallbacks_file = file_of(setting), file_of(fallbacks)
    if key_file is None or origins()[setting] != "file":
        advice = _advice_after_theft(name) if stolen else _advice(name)
        _print(name, advice, dry_run=dry_run, as_json=as_json)
        return
    if fallbacks_file is None and not stolen:
        stop(f"{name}_FILE is set, {name}_FALLBACKS_FILE is not: name a file for the present key first.", FAILED)
    former = "keep no former one" if stolen else f"keep the present one in {fallbacks_file}"
    if dry_run:
        sentence = f"Would write a new key to {key_file}, and {former}."
        done(sentence, as_json=as_json, name=name, written=False, key=None)
        return
    confirm(f"Write a new key to {key_file}, and {former}?", yes=yes)
    try:
        if fallbacks_file:
            _write(fallbacks_file, "" if stolen else _with_present(key_file, fallbacks_file))
        _write(key_file, token_urlsafe(48))
    except OSError as error:
        stop(f"The key files cannot be written: {error.strerror}. The present key still counts.", FAILED)
    audit_trail.note("keys.rotated", operator(), name=name, stolen=stolen)
    later = "" if stolen else f", and empty {fallbacks_file} {_when(name)}"
    sentence = f"Written. Restart every process{later}."
    done(sentence, as_json=as_json, name=name, written=True, key=None)


@keys.command("reseal")
@with_appcontext
@nothing_to_ask_option
@dry_run_option
@as_json_option
def reseal(dry_run: bool, as_json: bool) -> None:
    """Encrypt under the present key what a former one encrypted. Then the fallback may go.

    These are the secrets of authenticator apps and the digests of recovery codes. A stopped run can be repeated.

    Example: flask --app wsgi auth keys reseal
    """
    if dry_run:
        counts = sealed_secrets.count()
    else:
        with progress("Encrypting") as on_progress:
            counts = sealed_secrets.reseal(operator(), on_progress)
    words = f"{counted(counts.former, 'secret')} anew; {counts.current} had the present key"
    lost = f", and {counts.lost} cannot be read with any key: is a fallback missing?" if counts.lost else "."
    did = "Would encrypt" if dry_run else "Encrypted"
    done(f"{did} {words}{lost}", as_json=as_json, dry_run=dry_run, **asdict(counts))
    if counts.lost:
        raise SystemExit(FAILED)


def _when(name: str) -> str:
    """Return, in words, when nothing needs the former key any more."""
    lives = {SIGNING: sessions.MAX_AGE, ACCESS: settings.jwt_expires_in, AUDIT: settings.keep_events_for}
    encrypts = name == SEALING or (name == SIGNING and not settings.encryption_key)
    parts = [f"after {RESEAL}"] if encrypts else []
    return " and ".join([*([f"after {in_words(lives[name])}"] if name in lives else []), *parts])


def print_first_key(name: str, *, dry_run: bool, as_json: bool) -> None:
    """Print a key for settings that have none yet."""
    _print(name, f"Set this as {name}.", dry_run=dry_run, as_json=as_json)


def _advice(name: str) -> str:
    if name == AUDIT and not settings.audit_key:
        return f"Set this as {name}, and restart every process."
    if name == SEALING and not settings.encryption_key:
        return f"Set this as {name}, restart every process, and run {RESEAL}"
    return (
        f"Set this as {name}, put the present one at the end of {name}_FALLBACKS (comma-separated), "
        f"restart every process, and take it out again {_when(name)}."
    )


def _advice_after_theft(name: str) -> str:
    advice = f"Set this as {name}, leave {name}_FALLBACKS empty, and restart every process."
    if name == AUDIT or (name == SIGNING and not settings.audit_key):
        advice += " Then the audit trail needs a new chapter: flask --app wsgi auth audit open-chapter"
    return advice


def _print(name: str, advice: str, *, dry_run: bool, as_json: bool) -> None:
    if dry_run:
        done(f"Would print a new {name}; nothing else changes.", as_json=as_json, name=name, written=False, key=None)
        return
    if not as_json:
        click.echo(advice, err=True)
    key = token_urlsafe(48)
    done(f"{name}={key}", as_json=as_json, name=name, written=False, key=key)


def _with_present(key_file: Path, fallbacks_file: Path) -> str:
    """Return the fallbacks and the present key. If the command stops here, the key is in both files: harmless."""
    present = key_file.read_text(encoding="utf-8").strip()
    former = fallbacks_file.read_text(encoding="utf-8").strip() if fallbacks_file.exists() else ""
    kept = [part.strip() for part in former.split(",") if part.strip() and part.strip() != present]
    return ",".join([*kept, present])


def _write(path: Path, text: str) -> None:
    """Write the file: a new one for its owner alone; one that exists keeps its owner, its group and their rights."""
    with NamedTemporaryFile("w", dir=path.parent, encoding="utf-8", delete=False) as draft:
        draft.write(text)
        draft.flush()
        os.fsync(draft.fileno())
    draft_path = Path(draft.name)
    try:
        if not path.exists() or _takes_rights_of(path, draft_path):
            draft_path.replace(path)
        else:
            _overwrite(path, text)
    finally:
        draft_path.unlink(missing_ok=True)  # It may hold a key.


def _takes_rights_of(path: Path, draft: Path) -> bool:
    """Give the draft the file's owner, group and rights; False if this user may not: others would be locked out."""
    status = path.stat()
    try:
        os.chown(draft, status.st_uid, status.st_gid)
    except PermissionError:
        return False
    draft.chmod(status.st_mode & 0o660)
    return True


def _overwrite(path: Path, text: str) -> None:
    """Write into the file itself; a stop in the middle of these few bytes is the price of keeping its owner."""
    with path.open("r+", encoding="utf-8") as file:
        file.write(text)
        file.truncate()
        file.flush()
        os.fsync(file.fileno())
