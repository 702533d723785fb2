from __future__ import annotations

import tomllib
from importlib.metadata import entry_points
from pathlib import Path

import csai_widget

SIZE_BUDGET_BYTES = 60_000


def test_the_plugin_is_found_by_its_entry_point() -> None:
    (found,) = entry_points(group="csai.plugins", name="widget")
    assert found.load() is csai_widget


def test_every_file_it_offers_is_there() -> None:
    offered = {files.path: files.folder for files in csai_widget.register_web()}
    assert set(offered) == {"/widget.js", "/widget.js.map", "/demo"}
    assert offered["/widget.js"].is_file()
    assert offered["/widget.js.map"].is_file()
    assert (offered["/demo"] / "index.html").is_file()


def test_the_bundle_stays_small() -> None:
    assert (csai_widget.STATIC / "widget.js").stat().st_size < SIZE_BUDGET_BYTES


def test_the_demo_page_can_be_served_under_a_strict_policy() -> None:
    page = (csai_widget.STATIC / "demo" / "index.html").read_text()
    for inline in ("<style", "style=", "<script>", "onclick=", "javascript:"):
        assert inline not in page


def test_what_is_built_is_in_the_wheel() -> None:
    project = tomllib.loads((Path(__file__).parent.parent / "pyproject.toml").read_text())
    artifacts = project["tool"]["hatch"]["build"]["artifacts"]
    assert artifacts == ["csai_widget/static/widget.js", "csai_widget/static/widget.js.map"]
