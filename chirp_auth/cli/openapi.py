"""`flask auth openapi`: the OpenAPI document of every published contract."""

import json
from pathlib import Path

import click
from flask import current_app
from flask.cli import with_appcontext

from chirp_auth.cli._common.output import FAILED, as_json_option, done, stop


@click.command("openapi")
@click.option("--output", type=click.Path(dir_okay=False, path_type=Path), help="Write it to this file.")
@click.option("--check", type=click.Path(exists=True, dir_okay=False, path_type=Path), help="Compare with this file.")
@with_appcontext
@as_json_option
def openapi(output: Path | None, check: Path | None, as_json: bool) -> None:
    """Print, write or check the OpenAPI document.

    The document is JSON in any case; --json is about what was written or checked.

    Example: flask --app wsgi auth openapi --output docs/openapi.json
    """
    # create_app puts it there: one face may not import another.
    document = current_app.extensions["openapi"]()
    text = json.dumps(document, indent=2, ensure_ascii=False) + "\n"
    if check:
        if check.read_bytes() != text.encode():
            stop(f"{check} is out of date: write it anew with --output {check}", FAILED)
        done(f"{check} is up to date.", as_json=as_json, path=str(check), up_to_date=True)
    elif output:
        output.write_text(text, encoding="utf-8")
        done(f"Wrote {output}.", as_json=as_json, path=str(output), written=True)
    else:
        click.echo(text, nl=False)
