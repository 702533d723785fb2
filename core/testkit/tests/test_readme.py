"""The README's table of checks is what the suites hold."""

from __future__ import annotations

from pathlib import Path

import pytest
from csai_testkit.conformance import SUITES, CallSuite, Check, PluginSuite, WebhookSuite, checks_of

README = Path(__file__).parents[1] / "README.md"
GROUPS: dict[type[PluginSuite], str] = {
    PluginSuite: "every plugin",
    CallSuite: "whatever is called: all kinds but locales",
    WebhookSuite: "`GatewaySuite`, `ChannelSuite`",
}


def table() -> str:
    lines, seen = ["| check | level | promise |", "|---|---|---|"], set[tuple[type, str]]()
    groups: tuple[type[PluginSuite], ...] = (PluginSuite, CallSuite, *SUITES[1:5], WebhookSuite, *SUITES[5:])
    for suite in groups:
        lines.append(f"| **{GROUPS.get(suite, f'`{suite.__name__}`')}** | | |")
        for check in checks_of(suite):
            home = next(base for base in suite.__mro__ if f"test_{check.name}" in vars(base))
            if home is suite and (home, check.name) not in seen:
                seen.add((home, check.name))
                lines.append(f"| {check.name} | {level(check)} | {check.promise} |")
    return "\n".join(lines)


def level(check: Check) -> str:
    if check.capability:
        return f"capability `{check.capability}`"
    return f"{check.level}, with a vendor" if check.needs_vendor else check.level


def test_the_readme_has_the_table_of_checks() -> None:
    assert table() in README.read_text(encoding="utf-8"), f"the table is now:\n{table()}"


@pytest.mark.parametrize("suite", SUITES, ids=lambda suite: suite.__name__)
def test_every_check_says_what_it_promises(suite: type[PluginSuite]) -> None:
    assert all(check.promise.endswith(".") for check in checks_of(suite))
    assert f"`{suite.__name__}`" in README.read_text(encoding="utf-8")
