"""Write requirements.txt: what the workspace and its dev group need, with versions and without hosts.

Versions already pinned stay as they are unless --upgrade is given, or the new requirements exclude them.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PINS = ROOT / "requirements.txt"
HEADER = "# Made by `make pins` from the pyproject.toml files; `make pins UPGRADE=1` takes newer versions.\n"


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        resolved = Path(folder) / "requirements.txt"
        if PINS.exists():
            resolved.write_text(PINS.read_text())
        command = [
            *(str(ROOT / ".venv" / "bin" / "uv"), "pip", "compile", "--quiet", "--universal"),
            *("--python-version", "3.11", "--group", "dev", "--no-header", "--no-annotate"),
            *("--output-file", str(resolved), *sys.argv[1:], "pyproject.toml"),
        ]
        subprocess.run(command, cwd=ROOT, check=True, timeout=600)
        lines = resolved.read_text().splitlines()
    pinned = [line for line in lines if not line.startswith(("#", "-e "))]
    PINS.write_text(HEADER + "".join(f"{line}\n" for line in pinned))


if __name__ == "__main__":
    main()
