"""Turning a template into the folder of a plugin."""

from __future__ import annotations

import keyword
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib import resources
from importlib.resources.abc import Traversable
from pathlib import Path
from string import Template as Text

from csai.config import ConfigError
from csai.scaffold.kind import TEMPLATES, Kind

MAX_NAME_CHARS = 30
_NAME = re.compile(r"[a-z][a-z0-9]*([_-][a-z0-9]+)*")
_ENDING = ".tmpl"
_RESTART = "Servers that run already take it in at their next start."
_SWITCHED = f"""{_RESTART} Then it is switched on for a client, without a restart:

```sh
csai client plugin "Your Shop" $id --on
```"""


@dataclass(frozen=True, slots=True)
class Names:
    """What a new plugin and its parts are called."""

    id: str
    distribution: str
    package: str

    @classmethod
    def of(cls, kind: Kind, name: str) -> Names:
        """Raises `ConfigError`, which says what a name looks like."""
        check_name(name)
        plugin_id, prefix = name.replace("-", "_"), TEMPLATES[kind].prefix
        slug = plugin_id.replace("_", "-")
        return cls(plugin_id, f"csai-{prefix}-{slug}", f"csai_{prefix}_{plugin_id}")


def check_name(name: str) -> None:
    shown = name[:64]
    if name.startswith(("csai-", "csai_")):
        raise ConfigError(
            f"'{shown}': give the plugin's own name alone; what begins with csai is added to it"
        )
    if not _NAME.fullmatch(name):
        raise ConfigError(
            f"'{shown}' cannot name a plugin: use small letters, digits and single - or _ between them, "
            "a letter first, such as order_status"
        )
    if len(name) > MAX_NAME_CHARS:
        raise ConfigError(
            f"'{shown}' is too long: a new plugin's name has at most {MAX_NAME_CHARS} characters"
        )
    if keyword.iskeyword(name):
        raise ConfigError(f"'{shown}' is a word of Python: choose another name")


def render(kind: Kind, names: Names, folder: Path) -> list[Path]:
    """Write the plugin into `folder`, which must not be there yet; what was written, relative to it."""
    written = {
        Path(path.replace("PACKAGE", names.package)): text
        for path, text in _texts(kind, _values(kind, names))
    }
    try:
        folder.mkdir(parents=True)
        for path, text in written.items():
            target = folder / path
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(text, encoding="utf-8")
    except FileExistsError:
        raise ConfigError(
            f"{folder} is there already, and nothing is overwritten: choose another --into"
        ) from None
    except OSError as error:
        raise ConfigError(f"{folder} cannot be written: {error.strerror}") from None
    return sorted(written)


def _values(kind: Kind, names: Names) -> Mapping[str, str]:
    template = TEMPLATES[kind]
    own = {
        "id": names.id,
        "slug": names.id.replace("_", "-"),
        "title": names.id.replace("_", " ").capitalize(),
        "function": f"look_up_{names.id}",
        "ENV": names.id.upper(),
        "distribution": names.distribution,
        "package": names.package,
        "kind": kind.value,
        "dependencies": "".join(f', "{each}"' for each in template.dependencies),
    }
    switched = _SWITCHED if template.is_switched else _RESTART
    setup = _root().joinpath(f"setup.md{_ENDING}").read_text(encoding="utf-8")
    return {**own, "setup": Text(setup).substitute(own, switched=Text(switched).substitute(own)).rstrip("\n")}


def _texts(kind: Kind, values: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    for layer in ("common", *TEMPLATES[kind].layers):
        for path, text in _files(_root() / "templates" / layer):
            name = path.removesuffix(_ENDING)
            yield (".gitignore" if name == "gitignore" else name), Text(text).substitute(values)


def _files(folder: Traversable, under: str = "") -> Iterator[tuple[str, str]]:
    for item in folder.iterdir():
        if item.is_dir():
            yield from _files(item, f"{under}{item.name}/")
        elif item.name.endswith(_ENDING):
            yield f"{under}{item.name}", item.read_text(encoding="utf-8")


def _root() -> Traversable:
    return resources.files("csai.scaffold")
