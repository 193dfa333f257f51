"""Makes `.venv` with exactly the locked packages, starting from nothing but a Python.

`uv.lock` alone says which versions, from where and with which hashes, the installer included. An index that
UV_DEFAULT_INDEX, UV_INDEX_URL or PIP_INDEX_URL names takes the place of the locked one; hashes still count.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import ssl
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.parse
import urllib.request
from pathlib import Path
from typing import Any

OLDEST = (3, 11)
THIS = sys.version.split()[0]
INDEX_SETTINGS = ("UV_DEFAULT_INDEX", "UV_INDEX_URL", "PIP_INDEX_URL")
PIP_WITH_PYTHON_OPTION = (22, 3)
ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
VENV_PYTHON = VENV / "bin" / "python"
STAMP = VENV / ".ready"
INPUTS = (ROOT / "pyproject.toml", ROOT / "uv.lock", Path(__file__).resolve())


def main() -> None:
    if sys.version_info < OLDEST:
        start_again_with_a_newer_python()
    if is_ready():
        return
    refuse_without_rights()
    started = time.monotonic()
    index = next((os.environ[name] for name in INDEX_SETTINGS if os.environ.get(name)), None)
    try:
        make_environment()
        locked = locked_packages()
        if installed_version("uv") != locked["uv"]["version"]:
            install_uv(locked, index)
        install_locked_packages(index)
        STAMP.touch()
    except subprocess.CalledProcessError as error:
        sys.exit(f"Setting up stopped: {Path(error.cmd[0]).name} ended with {error.returncode}, see above.")
    except (urllib.error.URLError, ValueError) as error:
        sys.exit(f"Setting up stopped: {error}. Is there a network, and are CA certificates installed?")
    except OSError as error:
        sys.exit(f"Setting up stopped: {error.filename or VENV} cannot be used: {error.strerror or error}.")
    say(f"ready after {time.monotonic() - started:.0f} s")


def say(text: str) -> None:
    print(f"setup: {text}", flush=True)


def start_again_with_a_newer_python() -> None:
    for minor in range(19, OLDEST[1] - 1, -1):
        newer = shutil.which(f"python3.{minor}")
        if newer:
            os.execv(newer, [newer, *sys.argv])  # noqa: S606 - a shell has no part in it
    sys.exit(
        f"Chirp Auth needs Python {OLDEST[0]}.{OLDEST[1]} or newer; {sys.executable} is {THIS}.\n"
        f"Install a newer one, or name one that you have: make PYTHON=/path/to/python3.12 setup"
    )


def is_ready() -> bool:
    if not STAMP.exists() or not VENV_PYTHON.exists():
        return False
    return all(STAMP.stat().st_mtime >= path.stat().st_mtime for path in INPUTS)


def refuse_without_rights() -> None:
    place = VENV if VENV.exists() else ROOT
    if not os.access(place, os.W_OK):
        sys.exit(f"Setting up stopped: this user cannot write to {place}. Run it as the owner of that folder.")


def make_environment() -> None:
    if venv_runs():
        return
    say(f"making .venv with Python {THIS}")
    # Without pip: Debian splits ensurepip off into another package, and nothing here needs it.
    subprocess.run([sys.executable, "-m", "venv", "--clear", "--without-pip", str(VENV)], check=True)


def venv_runs() -> bool:
    if not VENV_PYTHON.exists():
        return False
    check = f"import sys; sys.exit(sys.version_info < {OLDEST})"
    return subprocess.run([str(VENV_PYTHON), "-c", check], capture_output=True, check=False).returncode == 0


def installed_version(package: str) -> str | None:
    folders = VENV.glob(f"lib/python*/site-packages/{package}-*.dist-info")
    return next((folder.name.split("-")[1].removesuffix(".dist") for folder in folders), None)


def locked_packages() -> dict[str, Any]:
    import tomllib  # noqa: PLC0415 - not there in the Pythons that this file still has to refuse in words

    with (ROOT / "uv.lock").open("rb") as file:
        return {package["name"]: package for package in tomllib.load(file)["package"]}


def install_uv(locked: dict[str, Any], index: str | None) -> None:
    uv = locked["uv"]
    say(f"installing uv {uv['version']}")
    with tempfile.TemporaryDirectory() as folder:
        wanted = Path(folder, "uv.txt")
        hashes = " ".join(f"--hash={wheel['hash']}" for wheel in uv["wheels"])
        wanted.write_text(f"uv=={uv['version']} {hashes}\n")
        command = [*pip_command(locked["pip"], index, Path(folder)), "install", "--quiet", "--require-hashes"]
        command += [
            "--disable-pip-version-check",
            "--no-cache-dir",
            "--only-binary=:all:",
            f"--requirement={wanted}",
        ]
        subprocess.run(command + ([f"--index-url={index}"] if index else []), check=True)


def pip_command(locked_pip: dict[str, Any], index: str | None, folder: Path) -> list[str]:
    """The pip of the running Python if it can install into another one, else pip's wheel from the lock."""
    own = [sys.executable, "-m", "pip"]
    answer = subprocess.run([*own, "--version"], capture_output=True, text=True, check=False).stdout
    version = re.match(r"pip (\d+)\.(\d+)", answer)
    if version and (int(version[1]), int(version[2])) >= PIP_WITH_PYTHON_OPTION:
        return [*own, "--python", str(VENV_PYTHON)]
    return [str(VENV_PYTHON), str(fetch_wheel(locked_pip["wheels"][0], index, folder) / "pip")]


