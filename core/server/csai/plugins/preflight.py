"""What installing a plugin would do to this environment, and why it is refused where that is no good."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from importlib import metadata
from importlib.metadata import Distribution, PackageNotFoundError
from pathlib import Path

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name

from csai.plugins.discovery import GROUP, distribution_of, entry_points
from csai.plugins.sdk_version import SDK, installed_sdk, wrong_sdk
from csai.plugins.uv import Change, Uv, UvFailed

CORE = "csai"


class Refused(Exception):
    """The plugin is not to be installed; nothing was changed."""

    def __init__(self, cause: str, remedy: str) -> None:
        super().__init__(f"{cause}. {remedy}")
        self.cause = cause
        self.remedy = remedy


@dataclass(frozen=True, slots=True)
class Plan:
    """What would be installed. `requirement` is what to hand to uv for exactly this."""

    requirement: tuple[str, ...]
    distribution: str
    version: str
    plugins: tuple[str, ...]
    changes: tuple[Change, ...]


def core_versions() -> dict[str, str]:
    """The server's distributions and all that they need, as they are installed."""
    found: dict[str, str] = {}
    waiting: list[tuple[str, frozenset[str]]] = [(CORE, frozenset())]
    seen: set[tuple[str, frozenset[str]]] = set()
    while waiting:
        name, extras = waiting.pop()
        if (name, extras) in seen:
            continue
        seen.add((name, extras))
        try:
            distribution = metadata.distribution(name)
        except PackageNotFoundError:
            continue  # a dependency of another platform's, or of an extra that nobody asked for
        found[name] = distribution.version
        waiting += [
            (canonicalize_name(needed.name), frozenset(needed.extras))
            for needed in _requirements(distribution, extras)
        ]
    return found


def preflight(uv: Uv, wanted: str, *, is_editable: bool = False, is_upgrade: bool = False) -> Plan:
    """Look at everything and change nothing. Raises `Refused`."""
    core = core_versions()
    requirement = _Requirement.of(wanted, is_editable=is_editable, is_upgrade=is_upgrade)
    with tempfile.TemporaryDirectory() as place:
        try:
            changes = uv.plan(requirement.for_uv(), core)
        except UvFailed as error:
            raise _why_not(uv, requirement, core, Path(place), str(error)) from None
        try:
            distribution = requirement.distribution(uv, changes, Path(place))
        except UvFailed as error:
            raise Refused(f"uv cannot fetch {wanted}: {error}", "Is its name right?") from None
        name, version = canonicalize_name(distribution.name), distribution.version
        plugins = _check_plugin(distribution)
    changes = [
        replace(change, after=version) if change.name == name and change.after == "?" else change
        for change in changes
    ]
    _check_others(changes, name)
    exact = requirement.for_uv(None if requirement.is_path else version)
    return Plan(tuple(exact), name, version, plugins, tuple(changes))


@dataclass(frozen=True, slots=True)
class _Requirement:
    """What the operator named: a package of an index, or a wheel, folder or address."""

    text: str
    name: str
    """Empty for a path or address, whose name is not known before it is looked at."""
    is_editable: bool
    is_upgrade: bool

    @classmethod
    def of(cls, text: str, *, is_editable: bool, is_upgrade: bool) -> _Requirement:
        name = ""
        if not Path(text).exists() and not is_editable:
            try:
                parsed = Requirement(text)
            except InvalidRequirement:
                raise Refused(
                    f"'{text[:100]}' is neither a package's name nor a wheel or folder that is there",
                    "Name a package, such as csai-tool-n8n, or a path.",
                ) from None
            name = "" if parsed.url else canonicalize_name(parsed.name)
        elif not Path(text).exists():
            raise Refused(
                f"there is no folder {text[:100]}", "Name the folder that holds its pyproject.toml."
            )
        return cls(text, name, is_editable, is_upgrade)

    @property
    def is_path(self) -> bool:
        return not self.name

    def for_uv(self, version: str | None = None) -> list[str]:
        if self.is_editable:
            return ["--editable", self.text]
        # Without `./`, a folder that is named like a package would be looked for on the index.
        there = str(Path(self.text).resolve()) if Path(self.text).exists() and self.is_path else self.text
        upgrade = ["--upgrade-package", self.name] if self.is_upgrade and self.name else []
        return [*upgrade, f"{self.name}=={version}" if version else there]

    def distribution(self, uv: Uv, changes: Sequence[Change], place: Path) -> Distribution:
        """Its metadata: that of the installed one where it stays, else of what would come."""
        if self.is_path:
            return uv.fetch(str(Path(self.text).resolve()) if Path(self.text).exists() else self.text, place)
        coming = next((change.after for change in changes if change.name == self.name), None)
        return (
            metadata.distribution(self.name) if coming is None else uv.fetch(f"{self.name}=={coming}", place)
        )

    def newest(self, uv: Uv, place: Path) -> Distribution:
        """That of the newest, whether or not it fits."""
        return uv.fetch(self.text, place) if self.name else self.distribution(uv, (), place)


