"""`csai demo` as a newcomer meets it."""

from __future__ import annotations

import json
import socket
import stat
from pathlib import Path
from typing import Any

import httpx

from tests.support.program import Program, run, running


def ready(program: Program) -> dict[str, Any]:
    """The object that the demo prints when it takes requests."""
    found: dict[str, Any] = json.loads(program.out.next())
    return found


def ask(demo: dict[str, Any], message: str) -> dict[str, Any]:
    base = httpx.URL(demo["url"]).join("/")
    response = httpx.post(
        base.join("/chat/message"),
        headers={"X-API-Key": demo["secret_key"]},
        json={"message": message},
        timeout=30,
    )
    assert response.status_code == 200, response.text
    answer: dict[str, Any] = response.json()
    return answer


def test_it_is_ready_with_everything_a_script_needs_and_answers_through_a_tool(tmp_path: Path) -> None:
    with running("demo", "--port", "0", "--json", "--data-dir", "d", cwd=tmp_path) as program:
        demo = ready(program)
        assert list(demo) == [
            *("url", "dashboard_url", "client_id", "publishable_key", "secret_key", "admin_link")
        ]
        assert demo["admin_link"] is None
        assert demo["publishable_key"] in demo["url"]
        page = httpx.get(demo["url"], timeout=30)
        answer = ask(demo, "Where is my order ORD-1001?")
        assert program.stop() == 0
        assert program.out.rest() == []
    assert "<html" in page.text
    assert answer["status"] == "completed"
    assert [(call["name"], call["success"]) for call in answer["tool_calls"]] == [("get_order_status", True)]


def test_a_question_about_the_shop_is_answered_from_its_knowledge_with_the_source(tmp_path: Path) -> None:
    with running("demo", "--port", "0", "--json", "--data-dir", "d", cwd=tmp_path) as program:
        answer = ask(ready(program), "How long do I have to return something?")
    assert "30 days" in answer["message"]["content"]
    assert "Returns and refunds" in [citation["title"] for citation in answer["citations"]]


def test_the_next_start_goes_on_with_the_same_client_and_keys_on_any_port(tmp_path: Path) -> None:
    seen = []
    for _ in range(2):
        with running("demo", "--port", "0", "--json", "--data-dir", "d", cwd=tmp_path) as program:
            demo = ready(program)
            base = str(httpx.URL(demo["url"]).join("/")).rstrip("/")
            config = httpx.get(
                f"{base}/api/config",
                headers={"X-API-Key": demo["publishable_key"], "Origin": base},
                timeout=30,
            )
            assert config.json()["client"] == {"name": "Kettle & Cloth"}
            assert program.stop() == 0
        seen.append([demo["client_id"], demo["publishable_key"], demo["secret_key"]])
    assert seen[0] == seen[1]
    assert stat.S_IMODE((tmp_path / "d" / "demo.json").stat().st_mode) == 0o600


def test_keys_without_their_database_are_replaced(tmp_path: Path) -> None:
    keys = tmp_path / "d" / "demo.json"
    keys.parent.mkdir()
    gone = {
        "client_id": "0197a000-0000-7000-8000-000000000000",
        "publishable_key": "pk_x",
        "secret_key": "sk_x",
    }
    keys.write_text(json.dumps(gone))
    with running("demo", "--port", "0", "--json", "--data-dir", "d", cwd=tmp_path) as program:
        demo = ready(program)
        assert ask(demo, "Hello")["status"] == "completed"
    assert demo["client_id"] != gone["client_id"]


def test_a_person_reads_where_to_go_what_answers_and_a_command_that_works(tmp_path: Path) -> None:
    with running("demo", "--port", "0", cwd=tmp_path) as program:
        program.out.until("Ctrl-C ends it")
        said = "\n".join(program.out.seen)
        assert program.stop() == 0
        assert program.err.rest() == []
    assert "/demo/?key=pk_" in said
    assert "no AI model; set ANTHROPIC_API_KEY, OPENAI_API_KEY or OLLAMA_HOST" in said
    assert "curl http://127.0.0.1:" in said
    assert "dashboard" not in said
    assert (tmp_path / "data" / "csai-demo" / "csai.sqlite").exists()


def test_a_configured_vendor_answers_and_is_named(tmp_path: Path) -> None:
    with running("demo", "--port", "0", cwd=tmp_path, OPENAI_API_KEY="sk-none") as program:
        assert program.out.until("Answers").split(maxsplit=1)[1] == "openai, because OPENAI_API_KEY is set"


def test_what_is_configured_for_real_is_left_alone(tmp_path: Path) -> None:
    real = {"CSAI_DATABASE_URL": "postgresql+psycopg://nobody@127.0.0.1:9/none", "CSAI_ENV": "production"}
    with running(
        "demo", "--port", "0", "--json", cwd=tmp_path, CSAI_REDIS_URL="redis://127.0.0.1:9", **real
    ) as it:
        assert ask(ready(it), "Hello")["status"] == "completed"


def test_a_taken_port_is_named_together_with_a_free_one(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        ended = run("demo", "--port", str(port), "--data-dir", "d", cwd=tmp_path)
    assert ended.returncode == 2
    assert ended.stdout == ""
    assert ended.stderr.startswith(f"csai: port {port} is in use; try another: --port ")
    assert len(ended.stderr.splitlines()) == 1


def test_without_its_plugin_it_says_what_to_install(tmp_path: Path) -> None:
    ended = run("demo", "--port", "0", cwd=tmp_path, CSAI_PLUGINS="offline")
    assert ended.returncode == 2
    assert "csai-tool-demo-shop" in ended.stderr
