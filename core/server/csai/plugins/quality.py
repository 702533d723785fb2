"""How good an installed plugin is: *listed* by what can be seen of it, *verified* by its conformance tests.

Nothing of a plugin is imported here. csai-testkit loads it in a process of its own, and so does the server's
registry.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from importlib.metadata import EntryPoint, PackageMetadata
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Literal
from urllib.parse import unquote, urlsplit

from packaging.requirements import InvalidRequirement, Requirement

Tier = Literal["listed", "verified"]
State = Literal["ok", "failed", "skipped"]

IMPORT_LIMIT_S = 2.0
_LOAD_TIMEOUT_S = 120.0
_ID = re.compile(r"[a-z0-9_-]{1,50}")
_NO_TESTKIT = "install csai-testkit beside the server: it loads the plugin and looks on"
_REGISTRY = """
import json, sys
from csai.plugins.registry import PluginRegistry
registry = PluginRegistry.load(sys.argv[1:])
print(json.dumps({name: entry.cause for name, entry in registry.quarantined.items()}))
"""


@dataclass(frozen=True, slots=True)
class Result:
    """One check. `remedy` is empty where there is nothing to do."""

    tier: Tier
    check: str
    state: State
    reason: str = ""
    remedy: str = ""


@dataclass(slots=True)
class Subject:
    """A plugin under examination. `loaded` is what csai-testkit's probe saw, where that is installed."""

    point: EntryPoint
    folder: Path | None
    loaded: Mapping[str, Any] | None = None
    results: list[Result] = field(default_factory=list)

    def reaches(self, tier: Tier) -> bool:
        mine = [result for result in self.results if tier == "verified" or result.tier == "listed"]
        return bool(mine) and all(result.state != "failed" for result in mine)

    def judge(self, tier: Tier, check: str, fault: str, remedy: str) -> None:
        """Note a check, which failed where there is a fault."""
        state: State = "failed" if fault else "ok"
        self.results.append(Result(tier, check, state, fault, remedy if fault else ""))


def source_folder(point: EntryPoint) -> Path | None:
    """Where the sources of a distribution are that is installed in editable mode."""
    text = point.dist.read_text("direct_url.json") if point.dist else None
    if not text:
        return None
    url = json.loads(text)
    is_editable = url.get("dir_info", {}).get("editable", False)
    return Path(unquote(urlsplit(url["url"]).path)) if is_editable else None


def examine_listing(subjects: Sequence[Subject]) -> None:
    """Do the checks of the tier `listed`, for all at once: starting processes is what takes the time."""
    for subject, loaded in zip(subjects, _probe([item.point.value for item in subjects]), strict=True):
        subject.loaded = loaded
    loadable = [item.point.name for item in subjects if item.loaded and not item.loaded["error"]]
    refused = _refused_by_the_server(loadable)
    for subject in subjects:
        _examine_package(subject)
        if subject.loaded is None:
            subject.judge("listed", "loads", "csai-testkit is not installed", _NO_TESTKIT)
            continue
        _examine_loading(subject, subject.loaded, refused.get(subject.point.name, ""))


def _probe(targets: Sequence[str]) -> list[Mapping[str, Any] | None]:
    if find_spec("csai_testkit") is None:
        return [None] * len(targets)
    ended = subprocess.run(
        [sys.executable, "-m", "csai_testkit.probe"],
        input="".join(f"{target}\n" for target in targets),
        capture_output=True,
        text=True,
        timeout=_LOAD_TIMEOUT_S * max(1, len(targets)),
        check=True,
    )
    return [json.loads(line) for line in ended.stdout.splitlines()]


def _refused_by_the_server(names: Sequence[str]) -> Mapping[str, str]:
    """Why the registry keeps plugins out, by their names. None of them hangs or exits: they were probed."""
    if not names:
        return {}
    ended = subprocess.run(
        [sys.executable, "-c", _REGISTRY, *names],
        capture_output=True,
        text=True,
        timeout=_LOAD_TIMEOUT_S,
        check=False,
    )
    if ended.returncode != 0:
        return dict.fromkeys(names, "the server's registry ended while it loaded the plugins")
    causes: dict[str, str] = json.loads(ended.stdout.splitlines()[-1])  # the log may stand before it
    return causes