def _why_not(uv: Uv, requirement: _Requirement, core: Mapping[str, str], place: Path, said: str) -> Refused:
    """The reason why there is no way with the core as it is."""
    try:
        without = uv.plan(requirement.for_uv(), {})
        moved = [change for change in without if change.name in core]
    except UvFailed:
        moved = []
    if not moved or any(change.name == SDK for change in moved):
        try:
            _check_sdk(requirement.newest(uv, place))
        except Refused as refused:
            return refused
        except UvFailed:
            pass  # what it said first tells more
    if moved:
        told = ", ".join(f"{item.name} from {item.before} to {item.after}" for item in moved)
        return Refused(
            f"it would move {told}, which csai needs as it is",
            "Ask its author for a release that goes with these versions.",
        )
    return Refused(f"uv finds no way to install it: {said}", "Is its name right, and the index within reach?")


def _check_plugin(distribution: Distribution) -> tuple[str, ...]:
    """The ids of the plugins in it. Raises `Refused`."""
    points = distribution.entry_points.select(group=GROUP)
    if not points:
        raise Refused(
            f"{distribution.name} {distribution.version} is no csai plugin: it has no entry point in {GROUP}",
            "Is its name right?",
        )
    _check_sdk(distribution)
    ids = tuple(sorted({point.name for point in points}))
    own = canonicalize_name(distribution.name)
    for point in entry_points():
        owner, _version = distribution_of(point)
        if point.name in ids and canonicalize_name(owner) != own:
            raise Refused(
                f"its plugin '{point.name}' has the id of {owner}, which is installed: neither would be used",
                f"To have this one instead: csai plugins uninstall {point.name}",
            )
    return ids


def _check_sdk(distribution: Distribution) -> None:
    needed = wrong_sdk(distribution)
    if needed is not None:
        raise Refused(
            f"{distribution.name} {distribution.version} needs {needed}, "
            f"and {SDK} {installed_sdk()} is installed",
            "Install a version of it that is made for this SDK, or the csai that it was made for.",
        )


def _check_others(changes: Sequence[Change], own: str) -> None:
    """Refuse what would leave another plugin without what it needs: uv looks at what it installs alone."""
    coming = {change.name: change.after for change in changes if change.before and change.after}
    for name in sorted({distribution_of(point)[0] for point in entry_points()}):
        if canonicalize_name(name) == own:
            continue
        for needed in _requirements(metadata.distribution(name), frozenset()):
            version = coming.get(canonicalize_name(needed.name))
            if version and version != "?" and not needed.specifier.contains(version, prereleases=True):
                raise Refused(
                    f"it would bring {needed.name} {version}, and the installed {name} needs {needed}",
                    f"Uninstall that first, or ask the author for a release that goes with {name}.",
                )


def _requirements(distribution: Distribution, extras: frozenset[str]) -> Iterator[Requirement]:
    """What it needs here, with these extras of its own."""
    for text in distribution.requires or ():
        try:
            needed = Requirement(text)
        except InvalidRequirement:
            continue
        marker = needed.marker
        if marker is None or any(marker.evaluate({"extra": extra}) for extra in ("", *extras)):
            yield needed
