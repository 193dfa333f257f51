"""`make setup` where it cannot work: one line in words."""

import os
import shutil
import subprocess
from pathlib import Path

from tests.support.server import ROOT

NOBODY = 65534


def test_a_folder_that_cannot_be_written_is_said_in_one_line(run_folder: Path) -> None:
    copy = run_folder / "unwritable"
    (copy / "scripts").mkdir(parents=True)
    for name in ("pyproject.toml", "uv.lock", "scripts/bootstrap.py"):
        shutil.copy(ROOT / name, copy / name)
    copy.chmod(0o555)
    another = NOBODY if os.geteuid() == 0 else None  # root may write everywhere

    run = subprocess.run(
        ["/usr/bin/env", "python3", copy / "scripts" / "bootstrap.py"],
        cwd=copy,
        capture_output=True,
        text=True,
        check=False,
        user=another,
        group=another,
    )

    assert (run.returncode, run.stdout) == (1, "")
    assert run.stderr == (
        f"Setting up stopped: this user cannot write to {copy}. Run it as the owner of that folder.\n"
    )
