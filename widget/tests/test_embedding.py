"""The snippets that site builders are handed: what they write into a page, and what they refuse."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import jwt
import pytest

ROOT = Path(__file__).resolve().parents[2]
EMBEDDING = ROOT / "docs" / "embedding"
HARNESS = Path(__file__).parent / "wordpress" / "harness.php"
PHP = shutil.which("php")
SET = {"server": "https://chat.example.com", "key": "pk_1", "position": "top-left"}
ATTACK = "\"'><script>alert(1)</script>"

needs_php = pytest.mark.skipif(PHP is None, reason="php is not installed (Debian: apt-get install php-cli)")


def run_plugin(do: str, *arguments: Any, **case: Any) -> dict[str, Any]:
    asked = json.dumps({"do": do, "arguments": arguments, **case})
    run = subprocess.run(
        [PHP or "php", str(HARNESS)], input=asked, capture_output=True, text=True, timeout=30, check=True
    )
    found: dict[str, Any] = json.loads(run.stdout)
    return found


class Scripts(HTMLParser):
    def __init__(self, html: str) -> None:
        super().__init__()
        self.found: list[dict[str, str | None]] = []
        self.tags: list[str] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        if tag == "script":
            self.found.append(dict(attrs))


@needs_php
class TestWordPress:
    def test_the_footer_holds_the_script_tag(self) -> None:
        seen = run_plugin("wp_footer", option=SET)
        assert Scripts(seen["printed"]).found == [
            {
                "src": "https://chat.example.com/widget.js",
                "data-api-key": "pk_1",
                "async": None,
                "data-position": "top-left",
            }
        ]
        assert seen["is_cached"]

    @pytest.mark.parametrize(
        "option", [{}, None, "text", {"server": "https://chat.example.com"}, {"key": "pk_1"}]
    )
    def test_nothing_is_printed_before_it_is_set(self, option: Any) -> None:
        assert run_plugin("wp_footer", option=option)["printed"] == ""

    def test_who_is_signed_in_is_signed_by_the_secret(self) -> None:
        secret = "s" * 40
        seen = run_plugin("wp_footer", option=SET, user=7, secret=secret)
        (script,) = Scripts(seen["printed"]).found
        claims = jwt.decode(str(script["data-user-token"]), secret, algorithms=["HS256"])
        assert claims["sub"] == "7"
        assert secret not in seen["printed"]
        assert not seen["is_cached"]

    @pytest.mark.parametrize("case", [{"user": 7}, {"secret": "s" * 40}, {"user": 7, "secret": ""}])
    def test_nobody_is_signed_without_a_user_and_a_secret(self, case: dict[str, Any]) -> None:
        seen = run_plugin("wp_footer", option=SET, **case)
        assert "data-user-token" not in seen["printed"]
        assert seen["is_cached"]

    def test_the_form_has_a_nonce_and_is_for_administrators(self) -> None:
        assert run_plugin("admin_menu")["pages"] == {"csai-chat": "manage_options"}
        assert run_plugin("csai_chat_page", option=SET)["printed"] == ""
        form = run_plugin("csai_chat_page", option=SET, admin=True)["printed"]
        assert "nonce-of-csai-chat" in form
        assert 'action="options.php" method="post"' in form

    def test_what_is_stored_is_escaped_wherever_it_is_written(self) -> None:
        option = {"server": ATTACK, "key": ATTACK, "position": ATTACK}
        form = run_plugin("csai_chat_page", option=option, admin=True)["printed"]
        assert "script" not in Scripts(form).tags
        footer = run_plugin("wp_footer", option=option)["printed"]
        assert Scripts(footer).tags == ["script"]

    @pytest.mark.parametrize(
        ("given", "kept", "errors"),
        [
            ({"server": " https://a.example/ ", "key": " pk_a ", "position": "top-right"}, None, []),
            ({"server": "javascript:alert(1)", "key": "pk_a"}, {"server": SET["server"]}, ["server"]),
            ({"server": "http://a.example", "key": "pk_a"}, {"server": SET["server"]}, ["server"]),
            ({"server": "https://a.example", "key": "sk_secret"}, {"key": SET["key"]}, ["key"]),
            ({"server": "https://a.example", "key": ATTACK}, {"key": SET["key"]}, ["key"]),
            ({"server": ["x"], "key": {"a": "b"}, "position": "nowhere"}, {"server": "", "key": ""}, []),
            ("text", {"server": "", "key": ""}, []),
        ],
    )
    def test_only_what_is_valid_is_kept(self, given: Any, kept: Any, errors: list[str]) -> None:
        seen = run_plugin("csai_chat_sanitize", given, option=SET)
        wanted = kept or {"server": "https://a.example", "key": "pk_a", "position": "top-right"}
        assert {name: seen["result"][name] for name in wanted} == wanted
        assert list(seen["errors"]) == errors

    def test_nothing_is_left_behind(self) -> None:
        assert run_plugin("uninstall", option=SET)["options"] == {}


class TestShopify:
    BLOCK = (EMBEDDING / "shopify" / "blocks" / "csai-chat.liquid").read_text()

    def test_every_value_is_escaped(self) -> None:
        markup = self.BLOCK.partition("{% schema %}")[0]
        written = re.findall(r"{{(.*?)}}", markup)
        assert len(written) == 6
        assert all(value.rstrip().endswith("| escape") for value in written)

    def test_the_schema_names_what_the_block_reads(self) -> None:
        markup, _, rest = self.BLOCK.partition("{% schema %}")
        schema = json.loads(rest.partition("{% endschema %}")[0])
        settings = {setting["id"]: setting for setting in schema["settings"]}
        assert schema["target"] == "body"
        assert set(re.findall(r"block\.settings\.(\w+)", markup)) == set(settings)
        for setting in settings.values():
            if "options" in setting:
                assert setting["default"] in [option["value"] for option in setting["options"]]


def test_every_attribute_in_a_snippet_is_one_that_the_widget_has() -> None:
    documented = set(re.findall(r"`(data-[a-z-]+)`", (ROOT / "widget" / "README.md").read_text()))
    pages = [*EMBEDDING.rglob("*.md"), *EMBEDDING.rglob("*.liquid"), *EMBEDDING.rglob("*.php")]
    pages.append(ROOT / "docs" / "embedding.md")
    used = {name for page in pages for name in re.findall(r"\bdata-[a-z-]+", page.read_text())}
    assert used
    assert used <= documented
    options = (ROOT / "widget" / "src" / "options.ts").read_text()
    for name in documented - {"data-key"}:
        words = name.removeprefix("data-").split("-")
        assert words[0] + "".join(word.title() for word in words[1:]) in options
