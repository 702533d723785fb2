"""Everything `make check` asks of the sources: lint, formatting, types, and who may import whom."""

from __future__ import annotations

import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
BIN = ROOT / ".venv" / "bin"
TIMEOUT_S = 900
TEST_FOLDERS = (
    "conftest.py",
    "scripts",
    "bench",
    "tests",
    "core/*/tests",
    "plugins/*/*/tests",
    "widget/tests",
)


def main() -> None:
    with ThreadPoolExecutor(max_workers=2) as pool:
        results = list(pool.map(lambda check: run(*check), checks().items()))
    failed = [name for name, passed in results if not passed]
    if failed:
        sys.exit(f"check: failed: {', '.join(failed)}")
    print("check: all passed")


def checks() -> dict[str, list[str]]:
    return {
        "types of the packages": mypy("packages", [f"--package={name}" for name in packages()]),
        "types of tests and scripts": mypy("tests", test_folders()),
        "imports": ["lint-imports", "--no-cache"],
        "lint": ["ruff", "check", "."],
        "format": ["ruff", "format", "--check", "."],
    }


def mypy(cache: str, targets: list[str]) -> list[str]:
    # Two runs, as one cannot take packages by name and folders of tests that share module names.
    return ["mypy", f"--cache-dir=.mypy_cache/{cache}", *targets]


def packages() -> list[str]:
    """The import packages of all distributions."""
    folders = [*ROOT.glob("core/*/*/"), *ROOT.glob("plugins/*/*/*/"), *ROOT.glob("widget/*/")]
    return sorted(folder.name for folder in folders if (folder / "py.typed").exists())


def test_folders() -> list[str]:
    found = [path for pattern in TEST_FOLDERS for path in ROOT.glob(pattern)]
    holding = [path for path in found if path.is_file() or any(path.rglob("*.py"))]
    return sorted(str(path.relative_to(ROOT)) for path in holding)


def run(name: str, command: list[str]) -> tuple[str, bool]:
    started = time.monotonic()
    result = subprocess.run(
        [str(BIN / command[0]), *command[1:]],
        cwd=ROOT,
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        timeout=TIMEOUT_S,
        check=False,
    )
    passed = result.returncode == 0
    outcome = "passed" if passed else f"FAILED\n{result.stdout}"
    print(f"check: {time.monotonic() - started:4.1f} s  {name}: {outcome}", flush=True)
    return name, passed


if __name__ == "__main__":
    main()
