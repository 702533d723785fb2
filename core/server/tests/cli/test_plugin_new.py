"""`csai plugins new`: every template is sound as it is written."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from csai.cli import app
from csai.scaffold.kind import TEMPLATES, Kind
from typer.testing import CliRunner, Result

from tests.support.program import environment, run

BIN = Path(sys.executable).parent


def new(*arguments: str) -> Result:
    return CliRunner().invoke(app, ["plugins", "new", *arguments])


def do(*command: str, cwd: Path, **variables: str) -> str:
    ended = subprocess.run(
        [str(BIN / command[0]), *command[1:]],
        cwd=cwd,
        env=environment(VIRTUAL_ENV=str(BIN.parent), **variables),
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    assert ended.returncode == 0, ended.stdout + ended.stderr
    return ended.stdout


@pytest.fixture(scope="module")
def rendered(tmp_path_factory: pytest.TempPathFactory) -> dict[Kind, Path]:
    """A new plugin of every kind. The names are as long as they may be: lines must not grow too long."""
    place = tmp_path_factory.mktemp("plugins")
    folders = {}
    for kind in Kind:
        name = f"{kind.value.replace('-', '_')}_with_quite_a_long_name__"[:30].rstrip("_")
        made = new(kind.value, name, "--into", str(place / kind.value))
        assert made.exit_code == 0, made.output + made.stderr
        folders[kind] = place / kind.value
    return folders


def test_every_kind_of_the_sdk_has_a_template() -> None:
    from csai_testkit.registration import PARTS

    assert {kind.value.replace("-", " ") for kind in Kind} == {kind for kind, _ in PARTS.values()} | {"hooks"}
    assert set(TEMPLATES) == set(Kind)


@pytest.mark.timeout(300)
def test_a_new_plugin_of_every_kind_passes_its_tests_and_is_verified_at_once(
    rendered: dict[Kind, Path], tmp_path: Path
) -> None:
    folders = [str(folder) for folder in rendered.values()]
    place = next(iter(rendered.values())).parent
    # One repository of several plugins, so that one run of pytest does: each has a tests/test_conformance.py.
    (place / ".git").mkdir()
    (place / "pytest.ini").write_text("[pytest]\naddopts = --import-mode=importlib\n")
    site = ("--target", str(tmp_path / "site"))
    do(
        "uv",
        "pip",
        "install",
        "-q",
        "--offline",
        "--no-deps",
        "--no-build-isolation",
        *site,
        *folders,
        cwd=place,
    )
    ended = run(
        *("plugins", "check", *folders, "--tier", "verified", "--json"),
        cwd=tmp_path,
        PYTHONPATH=str(tmp_path / "site"),
    )
    told = {item["id"]: item for item in json.loads(ended.stdout)["plugins"]}
    faults = [
        f"{name}: {check['check']}: {check['reason']}"
        for name, item in told.items()
        for check in item["checks"]
        if check["state"] == "failed"
    ]
    assert faults == []
    brought = sorted(kind for item in told.values() for kind in item["kinds"])
    assert brought == sorted(_kind(kind) for kind in Kind if kind is not Kind.hooks)
    assert len(told) == len(Kind)
    ran = {check["check"] for item in told.values() for check in item["checks"] if check["state"] == "ok"}
    assert {"provider: calls_tools", "gateway: refuses_old_webhooks", "tool: repeats_without_harm"} <= ran


def _kind(kind: Kind) -> str:
    return kind.value.replace("-", " ")


def test_new_plugins_are_clean_for_linter_formatter_and_type_checker(
    rendered: dict[Kind, Path], tmp_path: Path
) -> None:
    place = next(iter(rendered.values())).parent
    do("ruff", "check", "--no-cache", ".", cwd=place)
    do("ruff", "format", "--no-cache", "--check", ".", cwd=place)
    packages = [f"--package={marker.parent.name}" for marker in place.glob("*/*/py.typed")]
    tests = [f"--package={folder.name}.tests" for folder in place.iterdir() if (folder / "tests").is_dir()]
    assert len(packages) == len(Kind)
    do(
        *("mypy", "--strict", "--explicit-package-bases", f"--cache-dir={tmp_path}", *packages, *tests),
        cwd=place,
        MYPYPATH=os.pathsep.join(map(str, [place, *rendered.values()])),
    )


def test_the_smallest_tool_is_eight_lines(rendered: dict[Kind, Path]) -> None:
    (code,) = rendered[Kind.tool].glob("csai_tool_*/__init__.py")
    assert len([line for line in code.read_text().splitlines() if line]) == 8


def test_its_own_pytest_run_passes_from_within_the_folder(tmp_path: Path) -> None:
    made = new("tool", "stock-level", "--into", str(tmp_path / "here"))
    assert made.exit_code == 0, made.output
    assert "csai plugins install --editable" in made.stdout
    said = do(
        "pytest", "-q", "-p", "no:cacheprovider", cwd=tmp_path / "here", PYTHONPATH=str(tmp_path / "here")
    )
    assert "passed" in said
    project = tomllib.loads((tmp_path / "here" / "pyproject.toml").read_text())["project"]
    assert project["name"] == "csai-tool-stock-level"
    assert project["entry-points"]["csai.plugins"] == {"stock_level": "csai_tool_stock_level"}
    assert project["dependencies"] == ["csai-sdk>=0.1,<0.2"]


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("Stock", "use small letters"),
        ("1st", "a letter first"),
        ("order status", "use small letters"),
        ("../evil", "use small letters"),
        ("csai-tool-stock", "give the plugin's own name alone"),
        ("x" * 31, "at most 30 characters"),
        ("offline", "csai-provider-offline, which is installed"),
    ],
)
def test_a_name_that_will_not_do_is_refused_with_what_will(bare: Path, name: str, says: str) -> None:
    made = new("tool", name)
    assert made.exit_code == 2
    assert says in made.stderr
    assert list(bare.iterdir()) == []


def test_a_folder_that_is_there_is_left_alone(bare: Path) -> None:
    (bare / "stock").mkdir()
    made = new("tool", "stock")
    assert made.exit_code == 2
    assert "is there already" in made.stderr
    assert list((bare / "stock").iterdir()) == []


def test_an_unknown_kind_is_refused_with_the_known_ones(bare: Path) -> None:
    made = new("widgets", "x")
    assert made.exit_code == 2
    assert "tool-backend" in made.stderr


def test_the_shell_completes_the_kind() -> None:
    said = CliRunner().invoke(
        app,
        [],
        prog_name="csai",
        env={"_CSAI_COMPLETE": "complete_bash", "COMP_WORDS": "csai plugins new ga", "COMP_CWORD": "3"},
    )
    assert said.stdout.split() == ["gateway"]
