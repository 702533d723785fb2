"""What vendors have in common: an SDK loaded beside the event loop, and whose key goes where."""

from __future__ import annotations

import asyncio
import sys
import threading
from pathlib import Path

import pytest
from csai_sdk import PluginSettings, key_to_send, load_module
from csai_testkit.context import make_context
from pydantic import SecretStr

RECORDER = """
import threading
threads = globals().get("threads", []) + [threading.current_thread()]
"""


async def test_a_module_is_imported_in_a_thread_and_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "slow_vendor_sdk.py").write_text(RECORDER)
    monkeypatch.syspath_prepend(tmp_path)
    await load_module("slow_vendor_sdk")
    await load_module("slow_vendor_sdk")
    (thread,) = sys.modules.pop("slow_vendor_sdk").threads
    assert thread is not threading.current_thread()


async def test_a_module_that_is_missing_is_missed_every_time() -> None:
    for _ in range(2):
        with pytest.raises(ModuleNotFoundError):
            await load_module("no_such_vendor_sdk")


@pytest.mark.parametrize(
    ("key", "client_set", "sent"),
    [
        (None, set(), None),
        ("  ", set(), None),
        (" k \n", set(), "k"),
        ("k", {"api_key"}, "k"),
        ("k", {"api_key", "base_url"}, "k"),
        ("k", {"base_url"}, None),
    ],
)
def test_the_operators_key_is_not_sent_to_an_address_of_the_clients_choice(
    key: str | None, client_set: set[str], sent: str | None
) -> None:
    ctx = make_context(PluginSettings(), client_set=frozenset(client_set))
    assert key_to_send(SecretStr(key) if key is not None else None, ctx) == sent


async def test_many_calls_wait_for_one_import(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "shared_vendor_sdk.py").write_text("import time\ntime.sleep(0.05)\n")
    monkeypatch.syspath_prepend(tmp_path)
    threads = threading.active_count()

    loading = [asyncio.ensure_future(load_module("shared_vendor_sdk")) for _ in range(50)]
    await asyncio.sleep(0)
    await asyncio.sleep(0)

    assert threading.active_count() <= threads + 1
    await asyncio.gather(*loading)
    del sys.modules["shared_vendor_sdk"]
