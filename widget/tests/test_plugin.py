from __future__ import annotations

import base64
import gzip
import hashlib
import re
import tomllib
from importlib.metadata import entry_points
from pathlib import Path

import csai_widget

STATIC = csai_widget.STATIC
PINNED = re.compile(r'file:"(widget/app-\w+\.js)",integrity:"sha256-([^"]+)"')


def test_the_plugin_is_found_by_its_entry_point() -> None:
    (found,) = entry_points(group="csai.plugins", name="widget")
    assert found.load() is csai_widget


def test_every_file_it_offers_is_there() -> None:
    offered = {files.path: files.folder for files in csai_widget.register_web()}
    assert set(offered) == {"/widget.js", "/widget.js.map", "/widget", "/demo"}
    assert offered["/widget.js"].is_file()
    assert offered["/widget.js.map"].is_file()
    assert (offered["/demo"] / "index.html").is_file()


def test_the_loader_pins_the_one_app_there_is_by_its_content() -> None:
    found = PINNED.search((STATIC / "widget.js").read_text())
    assert found is not None
    app = STATIC / found[1]
    assert [path.name for path in (STATIC / "widget").glob("*.js")] == [app.name]
    assert base64.b64decode(found[2]) == hashlib.sha256(app.read_bytes()).digest()


def test_the_compressed_forms_hold_the_same() -> None:
    scripts = [STATIC / "widget.js", *(STATIC / "widget").glob("*.js")]
    for script in scripts:
        assert gzip.decompress(Path(f"{script}.gz").read_bytes()) == script.read_bytes()
        assert 0 < Path(f"{script}.br").stat().st_size < Path(f"{script}.gz").stat().st_size


def test_the_demo_page_can_be_served_under_a_strict_policy() -> None:
    page = (csai_widget.STATIC / "demo" / "index.html").read_text()
    for inline in ("<style", "style=", "<script>", "onclick=", "javascript:"):
        assert inline not in page


def test_what_is_built_is_in_the_wheel() -> None:
    project = tomllib.loads((Path(__file__).parent.parent / "pyproject.toml").read_text())
    artifacts = project["tool"]["hatch"]["build"]["artifacts"]
    assert artifacts == ["csai_widget/static/widget.*", "csai_widget/static/widget/*"]
