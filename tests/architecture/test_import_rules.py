"""The rules of who may import whom, each seen to fail on a tree that breaks it."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
RULES = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]

VIOLATIONS = {
    "a plugin imports the server": ("csai_tool_n8n", "import csai.kit", "layers"),
    "a plugin imports another": ("csai_tool_n8n", "import csai_provider_claude", "layers"),
    "the server imports a plugin": ("csai", "import csai_provider_offline", "layers"),
    "the server imports the testkit": ("csai", "import csai_testkit", "layers"),
    "the testkit imports the server": ("csai_testkit", "import csai.kit", "layers"),
    "the SDK imports the server": ("csai_sdk", "import csai.kit", "layers"),
    "the SDK imports a library of the server": ("csai_sdk", "import httpx", "declared"),
    "a plugin imports what it does not declare": ("csai_tool_n8n", "import anthropic", "declared"),
    "the server calls plugins outside the registry": ("csai", "import pluggy", "registry"),
    "the server finds plugins outside the registry": ("csai", "from stevedore import named", "registry"),
    "a vendor's SDK outside its plugin": ("csai", "import anthropic", "vendors"),
    "a vendor's SDK in another's plugin": ("csai_provider_claude", "import openai", "vendors"),
}


@pytest.fixture(scope="module")
def findings(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """What each rule, by name, says of a tree with one module for each violation."""
    folder = tmp_path_factory.mktemp("violations")
    tree(folder)
    for number, (package, line, _) in enumerate(VIOLATIONS.values()):
        (folder / package / package / f"probe_{number}.py").write_text(f"{line}\n")
    linted = lint(folder)
    assert linted.returncode == 1, linted.stdout + linted.stderr
    broken = linted.stdout.partition("Broken contracts\n")[2]
    _, *sections = re.split(r"\n(.+)\n-+\n", broken)
    return dict(zip(sections[::2], sections[1::2], strict=True))


@pytest.mark.parametrize("violation", VIOLATIONS)
def test_violation_breaks_its_rule(findings: dict[str, str], violation: str) -> None:
    package, _, rule = VIOLATIONS[violation]
    probe = f"{package}.probe_{list(VIOLATIONS).index(violation)}"
    name = next(each["name"] for each in RULES["contracts"] if each["id"] == rule)
    assert re.search(rf"\b{probe}\b", findings[name]), findings


def test_tree_that_keeps_the_rules_passes(tmp_path: Path) -> None:
    tree(tmp_path)
    (tmp_path / "csai_provider_claude/csai_provider_claude/probe.py").write_text(
        "import anthropic, csai_sdk\n"
    )
    linted = lint(tmp_path)
    assert linted.returncode == 0, linted.stdout + linted.stderr


def tree(folder: Path) -> None:
    """The real rules and distributions, with packages that hold nothing."""
    (folder / "pyproject.toml").write_text((ROOT / "pyproject.toml").read_text())
    (folder / "scripts").symlink_to(ROOT / "scripts")
    for package in RULES["root_packages"]:
        (folder / package / package).mkdir(parents=True)
        (folder / package / package / "__init__.py").touch()
        (folder / package / "pyproject.toml").write_text(project_file(package).read_text())
    (folder / "csai" / "csai" / "kit.py").touch()


def project_file(package: str) -> Path:
    patterns = (f"core/*/{package}", f"plugins/*/*/{package}", f"widget/{package}", f"admin/{package}")
    return next(path.parent / "pyproject.toml" for pattern in patterns for path in ROOT.glob(pattern))


def lint(folder: Path) -> subprocess.CompletedProcess[str]:
    paths = [str(folder), *(str(folder / package) for package in RULES["root_packages"])]
    return subprocess.run(
        [Path(sys.executable).parent / "lint-imports", "--no-cache"],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(paths)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
