"""Follow a tutorial to the letter: write its files, run its commands in order, compare what they print.

    scripts/follow_tutorial.py docs/plugins/tutorial.md --into FOLDER [--port 8000]

What counts is the first line of each fenced block:

    ```sh                       commands for one shell, which goes on from block to block
    ```sh second-terminal       a server that goes on running; waited for until it is ready
    ```text                     what the commands before it print, line by line; `...` is anything
    ```python path/of/a.py      a file with this content, in any language

The page's port 8000 is replaced by `--port`, so that two may follow it at the same time.
"""

from __future__ import annotations

import argparse
import os
import re
import signal
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

PAGE_PORT = 8000
BLOCK_TIMEOUT_S = 120
_BLOCK = re.compile(r"^(`{3,})(\w+)(?: (\S+))?\n(.*?)^\1$", re.MULTILINE | re.DOTALL)
_END = "--- the end of the block"


class Wrong(Exception):
    """The page says something else than what happened."""


@dataclass(frozen=True)
class Block:
    language: str
    title: str
    text: str
    line: int


class Shell:
    """One bash for the whole page. Every command has to succeed."""

    def __init__(self, folder: Path) -> None:
        self._process = subprocess.Popen(
            ["bash", "-euo", "pipefail"],
            cwd=folder,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def run(self, commands: str) -> str:
        """What they print. Raises `Wrong` where one fails: the shell ends then."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        watch = threading.Timer(BLOCK_TIMEOUT_S, self._process.kill)
        watch.start()
        try:
            self._process.stdin.write(f"{commands}\necho '{_END}'\n")
            self._process.stdin.flush()
            said = ""
            for line in self._process.stdout:
                if line.startswith(_END):
                    return said
                said += line
        finally:
            watch.cancel()
        raise Wrong(f"a command failed, or took longer than {BLOCK_TIMEOUT_S} s:\n{said}")

    def close(self) -> None:
        self._process.kill()
        self._process.wait()


class Follower:
    def __init__(self, folder: Path, port: int) -> None:
        self._folder, self._port = folder, port
        self._shell = Shell(folder)
        self._servers: list[subprocess.Popen[bytes]] = []
        self._said = ""

    def follow(self, block: Block) -> None:
        text = re.sub(rf"\b{PAGE_PORT}\b", str(self._port), block.text)
        if block.language == "sh" and block.title == "second-terminal":
            self._serve(text)
        elif block.language == "sh":
            self._said = self._shell.run(text)
        elif block.language == "text":
            self._compare(text)
        elif block.title:
            path = self._folder / block.title
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(block.text, encoding="utf-8")

    def close(self) -> None:
        self._shell.close()
        for server in self._servers:
            with suppress(ProcessLookupError):
                os.killpg(server.pid, signal.SIGTERM)
            with suppress(subprocess.TimeoutExpired):
                server.wait(20)
            with suppress(ProcessLookupError):
                os.killpg(server.pid, signal.SIGKILL)
            server.wait()

    def _serve(self, command: str) -> None:
        server = subprocess.Popen(
            ["bash", "-euc", command],
            cwd=self._folder,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            start_new_session=True,  # so that what it starts ends with it
        )
        self._servers.append(server)
        give_up = time.monotonic() + BLOCK_TIMEOUT_S
        while not is_ready(f"http://127.0.0.1:{self._port}/health/ready"):
            if server.poll() is not None or time.monotonic() > give_up:
                raise Wrong("the server does not become ready")
            time.sleep(0.1)

    def _compare(self, expected: str) -> None:
        lines = iter(self._said.splitlines())
        for wanted in filter(str.strip, expected.splitlines()):
            pattern = ".*".join(map(re.escape, wanted.strip().split("...")))
            if not any(re.search(pattern, line) for line in lines):
                raise Wrong(f"it does not print, or not in this order: {wanted}\nBut:\n{self._said}")


def is_ready(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=5) as answer:
            return bool(answer.status == 200)
    except (urllib.error.URLError, OSError):
        return False


def blocks(page: str) -> Iterator[Block]:
    for match in _BLOCK.finditer(page):
        _, language, title, text = match.groups()
        yield Block(language, title or "", text, page.count("\n", 0, match.start()) + 1)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("page", type=Path)
    parser.add_argument("--into", type=Path, required=True, help="an empty folder to work in")
    parser.add_argument("--port", type=int, default=PAGE_PORT)
    arguments = parser.parse_args()
    follower = Follower(arguments.into, arguments.port)
    try:
        for block in blocks(arguments.page.read_text(encoding="utf-8")):
            print(f"{arguments.page.name}:{block.line}: {block.language} {block.title}", flush=True)
            try:
                follower.follow(block)
            except Wrong as error:
                sys.exit(f"{arguments.page.name}:{block.line}: {error}")
    finally:
        follower.close()


if __name__ == "__main__":
    main()
