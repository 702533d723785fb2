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
    "admin/tests",
)


def main() -> None:
    with ThreadPoolExecutor(max_workers=2) as pool:
        results = list(pool.map(lambda check: run(*check), checks().items()))
    failed = [name for name, passed in results if not passed]
    if failed:
        sys.exit(f"check: failed: {', '.join(failed)}")
    print("check: all passed")


def checks() -> dict[str, list[str]]:
    # Tests go by the path of their folder, as folders of several packages hold modules of the same name.
    checked = [f"--package={name}" for name in (*packages(), *test_packages())]
    return {
        "types": ["mypy", "--module=conftest", *checked],
        "imports": ["lint-imports", "--no-cache"],
        "lint": ["ruff", "check", "."],
        "format": ["ruff", "format", "--check", "."],
        "hook reference": ["python", "scripts/hook_reference.py", "--check"],
        "admin routes": ["python", "scripts/admin_routes.py", "--check"],
        "public names": ["python", "scripts/public_names.py", "--check"],
        "dashboard's API types": ["python", "scripts/api_types.py", "--check"],
    }


def packages() -> list[str]:
    """The import packages of all distributions."""
    folders = [
        *ROOT.glob("core/*/*/"),
        *ROOT.glob("plugins/*/*/*/"),
        *ROOT.glob("widget/*/"),
        *ROOT.glob("admin/*/"),
    ]
    return sorted(folder.name for folder in folders if (folder / "py.typed").exists())


def test_packages() -> list[str]:
    """The folders of tests and scripts, as packages that begin at the root."""
    found = [path for pattern in TEST_FOLDERS for path in ROOT.glob(pattern) if any(path.rglob("*.py"))]
    return sorted(".".join(path.relative_to(ROOT).parts) for path in found)


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
