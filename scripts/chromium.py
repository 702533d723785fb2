"""See to a Chromium for the browser tests: the machine's own, or Debian's where apt-get may be used."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time

PACKAGE = "chromium-headless-shell"
NAMES = (PACKAGE, "chromium", "chromium-browser", "google-chrome-stable", "google-chrome")
"""The one without a window of its own first: it opens a page in a quarter of the time."""
FLAGS = [
    *("--no-sandbox", "--disable-background-networking", "--disable-component-update"),
    *("--disable-sync", "--no-first-run"),
]
"""For starting it as root, and quietly."""
INSTALL_TIMEOUT_S = 420


def find() -> str | None:
    """The browser to test with: CSAI_TEST_CHROMIUM, or the first known name on the path."""
    named = os.environ.get("CSAI_TEST_CHROMIUM")
    if named:
        return shutil.which(named)
    return next((path for name in NAMES if (path := shutil.which(name))), None)


def main() -> None:
    problem = None if find() else _install()
    if problem:
        sys.exit(f"chromium: {problem}")


def _install() -> str | None:
    """What stood in the way, or None."""
    if "CSAI_TEST_CHROMIUM" in os.environ:
        return f"CSAI_TEST_CHROMIUM names no program: {os.environ['CSAI_TEST_CHROMIUM']}"
    if shutil.which("apt-get") is None or os.geteuid() != 0:
        return "there is no Chromium here. Install one, for instance: sudo apt-get install chromium"
    _say(f"installing Debian's {PACKAGE}, this once")
    deadline = time.monotonic() + INSTALL_TIMEOUT_S
    for arguments in (["update"], ["install", "-y", "--no-install-recommends", PACKAGE]):
        problem = _apt_get(arguments, max(1.0, deadline - time.monotonic()))
        if problem:
            return problem
    return None if find() else f"apt-get installed {PACKAGE}, but it is not on the path"


def _apt_get(arguments: list[str], timeout_s: float) -> str | None:
    try:
        done = subprocess.run(
            ["apt-get", "-q", *arguments],
            env={**os.environ, "DEBIAN_FRONTEND": "noninteractive"},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=timeout_s,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return f"apt-get {arguments[0]} did not end in time"
    if done.returncode == 0:
        return None
    last = (done.stderr or done.stdout).strip().splitlines()[-1:]
    return f"apt-get {arguments[0]} failed: {''.join(last)}"


def _say(text: str) -> None:
    print(f"chromium: {text}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
