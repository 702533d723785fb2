"""Installed plugins that cannot be used are kept out with a cause, and the rest are loaded."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from csai.plugins.registry import PluginRegistry
from stevedore import ExtensionManager

from tests.support.server import ServerFactory

GOOD = """
from csai_sdk import hookimpl, tool

@tool
def good_tool(name: str) -> str:
    "A tool."
    return name

@hookimpl
def register_tools():
    return [good_tool]
"""
UNKNOWN_HOOK = "from csai_sdk import hookimpl\n@hookimpl\ndef register_spaceships():\n    return []\n"
NO_TOOL = "from csai_sdk import hookimpl\n@hookimpl\ndef register_tools():\n    return ['no tool']\n"
NO_LIST = "from csai_sdk import hookimpl\n@hookimpl\ndef register_tools():\n    return None\n"
RAISES = "from csai_sdk import hookimpl\n@hookimpl\ndef register_tools():\n    raise KeyError('token')\n"
EXITS = "import sys\nfrom csai_sdk import hookimpl\n@hookimpl\ndef register_tools():\n    sys.exit(4)\n"
ASYNC = "from csai_sdk import hookimpl\n@hookimpl\nasync def register_tools():\n    return []\n"
NO_SETTINGS = "from csai_sdk import hookimpl\n@hookimpl\ndef register_settings():\n    return dict\n"
OTHER_ARGUMENT = "from csai_sdk import hookimpl\n@hookimpl\nasync def reply_sent(evnt):\n    pass\n"
PROVIDER = """
from csai_sdk import ModelReply, Provider, Usage, hookimpl

class Voice(Provider):
    id = "test_voice"
    default_model = "voice-1"

    async def stream(self, request, ctx):
        yield "Still here."
        yield ModelReply("Still here.", "end", Usage(1, 2), "voice-1")

@hookimpl
def register_providers():
    return [Voice()]
"""
BACKEND = """
from csai_sdk import ToolBackend, ToolOutput, hookimpl

class Backend(ToolBackend):
    id = "test_backend"

    async def run(self, call, ctx):
        return ToolOutput(None)

@hookimpl
def register_tool_backends():
    return [Backend()]
"""
NAMELESS = PROVIDER.replace('id = "test_voice"', "")
MODELLESS = PROVIDER.replace('default_model = "voice-1"', "")
WRONG_NAME = GOOD.replace("@tool", "@tool(name='good tool!')")
NUL_TEXT = GOOD.replace('"A tool."', '"A\\0tool."')
LONG_CATEGORY = GOOD.replace("@tool", f"@tool(category='{'a' * 51}')")
PATTERN = GOOD.replace("name: str", "name: Annotated[str, Field(pattern='(?i)a')]").replace(
    "\n@tool", "from typing import Annotated\nfrom pydantic import Field\n@tool"
)
LONG_NAME = GOOD.replace("@tool", f"@tool(name='{'a' * 65}')")
SYNC_EVENT = "from csai_sdk import hookimpl\n@hookimpl\ndef reply_sent(event):\n    pass\n"


class Site:
    """A folder on the path that plugins are installed into."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def install(self, distribution: str, plugin: str, code: str) -> None:
        module = distribution.replace("-", "_")
        info = self._folder / f"{module}-1.0.dist-info"
        info.mkdir()
        (self._folder / f"{module}.py").write_text(code)
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {distribution}\nVersion: 1.0\n")
        (info / "entry_points.txt").write_text(f"[csai.plugins]\n{plugin} = {module}\n")


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setattr(ExtensionManager, "ENTRY_POINT_CACHE", {})  # it remembers what was installed before
    yield Site(tmp_path)
    for path in tmp_path.glob("*.py"):
        sys.modules.pop(path.stem, None)


