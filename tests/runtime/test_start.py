"""What a process loads at its start: a second of processor time for each, so nothing that it has no use for."""

import subprocess
import sys
from pathlib import Path

from tests.support.server import environment_for

OF_OTHERS = ("alembic", "flask_migrate", "psycopg", "chirp_auth.cli")
SERVES = f"""
import gc, sys
import chirp_auth.server.serve, chirp_auth.worker.process
from chirp_auth import create_app
from chirp_auth.runtime import health
from config import load
app = create_app(load(), with_commands=False)
with app.app_context():
    flaw = health.flaw()
print(flaw, [name for name in {OF_OTHERS} if name in sys.modules], gc.isenabled(), gc.get_freeze_count() > 100_000)
"""


def test_a_process_that_serves_loads_nothing_to_migrate_no_commands_and_psycopg_on_postgresql_alone(
    database_url: str, tmp_path: Path
) -> None:
    environment = environment_for({"DATABASE_URL": database_url, "BCRYPT_COST": "4"}, tmp_path)
    asked = subprocess.run(
        [sys.executable, "-c", SERVES], env=environment, cwd=tmp_path, capture_output=True, text=True, check=True
    )

    used = ["psycopg"] if database_url.startswith("postgresql") else []
    assert asked.stdout.strip() == f"None {used} True True"