def fetch_wheel(wheel: dict[str, Any], index: str | None, folder: Path) -> Path:
    name = str(wheel["url"].rpartition("/")[2])
    say(f"fetching {name}")
    content = fetch(address_on_index(index, name) if index else wheel["url"])
    if f"sha256:{hashlib.sha256(content).hexdigest()}" != wheel["hash"]:
        raise ValueError(f"{name} is not the file that uv.lock describes")
    path = folder / name
    path.write_bytes(content)
    return path


def address_on_index(index: str, name: str) -> str:
    project = f"{index.rstrip('/')}/{name.partition('-')[0]}/"
    page = fetch(project).decode()
    link = re.search(rf'href="([^"]*{re.escape(name)}[^"]*)"', page)
    if not link:
        raise ValueError(f"{name} is not on the index that the environment names")
    return urllib.parse.urljoin(project, str(link[1]))


def fetch(address: str) -> bytes:
    with urllib.request.urlopen(address, timeout=60) as answer:
        return bytes(answer.read())


def install_locked_packages(index: str | None) -> None:
    say("installing the locked packages")
    environment = uv_environment()
    uv = str(VENV / "bin" / "uv")
    if not index:
        subprocess.run([uv, "sync", "--locked", "--quiet"], cwd=ROOT, env=environment, check=True)
        return
    # `uv sync --locked` insists on the index in the lock; another one is asked for the same files by hash.
    wanted = VENV / "locked.txt"
    export = [uv, "export", "--frozen", "--quiet", "--no-header", f"--output-file={wanted}"]
    subprocess.run(export, cwd=ROOT, env=environment, check=True)
    install = [uv, "pip", "sync", "--quiet", "--require-hashes", f"--python={VENV_PYTHON}", str(wanted)]
    subprocess.run([*install, f"--default-index={index}"], cwd=ROOT, env=environment, check=True)


def uv_environment() -> dict[str, str]:
    environment = dict(os.environ)
    environment.pop("VIRTUAL_ENV", None)  # else uv warns that it is another one
    environment.update(
        UV_COMPILE_BYTECODE="1",  # else each start compiles for two seconds where .venv is not ours to write
        UV_PROJECT_ENVIRONMENT=str(VENV),
        UV_PYTHON=str(VENV_PYTHON),
        UV_PYTHON_DOWNLOADS="never",  # uv would fetch an interpreter from a code host
    )
    certificates = ssl.get_default_verify_paths()
    if certificates.cafile or certificates.capath:
        environment.setdefault("UV_SYSTEM_CERTS", "true")
    if not os.access(Path("~").expanduser(), os.W_OK):
        environment.setdefault("UV_NO_CACHE", "true")
    return environment


if __name__ == "__main__":
    main()
