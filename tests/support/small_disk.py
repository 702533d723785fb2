"""A disk of a few megabytes that a test fills, with one database on it."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Protocol

import psycopg

SIZE_MB = 48


class Disk(Protocol):
    """Where no room can be had, and then again."""

    def fill(self) -> None: ...
    def free(self) -> None: ...


@contextmanager
def small_disk(folder: Path, libpq_url: str) -> Iterator[tuple[str, Disk]]:
    """The url of an empty database, on a disk of its own where this machine lets one be mounted.

    Elsewhere a trigger says what PostgreSQL would say.
    """
    folder.mkdir()
    with ExitStack() as afterwards:
        admin = afterwards.enter_context(psycopg.connect(libpq_url, autocommit=True))
        is_mounted = _mount(folder)
        if is_mounted:
            afterwards.callback(_unmount, folder)
            tables = folder / "tables"
            tables.mkdir(mode=0o700)
            owner = Path(str(admin.execute("SHOW data_directory").fetchall()[0][0])).stat()
            os.chown(tables, owner.st_uid, owner.st_gid)
            admin.execute(f"CREATE TABLESPACE small LOCATION '{tables}'")
            afterwards.callback(admin.execute, "DROP TABLESPACE small")
        admin.execute(f"CREATE DATABASE small {'TABLESPACE small' if is_mounted else ''}")
        afterwards.callback(admin.execute, "DROP DATABASE small WITH (FORCE)")
        url = libpq_url.replace("/postgres?", "/small?")
        yield url, _Tmpfs(folder) if is_mounted else _Trigger(url)


class _Tmpfs:
    def __init__(self, folder: Path) -> None:
        self._filler = folder / "filler"

    def fill(self) -> None:
        with suppress(OSError), self._filler.open("wb", buffering=0) as file:
            while True:
                file.write(bytes(4096))

    def free(self) -> None:
        self._filler.unlink()


class _Trigger:
    def __init__(self, libpq_url: str) -> None:
        self._url = libpq_url

    def fill(self) -> None:
        with psycopg.connect(self._url) as connection:
            connection.execute(
                "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS "
                "$$ BEGIN RAISE 'no room' USING ERRCODE = 'disk_full'; END $$"
            )
            connection.execute("CREATE TRIGGER refuse BEFORE INSERT ON messages EXECUTE FUNCTION refuse()")

    def free(self) -> None:
        with psycopg.connect(self._url) as connection:
            connection.execute("DROP FUNCTION refuse CASCADE")


def _mount(folder: Path) -> bool:
    command = ["mount", "-t", "tmpfs", "-o", f"size={SIZE_MB}m,mode=0755", "tmpfs", str(folder)]
    try:
        return subprocess.run(command, capture_output=True, check=False).returncode == 0
    except OSError:
        return False


def _unmount(folder: Path) -> None:
    subprocess.run(["umount", "--lazy", folder], check=True)
