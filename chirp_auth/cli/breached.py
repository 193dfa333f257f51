"""`flask auth breached …`: the local copy of the public corpus of breached passwords."""

from pathlib import Path

import click
from flask.cli import AppGroup, with_appcontext

from chirp_auth.admin import breached_password_file
from chirp_auth.cli._common.output import FAILED, as_json_option, done, progress, stop
from chirp_auth.formatting import counted

breached = AppGroup(
    "breached",
    help="The file of passwords known from data breaches."
    "\n\nExample: flask --app wsgi auth breached build pwned-passwords breached.bin",
)


@breached.command("build")
@click.argument("source", type=click.Path(path_type=Path))
@click.argument("target", type=click.Path(dir_okay=False, path_type=Path))
@click.option("--at-least", type=click.IntRange(min=1), default=1, help="Leave out what was seen less often.")
@with_appcontext
@as_json_option
def build(source: Path, target: Path, at_least: int, as_json: bool) -> None:
    """Make the file for BREACHED_PASSWORDS from a copy of the corpus.

    SOURCE is one file with a line SHA-1:COUNT for each password, in their order, or a folder with a file for each range
    (00000.txt to FFFFF.txt), as the corpus's own downloader writes them. TARGET takes 8 bytes for each
    password; an older one is replaced when the new one is whole, and servers that run use it from then on.

    Example: flask --app wsgi auth breached build pwned-passwords breached.bin --at-least 10
    """
    try:
        with progress("Reading", None) as advance:
            count = breached_password_file.build(source, target, at_least, advance)
    except breached_password_file.UnusableSource as error:
        stop(str(error), FAILED)
    sentence = f"Written: {counted(count, 'password')} in {target}. Set BREACHED_PASSWORDS={target.absolute()}."
    done(sentence, as_json=as_json, passwords=count, file=str(target.absolute()))
