"""What an installation remembers of its plugins after the first start, found out once for a whole test run.

In a new data folder every plugin is tried in a process of its own, which takes more than a second and says
the same each time. Tests that are about something else begin where a second start does.
"""

from __future__ import annotations

import fcntl
import shutil
from pathlib import Path

from tests.support.program import run


class KnownPlugins:
    """The verdicts on the installed plugins, in a folder that all workers share and none changes."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def put(self, data_dir: Path) -> None:
        """Let an installation with this data folder know the plugins, as if it had been started before."""
        shutil.copytree(self._known(), data_dir / "plugins", dirs_exist_ok=True)

    def _known(self) -> Path:
        known = self._folder / "known"
        if known.exists():
            return known
        self._folder.mkdir(exist_ok=True)
        with (self._folder / "lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)  # held until it is closed
            if not known.exists():
                ended = run("plugins", "list", cwd=self._folder)
                assert ended.returncode == 0, ended.stdout + ended.stderr
                (self._folder / "data" / "plugins").rename(known)
        return known
