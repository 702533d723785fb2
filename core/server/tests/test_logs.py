"""Logging can be configured anew: what looks on still sees every logger."""

from __future__ import annotations

import structlog
from csai.logs import configure_logging
from structlog.testing import capture_logs


def test_a_logger_used_before_logging_is_configured_anew_is_still_seen() -> None:
    log = structlog.get_logger("test")
    configure_logging("warning", is_json=True)
    log.warning("before")
    configure_logging("warning", is_json=True)

    with capture_logs() as seen:
        log.warning("after")

    assert [entry["event"] for entry in seen] == ["after"]
