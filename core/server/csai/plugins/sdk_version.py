"""Whether a plugin was made for the SDK that is installed, by its metadata alone."""

from __future__ import annotations

from functools import cache
from importlib import metadata
from importlib.metadata import Distribution

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name

SDK = "csai-sdk"


@cache
def installed_sdk() -> str:
    return metadata.version(SDK)


def wrong_sdk(distribution: Distribution) -> str | None:
    """Which SDK it needs instead of the one that is there; None where that one will do."""
    for text in distribution.requires or ():
        # Cheap for the many that are not it.
        if not text.lower().replace("_", "-").replace(".", "-").startswith(SDK):
            continue
        try:
            needed = Requirement(text)
        except InvalidRequirement:
            continue
        is_meant = canonicalize_name(needed.name) == SDK and (
            needed.marker is None or needed.marker.evaluate({"extra": ""})
        )
        if is_meant and not needed.specifier.contains(installed_sdk(), prereleases=True):
            return f"{SDK} {needed.specifier}"
    return None