@pytest.mark.parametrize(
    ("code", "cause"),
    [
        ("raise RuntimeError('no licence')", "RuntimeError: no licence"),
        ("import a_library_that_is_not_there", "ModuleNotFoundError"),
        ("import sys\nsys.exit(3)", "SystemExit: 3"),
        ("assert False, 'never'", "AssertionError: never"),
        (UNKNOWN_HOOK, "register_spaceships"),
        (NO_TOOL, "register_tools must return Tool objects"),
        (SYNC_EVENT, "reply_sent must be async"),
        (GOOD.replace("good_tool(", "good_tool(*"), "named parameters only"),
        ("def broken(:", "SyntaxError"),
        ("class Failure(Exception): pass\nraise Failure", "Failure"),
        (RAISES, "KeyError: 'token'"),
        (EXITS, "SystemExit: 4"),
        (NO_LIST, "TypeError"),
        (ASYNC, "register_tools must be a plain function"),
        (NO_SETTINGS, "register_settings must return a subclass of csai_sdk.PluginSettings"),
        (OTHER_ARGUMENT, "evnt"),
        (PROVIDER.replace("[Voice()]", "[Voice]"), "register_providers must return Provider objects"),
        (PROVIDER.replace("[Voice()]", "[Voice(), Voice()]"), "the provider 'test_voice' twice"),
        (BACKEND.replace("[Backend()]", "[Backend(), Backend()]"), "the tool backend 'test_backend' twice"),
        (GOOD.replace("[good_tool]", "[good_tool, good_tool]"), "the tool 'good_tool' twice"),
        (NAMELESS, "'id'"),
        (MODELLESS, "default_model"),
        (WRONG_NAME, "'good tool!'"),
        (LONG_NAME, "64"),
        (LONG_CATEGORY, "category"),
        (NUL_TEXT, "text that can be stored"),
        (PATTERN, "InvalidSchema"),
    ],
)
def test_a_broken_plugin_is_kept_out_with_its_cause_and_a_remedy(site: Site, code: str, cause: str) -> None:
    site.install("test-broken", "test_broken", code)
    site.install("test-good", "test_good", GOOD)
    registry = PluginRegistry.load(["test_broken", "test_good"])
    assert list(registry.plugins) == ["test_good"]
    assert list(registry.tools) == ["good_tool"]
    assert list(registry.quarantined) == ["test_broken"]
    assert cause in registry.quarantined["test_broken"].cause
    assert registry.quarantined["test_broken"].remedy


def test_a_name_that_two_distributions_claim_is_refused_to_both(site: Site) -> None:
    site.install("test-first", "test_taken", GOOD)
    site.install("test-second", "test_taken", GOOD)
    registry = PluginRegistry.load(["test_taken"])
    assert registry.plugins == {}
    assert "test-first" in registry.quarantined["test_taken"].cause
    assert "test-second" in registry.quarantined["test_taken"].cause


@pytest.mark.parametrize(
    ("code", "what"),
    [
        (GOOD, "the tool 'good_tool'"),
        (PROVIDER, "the provider 'test_voice'"),
        (BACKEND, "the tool backend 'test_backend'"),
    ],
    ids=["tool", "provider", "backend"],
)
def test_a_name_belongs_to_the_plugin_that_registered_it_first(site: Site, code: str, what: str) -> None:
    site.install("test-one", "test_one", code)
    site.install("test-two", "test_two", code)
    registry = PluginRegistry.load(["test_one", "test_two"])
    assert list(registry.plugins) == ["test_one"]
    cause = registry.quarantined["test_two"].cause
    assert f"{what} is already registered by plugin 'test_one'" in cause


def test_what_a_refused_plugin_registered_beside_its_fault_is_refused_too(site: Site) -> None:
    site.install("test-one", "test_one", GOOD)
    site.install("test-two", "test_two", PROVIDER + GOOD)
    registry = PluginRegistry.load(["test_one", "test_two"])
    assert list(registry.providers) == []


def test_a_plugin_that_is_not_allowed_is_not_even_imported(site: Site) -> None:
    site.install("test-loud", "test_loud", "import sys\nsys.test_loud_was_imported = True")
    site.install("test-good", "test_good", GOOD)
    registry = PluginRegistry.load(["test_good"])
    assert list(registry.plugins) == ["test_good"]
    assert registry.quarantined == {}
    assert not hasattr(sys, "test_loud_was_imported")
    assert "test_loud" not in sys.modules


async def test_visitors_are_answered_whatever_else_is_installed(
    site: Site, make_server: ServerFactory
) -> None:
    broken = {
        "test_exits": "import sys\nsys.exit(3)",
        "test_asserts": "assert False",
        "test_unknown": UNKNOWN_HOOK,
        "test_long": LONG_NAME,
        "test_syncs": SYNC_EVENT,
    }
    for name, code in broken.items():
        site.install(name.replace("_", "-"), name, code)
    site.install("test-voice", "test_voice", PROVIDER)
    registry = PluginRegistry.load([*broken, "test_voice"])
    server = await make_server(registry=registry)

    answer = (await server.say("Anyone there?")).json()

    assert set(registry.quarantined) == set(broken)
    assert (answer["status"], answer["message"]["content"]) == ("completed", "Still here.")


async def test_hooks_answer_in_the_order_of_their_plugins_ids(site: Site, make_server: ServerFactory) -> None:
    fragment = (
        "from csai_sdk import hookimpl\n@hookimpl\nasync def before_model_call():\n    return 'from {name}'\n"
    )
    for name in ("test_z", "test_a", "test_m"):
        site.install(name.replace("_", "-"), name, fragment.format(name=name))
    site.install("test-voice", "test_voice", PROVIDER)
    registry = PluginRegistry.load(["test_z", "test_m", "test_voice", "test_a"])
    server = await make_server(registry=registry)

    view = await server.services.views.get(server.client.id, 1)

    told = await view.hooks.tell("before_model_call", None)
    assert told == ["from test_a", "from test_m", "from test_z"]
