"""The page on upgrades: its backup and its restore, as they stand, around an upgrade."""

import os
import shutil
import subprocess
from pathlib import Path

import flask_migrate
import pytest
from sqlalchemy import MetaData, text

from chirp_auth import create_app
from chirp_auth.extensions import db
from chirp_auth.runtime import schema
from config import Settings
from tests.docs.conftest import blocks_in
from tests.runtime.test_migrations import empty_url
from tests.runtime.test_rolling_upgrade import steps, use
from tests.support.postgres_start import wheel_binaries

__all__ = ["empty_url"]

BACKUP = {"postgresql": ("pg_dump",), "sqlite": ("sqlite3",)}
RESTORE = {"postgresql": ('psql "$DATABASE" -c "DROP', "pg_restore"), "sqlite": ("rm -f instance/", "cp before.db")}


def typed(beginnings: tuple[str, ...], url: str, folder: Path) -> None:
    """Run the page's lines that begin so, in their order."""
    lines = "".join(blocks_in("docs/upgrade.md", "console")).splitlines()
    chosen = [line for line in lines if line.startswith(beginnings)]
    assert len(chosen) == len(beginnings)
    environment = {"PATH": f"{wheel_binaries()}:{os.environ['PATH']}", "DATABASE": url.replace("+psycopg", "")}
    subprocess.run(["bash", "-e", "-c", "\n".join(chosen)], cwd=folder, env=environment, check=True)


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_a_backup_from_before_an_upgrade_is_restored_over_it(
    empty_url: str, settings: Settings, tmp_path: Path
) -> None:
    kind = empty_url.partition(":")[0].partition("+")[0]
    if kind == "sqlite":
        if not shutil.which("sqlite3"):
            pytest.skip("the command sqlite3 is not installed")
        (tmp_path / "instance").mkdir()
        empty_url = f"sqlite:///{tmp_path}/instance/chirp_auth.db"
    before, head = steps()[-1]
    with create_app(settings.model_copy(update={"database_url": empty_url})).app_context():
        flask_migrate.upgrade(revision=before)
        tables = MetaData()
        tables.reflect(db.engine)
        use(tables)
        db.engine.dispose()
        typed(BACKUP[kind], empty_url, tmp_path)
        flask_migrate.upgrade()
        with db.engine.begin() as connection:
            connection.execute(text("UPDATE users SET first_name = 'later'"))
        db.engine.dispose()

        typed(RESTORE[kind], empty_url, tmp_path)

        with db.engine.connect() as connection:
            assert schema.revision_of(connection) == before
            assert connection.scalars(text("SELECT first_name FROM users")).all() == ["1"]
        db.engine.dispose()
        flask_migrate.upgrade()
        with db.engine.connect() as connection:
            assert (schema.revision_of(connection), schema.misfit(connection, db.metadata)) == (head, None)
        db.engine.dispose()
