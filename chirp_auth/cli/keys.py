"""`flask auth keys …`: changing the key that signs cookies and links."""

import os
from pathlib import Path
from secrets import token_urlsafe
from tempfile import NamedTemporaryFile

import click
from flask.cli import AppGroup

from chirp_auth.accounts import audit_trail, sessions
from chirp_auth.cli.asking import confirm, dry_run_option, operator, yes_option
from chirp_auth.cli.output import FAILED, as_json_option, done, stop
from config import file_of, origins

KEY, FALLBACKS = "secret_key", "secret_key_fallbacks"

keys = AppGroup("keys", help="The key that signs cookies and links.")


@keys.command("rotate")
@yes_option
@dry_run_option
@as_json_option
def rotate(yes: bool, dry_run: bool, as_json: bool) -> None:
    """Make a new SECRET_KEY; what the present one signed stays good while that is among SECRET_KEY_FALLBACKS.

    Where SECRET_KEY_FILE and SECRET_KEY_FALLBACKS_FILE name files, it writes them. Else it prints a new key and
    says what to do with it. A key in use is never printed.

    Example: flask --app wsgi auth keys rotate
    """
    key_file, fallbacks_file = file_of(KEY), file_of(FALLBACKS)
    if key_file is None or origins()[KEY] != "file":
        _print_new_key(as_json=as_json)
        return
    if fallbacks_file is None:
        stop("SECRET_KEY_FILE is set, SECRET_KEY_FALLBACKS_FILE is not: name a file for the present key first.", FAILED)
    if dry_run:
        done(f"Would write {key_file} and {fallbacks_file}.", as_json=as_json, written=False, key=None)
        return
    confirm(f"Write a new key to {key_file}, and the present one to {fallbacks_file}?", yes=yes)
    try:
        _rotate_files(key_file, fallbacks_file)
    except OSError as error:
        stop(f"The key files cannot be written: {error.strerror}. The present key still counts.", FAILED)
    audit_trail.note("keys.rotated", operator())
    days = sessions.MAX_AGE.days
    sentence = f"Written. Restart every process, and empty {fallbacks_file} in {days} days."
    done(sentence, as_json=as_json, written=True, key=None)


def _print_new_key(*, as_json: bool) -> None:
    key = token_urlsafe(48)
    if not as_json:
        click.echo(
            "Set this as SECRET_KEY, put the present SECRET_KEY at the end of SECRET_KEY_FALLBACKS (comma-separated), "
            f"restart every process, and take it out again after {sessions.MAX_AGE.days} days.",
            err=True,
        )
    done(f"SECRET_KEY={key}", as_json=as_json, written=False, key=key)


def _rotate_files(key_file: Path, fallbacks_file: Path) -> None:
    """Write the fallbacks first: stopped in between, the present key is in both files, which does no harm."""
    present = key_file.read_text(encoding="utf-8").strip()
    former = fallbacks_file.read_text(encoding="utf-8").strip() if fallbacks_file.exists() else ""
    kept = [part.strip() for part in former.split(",") if part.strip() and part.strip() != present]
    _write(fallbacks_file, ",".join([*kept, present]))
    _write(key_file, token_urlsafe(48))


def _write(path: Path, text: str) -> None:
    """Replace the file's content as a whole, readable by its owner alone."""
    with NamedTemporaryFile("w", dir=path.parent, encoding="utf-8", delete=False) as draft:
        draft.write(text)
        draft.flush()
        os.fsync(draft.fileno())
    drafted = Path(draft.name)
    if path.exists():
        owner = path.stat()
        os.chown(drafted, owner.st_uid, owner.st_gid)
        drafted.chmod(owner.st_mode & 0o660)
    drafted.replace(path)
