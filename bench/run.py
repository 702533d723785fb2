"""What a turn costs: one server process between a load client and a stand-in model server.

    make bench                      all shapes on both stacks, about three minutes
    make bench BENCH_ARGS="--quick" one short run of each
    make bench BENCH_ARGS="--plugins" what plugins cost instead (see bench/plugins.py)
    make bench BENCH_ARGS="--widget"  what the widget costs a visitor's browser (see bench/widget.py)
    make bench BENCH_ARGS="--dashboard" what the dashboard costs a browser (see bench/dashboard.py)

Every figure of a table comes from one run on one machine; compare ratios, not machines.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from csai.clients.repository import ClientRepository  # noqa: E402
from csai.clients.service import create_client  # noqa: E402
from csai.config import Settings  # noqa: E402
from csai.migrations import upgrade  # noqa: E402
from csai.services import build_services  # noqa: E402

from tests.support.port import free_port  # noqa: E402
from tests.support.supervisor import POSTGRES_SETTINGS, Services  # noqa: E402

SOURCES = ROOT.parent / "shared" / "perf"
PROGRAMS = ROOT / "bench" / "bin"
SAFE_POSTGRES = {**POSTGRES_SETTINGS, "fsync": "on", "synchronous_commit": "on", "full_page_writes": "on"}
START_TIMEOUT_S = 30.0
OTHERS_TIMEOUT_S = 900


@dataclass(frozen=True)
class Shape:
    """How the model answers and how many ask at once. `pace`: ms to the first token, ms a token, tokens."""

    name: str
    pace: str
    clients: int
    accept: str


INSTANT = Shape("instant", "0-0-1", 32, "application/json")
STREAM = Shape("stream", "200-20-100", 100, "text/event-stream")
BARE = "bare SDK"
STACKS = ("postgres-redis", "sqlite-memory")


def main() -> None:
    options = _options()
    for name in ("plugins", "widget", "dashboard"):
        if getattr(options, name):
            command = [sys.executable, str(ROOT / "bench" / f"{name}.py")] + ["--quick"] * options.quick
            sys.exit(subprocess.run(command, timeout=OTHERS_TIMEOUT_S).returncode)
    _head()
    if not SOURCES.is_dir():
        sys.exit(f"bench: the stand-in model server's sources are missing: {SOURCES}")
    _build()
    rows = []
    for shape in options.shapes:
        # The yardstick beside what it measures: machines differ, and one machine from hour to hour.
        for stack in (BARE, *options.stacks):
            rows.append(_measure(stack, shape, options.seconds))
            _print_row(rows[-1])
    for clients in options.held:
        held = Shape(f"held {clients}", STREAM.pace, clients, STREAM.accept)
        rows.append(_measure("postgres-redis", held, options.seconds))
        _print_row(rows[-1])
    (ROOT / "bench" / "bin" / "last.json").write_text(json.dumps(rows, indent=1))


def _options() -> Any:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--quick", action="store_true", help="short runs, no search for held streams")
    parser.add_argument("--plugins", action="store_true", help="what plugins cost a turn, and nothing else")
    parser.add_argument("--widget", action="store_true", help="what the widget costs a browser, nothing else")
    parser.add_argument(
        "--dashboard", action="store_true", help="what the dashboard costs a browser, nothing else"
    )
    parser.add_argument("--seconds", type=float, help="how long each run measures")
    parser.add_argument("--stacks", nargs="*", default=STACKS, choices=STACKS)
    parser.add_argument("--shapes", nargs="*", default=["instant", "stream"], choices=["instant", "stream"])
    parser.add_argument("--held", nargs="*", type=int, help="numbers of streams held at once")
    options = parser.parse_args()
    options.seconds = options.seconds or (4 if options.quick else 12)
    options.shapes = [shape for shape in (INSTANT, STREAM) if shape.name in options.shapes]
    if options.held is None:
        options.held = [] if options.quick else [150, 200, 300, 400]
    return options


def _head() -> None:
    print("| stack | shape | clients | turns/s | CPU ms/turn | added first token p50 / p95 ms ", end="")
    print("| errors |\n|---|---|---|---|---|---|---|")


def _print_row(row: dict[str, Any]) -> None:
    print(
        f"| {row['stack']} | {row['shape']} | {row['conc']} | {row['rps']} | {row['cpu_ms_turn']} "
        f"| {row['ov_p50']} / {row['ov_p95']} | {row['err']} |",
        flush=True,
    )


def _build() -> None:
    PROGRAMS.mkdir(exist_ok=True)
    for name in ("standin", "load"):
        subprocess.run(
            ["cc", "-O2", "-o", PROGRAMS / name, SOURCES / f"{name}.c", "-lm"], check=True, timeout=120
        )


def _measure(stack: str, shape: Shape, seconds: float) -> dict[str, Any]:
    with _folder() as folder, _stack(stack, folder) as environment, _standin() as model_port:
        model = f"sim-{shape.pace}"
        environment |= {
            "CSAI_DATA_DIR": str(folder),
            "CSAI_RATE_LIMIT_CLIENT": "0",
            "CSAI_RATE_LIMIT_VISITOR": "0",
            "CSAI_PLUGINS": "openai,offline",
            "OPENAI_BASE_URL": f"http://127.0.0.1:{model_port}/v1",
            "OPENAI_API_KEY": "none",
            "BENCH_MODEL": model,
        }
        os.environ.update(environment)
        key = "none" if stack == BARE else asyncio.run(_make_client(model))
        with _server(folder, stack) as (pid, port):
            _ask(port, key)  # A first turn, so that what loads at first use is not measured.
            result = _load(port, key, pid, shape, seconds)
    return {"stack": stack, "shape": shape.name, **result}


def _load(port: int, key: str, pid: int, shape: Shape, seconds: float) -> dict[str, Any]:
    ramp = 2.2 if shape.pace != INSTANT.pace else 0.2
    command: list[str | Path] = [
        *(PROGRAMS / "load", "-p", str(port), "-P", "/chat/message", "-c", str(shape.clients)),
        *("-d", str(seconds), "-w", "3", "-r", str(ramp), "-k", str(pid)),
        *("-b", '{"message":"Where is my order? @N@"}'),
        *("-H", f"X-API-Key: {key}", "-H", f"Accept: {shape.accept}"),
    ]
    done = subprocess.run(command, capture_output=True, check=True, timeout=seconds + 60)
    result: dict[str, Any] = json.loads(done.stdout)
    return result


def _ask(port: int, key: str) -> None:
    request = urllib.request.Request(
        f"http://127.0.0.1:{port}/chat/message",
        data=b'{"message":"Hi"}',
        headers={"X-API-Key": key, "Content-Type": "application/json"},
    )
    with urllib.request.urlopen(request, timeout=60) as answer:
        status = json.load(answer)["status"]
    if status != "completed":
        sys.exit(f"bench: the first turn ended as {status}")


async def _make_client(model: str) -> str:
    settings = Settings()
    await asyncio.to_thread(upgrade, settings.effective_database_url)
    services = build_services(settings)
    await services.start()
    async with services.database.write() as transaction:
        client = await create_client(
            transaction, name="Bench", origins=[], keyring=services.keyring, clock=services.clock
        )
        await ClientRepository(transaction, client.id).update_settings(
            {"provider": "openai", "models": {"openai": model}}
        )
    await services.close()
    return client.secret_key


@contextmanager
def _folder() -> Iterator[Path]:
    folder = Path(tempfile.mkdtemp(prefix="csai-bench-"))
    folder.chmod(0o755)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def _stack(name: str, folder: Path) -> Iterator[dict[str, str]]:
    if name == BARE:
        yield {}
        return
    if name == "sqlite-memory":
        yield {"CSAI_DATABASE_URL": f"sqlite+aiosqlite:///{folder}/csai.sqlite", "CSAI_REDIS_URL": ""}
        return
    services = Services(folder, postgres_settings=SAFE_POSTGRES)
    try:
        urls = services.start()
        yield {"CSAI_DATABASE_URL": urls["database_url"], "CSAI_REDIS_URL": urls["redis_url"]}
    finally:
        services.stop()


@contextmanager
def _standin() -> Iterator[int]:
    port = free_port()
    process = subprocess.Popen([PROGRAMS / "standin", "-p", str(port)])
    try:
        _await_port(port, process)
        yield port
    finally:
        process.terminate()
        process.wait(10)


@contextmanager
def _server(folder: Path, stack: str) -> Iterator[tuple[int, int]]:
    port = free_port()
    programs = ROOT / ".venv" / "bin"
    command: list[str | Path] = (
        [programs / "python", ROOT / "bench" / "bare.py", str(port)]
        if stack == BARE
        else [programs / "csai", "serve", "--port", str(port)]
    )
    with (folder / "server.log").open("wb") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log)
    try:
        _await_port(port, process)
        yield process.pid, port
    finally:
        process.terminate()
        process.wait(30)


def _await_port(port: int, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + START_TIMEOUT_S
    while time.monotonic() < deadline and process.poll() is None:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)
    sys.exit(f"bench: nothing answers on port {port}")


if __name__ == "__main__":
    main()
