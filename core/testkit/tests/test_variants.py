"""Each check fails for a plugin that breaks its promise, and for no other reason."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from collections import defaultdict
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from csai_testkit.conformance import SUITES, Check, checks_of

ROOT = Path(__file__).parents[3]
VARIANTS = Path(__file__).parent / "variants"
FILE = "variant_suites.py"
LISTING = """
import json
from core.testkit.tests.variants import variant_suites
found = {name: item for name, item in vars(variant_suites).items() if name.startswith("Test")}
told = {}
for name, suite in found.items():
    broken = getattr(suite, "breaks", "")
    home = next((base.__name__ for base in suite.__mro__ if f"test_{broken}" in vars(base)), "")
    told[f"variant_suites.py::{name}"] = [broken, home]
print(json.dumps(told))
"""
PLAIN_PYTEST = ["-c", os.devnull, "--rootdir", ".", "--noconftest", "-W", "ignore"]
WITHOUT = [f"-pno:{name}" for name in ("cacheprovider", "xdist", "hypothesispytest", "timeout")]


def run(*arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *arguments],
        cwd=VARIANTS,
        env={**os.environ, "PYTHONPATH": str(ROOT), **variables},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


@pytest.fixture(scope="module")
def broken_check() -> dict[str, tuple[str, str]]:
    """By suite: the check that its plugin breaks and where that is defined; nothing for a sound one."""
    found: dict[str, tuple[str, str]] = json.loads(run("-c", LISTING).stdout)
    return found


class RealVendor(BaseHTTPRequestHandler):
    """What the live checks call."""

    def do_POST(self) -> None:
        body = b'{"text": "Hello.", "usage": [7, 3]}\n'
        self.send_response(200)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None: ...


@pytest.fixture
def real_vendor() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), RealVendor) as server:
        thread = threading.Thread(target=server.serve_forever, args=[0.01])
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


@pytest.mark.timeout(300)
def test_each_variant_fails_the_check_it_breaks_and_no_other(
    broken_check: dict[str, tuple[str, str]], real_vendor: str, tmp_path: Path
) -> None:
    report = tmp_path / "report.jsonl"
    ended = run(
        *("-m", "pytest", "-q", *PLAIN_PYTEST, *WITHOUT, "--csai-live", f"--csai-report={report}", FILE),
        SOUND_API_KEY="sk-canary-of-the-environment",
        SOUND_BASE_URL=real_vendor,
    )
    assert report.exists(), ended.stdout + ended.stderr
    outcomes = [json.loads(line) for line in report.read_text().splitlines()]
    failed: dict[str, set[str]] = defaultdict(set)
    for outcome in outcomes:
        if outcome["outcome"] == "failed":
            failed[outcome["suite"]].add(outcome["check"])
    expected: dict[str, Any] = {suite: {check} - {""} for suite, (check, _) in broken_check.items()}
    assert {suite: failed[suite] for suite in expected} == expected, ended.stdout[-5000:]


def test_every_check_of_every_suite_has_a_variant_that_breaks_it(
    broken_check: dict[str, tuple[str, str]],
) -> None:
    checks = {(check.name, home_of(suite, check)) for suite in SUITES for check in checks_of(suite)}
    assert checks == {tuple(broken) for broken in broken_check.values()} - {("", "")}


def home_of(suite: type, check: Check) -> str:
    """The suite that defines a check."""
    return next(base.__name__ for base in suite.__mro__ if f"test_{check.name}" in vars(base))
