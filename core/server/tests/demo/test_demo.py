"""`csai demo` as a newcomer meets it."""

from __future__ import annotations

import json
import re
import socket
import stat
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.support.program import Program, run, running
from tests.support.verdicts import KnownPlugins


@dataclass
class Run:
    """A demo from its first start to its end."""

    folder: Path
    printed: dict[str, Any]
    page: str
    order: dict[str, Any]
    returns: dict[str, Any]
    exit_code: int
    printed_later: list[str]


@pytest.fixture(scope="module")
def first(tmp_path_factory: pytest.TempPathFactory) -> Run:
    folder = tmp_path_factory.mktemp("demo")
    with running("demo", "--port", "0", "--json", "--data-dir", "d", cwd=folder) as program:
        printed = ready(program)
        page = httpx.get(printed["url"], timeout=30).text
        order = ask(printed, "Where is my order ORD-1001?")
        returns = ask(printed, "How long do I have to return something?")
        return Run(folder, printed, page, order, returns, program.stop(), program.out.rest())


def ready(program: Program) -> dict[str, Any]:
    """The object that the demo prints when it takes requests."""
    found: dict[str, Any] = json.loads(program.out.next())
    return found


def ask(demo: dict[str, Any], message: str) -> dict[str, Any]:
    response = httpx.post(
        httpx.URL(demo["url"]).join("/chat/message"),
        headers={"X-API-Key": demo["secret_key"]},
        json={"message": message},
        timeout=30,
    )
    assert response.status_code == 200, response.text
    answer: dict[str, Any] = response.json()
    return answer


def test_it_prints_one_object_with_everything_a_script_needs(first: Run) -> None:
    demo = first.printed
    assert list(demo) == [
        *("url", "dashboard_url", "client_id", "publishable_key", "secret_key", "admin_link")
    ]
    assert re.fullmatch(r"http://[^/]+/dashboard/welcome#token=[\w-]{43}", demo["admin_link"])
    assert demo["publishable_key"] in demo["url"]
    assert "<html" in first.page
    assert first.printed_later == []


def test_a_signal_ends_it_without_an_error(first: Run) -> None:
    assert first.exit_code == 0


def test_a_question_about_an_order_is_answered_through_a_tool(first: Run) -> None:
    assert first.order["status"] == "completed"
    calls = [(call["name"], call["success"]) for call in first.order["tool_calls"]]
    assert calls == [("get_order_status", True)]


def test_a_question_about_the_shop_is_answered_from_its_knowledge_with_the_source(first: Run) -> None:
    assert "30 days" in first.returns["message"]["content"]
    assert "Returns and refunds" in [citation["title"] for citation in first.returns["citations"]]


def test_the_next_start_goes_on_with_the_same_client_and_keys_on_any_port(first: Run) -> None:
    with running("demo", "--port", "0", "--json", "--data-dir", "d", cwd=first.folder) as program:
        demo = ready(program)
        base = str(httpx.URL(demo["url"]).join("/")).rstrip("/")
        config = httpx.get(
            f"{base}/api/config", headers={"X-API-Key": demo["publishable_key"], "Origin": base}, timeout=30
        )
    assert config.json()["client"] == {"name": "Kettle & Cloth"}
    for name in ("client_id", "publishable_key", "secret_key"):
        assert demo[name] == first.printed[name]
    assert stat.S_IMODE((first.folder / "d" / "demo.json").stat().st_mode) == 0o600


def test_keys_without_their_database_are_replaced_and_what_is_configured_for_real_left_alone(
    tmp_path: Path, known_plugins: KnownPlugins
) -> None:
    known_plugins.put(tmp_path / "d")
    keys = tmp_path / "d" / "demo.json"
    gone = {
        "client_id": "0197a000-0000-7000-8000-000000000000",
        "publishable_key": "pk_x",
        "secret_key": "sk_x",
    }
    keys.write_text(json.dumps(gone))
    real = {
        "CSAI_DATABASE_URL": "postgresql+psycopg://nobody@127.0.0.1:9/none",
        "CSAI_REDIS_URL": "redis://127.0.0.1:9",
        "CSAI_ENV": "production",
    }
    with running("demo", "--port", "0", "--json", "--data-dir", "d", cwd=tmp_path, **real) as program:
        demo = ready(program)
        assert ask(demo, "Hello")["status"] == "completed"
    assert demo["client_id"] != gone["client_id"]


def test_a_person_reads_where_to_go_what_answers_and_a_command_that_works(
    tmp_path: Path, known_plugins: KnownPlugins
) -> None:
    known_plugins.put(tmp_path / "data" / "csai-demo")
    with running("demo", "--port", "0", cwd=tmp_path) as program:
        program.out.until("Ctrl-C ends it")
        said = "\n".join(program.out.seen)
        assert program.stop() == 0
        assert program.err.rest() == []
    assert "/demo/?key=pk_" in said
    assert "no AI model; set ANTHROPIC_API_KEY, OPENAI_API_KEY or OLLAMA_HOST" in said
    assert "curl http://127.0.0.1:" in said
    assert "/dashboard/welcome#token=" in said
    assert (tmp_path / "data" / "csai-demo" / "csai.sqlite").exists()


def test_a_taken_port_is_named_together_with_a_free_one(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        ended = run("demo", "--port", str(port), "--data-dir", "d", cwd=tmp_path)
    assert ended.returncode == 2
    assert ended.stdout == ""
    assert ended.stderr.startswith(f"csai: port {port} is in use; try another: --port ")
    assert len(ended.stderr.splitlines()) == 1


def test_without_its_plugin_it_says_what_to_install(tmp_path: Path, known_plugins: KnownPlugins) -> None:
    known_plugins.put(tmp_path / "data" / "csai-demo")
    ended = run("demo", "--port", "0", cwd=tmp_path, CSAI_PLUGINS="offline")
    assert ended.returncode == 2
    assert "csai-tool-demo-shop" in ended.stderr


def test_a_data_folder_that_cannot_be_is_refused_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    ended = run("demo", "--port", "0", "--data-dir", "file/d", cwd=tmp_path)
    assert ended.returncode == 2
    assert ended.stderr.splitlines() == [ended.stderr.strip()]
    assert "choose another data folder" in ended.stderr