def _examine_package(subject: Subject) -> None:
    point = subject.point
    named = "" if _ID.fullmatch(point.name) else f"the entry point's name is {point.name!r}"
    subject.judge("listed", "entry point", named, "use 1 to 50 of the characters a-z 0-9 _ -")
    if point.dist is None:
        subject.judge("listed", "distribution", "the entry point has none", "install the plugin with pip")
        return
    for check, fault, remedy in _metadata_faults(point.dist.metadata, point.dist.requires or []):
        subject.judge("listed", check, fault, remedy)
    top = point.value.partition(":")[0].partition(".")[0]
    spec = find_spec(top)
    if spec is not None and not spec.submodule_search_locations:
        single = "a single module has no place for py.typed"
        subject.results.append(Result("listed", "typed", "skipped", single))
        return
    places = list(spec.submodule_search_locations or ()) if spec is not None else []
    typed = any(Path(place, "py.typed").is_file() for place in places)
    subject.judge("listed", "typed", "" if typed else "the package has no py.typed", f"add {top}/py.typed")


def _metadata_faults(metadata: PackageMetadata, requires: Sequence[str]) -> Iterator[tuple[str, str, str]]:
    given = {name.lower() for name in metadata}
    classifiers = metadata.get_all("Classifier") or []
    has_licence = bool({"license", "license-expression", "license-file"} & given) or any(
        text.startswith("License ::") for text in classifiers
    )
    for check, is_there, entry in (
        ("description", "summary" in given, 'description = "..."'),
        ("licence", has_licence, 'license = "..." (an SPDX expression)'),
        ("requires-python", "requires-python" in given, 'requires-python = ">=3.11"'),
    ):
        yield check, "" if is_there else "the metadata lacks it", f"put {entry} into pyproject.toml"
    yield "csai-sdk", _sdk_fault(requires), 'depend on a range, such as "csai-sdk>=0.1,<1"'


def _sdk_fault(requires: Sequence[str]) -> str:
    for text in requires:
        try:
            requirement = Requirement(text)
        except InvalidRequirement:
            continue
        if requirement.name.lower().replace("_", "-") == "csai-sdk":
            operators = {part.operator for part in requirement.specifier}
            is_range = bool(operators & {">=", ">"} and operators & {"<", "<="}) or bool(
                operators & {"~=", "=="}
            )
            return "" if is_range else f"'{text}' says not from which to which version"
    return "the distribution does not depend on it"


def _examine_loading(subject: Subject, loaded: Mapping[str, Any], refused: str) -> None:
    left = [change for change in loaded["changed"] if change.startswith("a thread")]
    changed = [change for change in loaded["changed"] if change not in left]
    slow = loaded["cpu_s"] > IMPORT_LIMIT_S
    too_slow = f"importing takes {loaded['cpu_s']:.1f} s of processor time" if slow else ""
    subject.judge("listed", "loads", loaded["error"], "mend it; `csai plugins doctor` tells more")
    subject.judge(
        "listed",
        "loads without I/O",
        "; ".join([*loaded["import_io"], *loaded["registration_io"], *left]),
        "do it at the first call",
    )
    subject.judge("listed", "loads quickly", too_slow, "load slow libraries with csai_sdk.load_module")
    if loaded["error"]:
        return
    again = (
        [] if loaded["parts"] == loaded["parts_again"] else ["it registers something else the second time"]
    )
    fault = "; ".join([*([refused] if refused else []), *changed, *again])
    subject.judge("listed", "registration", fault, "see csai_sdk.hookspecs for what each hook may do")
    faults = "; ".join(loaded["settings_faults"])
    subject.judge("listed", "settings", faults, "describe every field of the settings model")
