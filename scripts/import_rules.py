"""A contract for import-linter: a distribution imports only what its own pyproject.toml declares."""

from __future__ import annotations

import re
import sys
import tomllib
from collections.abc import Iterable
from importlib.metadata import packages_distributions
from importlib.util import find_spec
from pathlib import Path

from grimp import ImportGraph
from importlinter import Contract, ContractCheck, fields, output


class DeclaredImports(Contract):
    """What pip would not install along with a package is not there to import on somebody else's machine."""

    type_name = "declared_imports"
    packages = fields.SetField(subfield=fields.StringField())

    def check(self, graph: ImportGraph, verbose: bool) -> ContractCheck:
        undeclared = {
            f"{importer} imports {imported}"
            for package in self.packages  # type: ignore[attr-defined]
            for importer, imported in undeclared_imports(graph, str(package))
        }
        return ContractCheck(kept=not undeclared, metadata={"undeclared": sorted(undeclared)})

    def render_broken_contract(self, check: ContractCheck) -> None:
        for line in check.metadata["undeclared"]:
            output.print_error(f"{line}, which its pyproject.toml does not declare")


def undeclared_imports(graph: ImportGraph, package: str) -> Iterable[tuple[str, str]]:
    allowed = {package} | importable(declared(package))
    for importer in {package} | graph.find_descendants(package):
        for imported in graph.find_modules_directly_imported_by(importer):
            top = imported.partition(".")[0]
            if top not in allowed and top not in sys.stdlib_module_names:
                yield importer, imported


def declared(package: str) -> set[str]:
    spec = find_spec(package)
    if spec is None or spec.origin is None:
        raise LookupError(f"{package} is not installed: run make setup")
    project = tomllib.loads((Path(spec.origin).parents[1] / "pyproject.toml").read_text())["project"]
    names = (re.match(r"[\w.-]+", line) for line in project.get("dependencies", []))
    return {normalised(found.group()) for found in names if found}


def importable(distributions: set[str]) -> set[str]:
    """The top-level modules that these distributions hold."""
    return {
        module
        for module, holders in packages_distributions().items()
        if distributions & {normalised(holder) for holder in holders}
    } | {name.replace("-", "_") for name in distributions}


def normalised(distribution: str) -> str:
    return re.sub(r"[-_.]+", "-", distribution).lower()
