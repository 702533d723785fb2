from __future__ import annotations

import gzip
import json
import tomllib
from importlib.metadata import entry_points
from pathlib import Path

import csai_dashboard
from csai.locales.language import widget_locale

STATIC = csai_dashboard.STATIC


def test_the_plugin_is_found_by_its_entry_point() -> None:
    (found,) = entry_points(group="csai.plugins", name="dashboard")
    assert found.load() is csai_dashboard


def test_the_preview_is_looked_for_before_the_pages_that_take_every_address() -> None:
    preview, pages = csai_dashboard.register_web()
    assert (preview.path, pages.path) == ("/dashboard/preview", "/dashboard")
    assert pages.is_app
    assert not preview.is_app
    assert (preview.folder / "index.html").is_file()


def test_no_policy_lets_anything_inline_or_foreign_run() -> None:
    for files in csai_dashboard.register_web():
        policy = files.headers["Content-Security-Policy"].split("; ")
        assert {"default-src 'none'", "script-src 'self'", "style-src 'self'", "base-uri 'none'"} <= set(
            policy
        )
        assert "unsafe" not in " ".join(policy)


def test_nothing_in_the_pages_is_inline() -> None:
    for page in (STATIC / "index.html", STATIC / "preview" / "index.html"):
        for inline in ("<style", "style=", "<script>", "onclick=", "javascript:", "http://", "https://"):
            assert inline not in page.read_text()


def test_the_compressed_forms_hold_the_same() -> None:
    scripts = list((STATIC / "assets").glob("*.js"))
    assert scripts
    for script in scripts:
        assert gzip.decompress(Path(f"{script}.gz").read_bytes()) == script.read_bytes()
        assert Path(f"{script}.br").stat().st_size > 0


def test_what_is_built_is_in_the_wheel() -> None:
    project = tomllib.loads((Path(__file__).parent.parent / "pyproject.toml").read_text())
    assert project["tool"]["hatch"]["build"]["artifacts"] == ["csai_dashboard/static/**"]


def test_the_preview_speaks_the_widget_s_words() -> None:
    words = json.loads((Path(__file__).parents[1] / "public" / "preview" / "words.json").read_text())
    assert words == widget_locale([], None, "")["labels"]
