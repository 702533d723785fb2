"""See to a Chromium for the browser tests: the machine's own, or Debian's where apt-get may be used.

Without one the tests still run, and skip what needs a browser, aloud.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

NAMES = ("chromium", "chromium-browser", "google-chrome-stable", "google-chrome")
FLAGS = [
    *("--no-sandbox", "--disable-background-networking", "--disable-component-update"),
    *("--disable-sync", "--no-first-run"),
]
"""For starting it as root, and quietly."""
REFUSAL = Path(__file__).resolve().parent.parent / ".venv" / "csai-no-chromium"
TRY_AGAIN_AFTER_S = 6 * 3600
INSTALL_TIMEOUT_S = 420


def find() -> str | None:
    """The browser to test with: CSAI_TEST_CHROMIUM, or the first known name on the path."""
    named = os.environ.get("CSAI_TEST_CHROMIUM")
    if named:
        return shutil.which(named)
    return next((path for name in NAMES if (path := shutil.which(name))), None)


def main() -> None:
    if find() or _refused_lately():
        return
    problem = _install()
    if problem:
        REFUSAL.write_text(problem)
        _say(f"BROWSER TESTS WILL BE SKIPPED: {problem}")


def _refused_lately() -> bool:
    if not REFUSAL.exists() or time.time() - REFUSAL.stat().st_mtime > TRY_AGAIN_AFTER_S:
        return False
    _say(f"BROWSER TESTS WILL BE SKIPPED: {REFUSAL.read_text()} (to try again: rm {REFUSAL})")
    return True


def _install() -> str | None:
    """What stood in the way, or None."""
    if "CSAI_TEST_CHROMIUM" in os.environ:
        return f"CSAI_TEST_CHROMIUM names no program: {os.environ['CSAI_TEST_CHROMIUM']}"
    if shutil.which("apt-get") is None or os.geteuid() != 0:
        return "there is no Chromium here. Install one, for instance: sudo apt-get install chromium"
    _say("installing Debian's chromium for the browser tests, this once")
    deadline = time.monotonic() + INSTALL_TIMEOUT_S
    for arguments in (["update"], ["install", "-y", "--no-install-recommends", "chromium"]):
        problem = _apt_get(arguments, max(1.0, deadline - time.monotonic()))
        if problem:
            return problem
    return None if find() else "apt-get installed chromium, but it is not on the path"


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
