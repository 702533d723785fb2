"""Serving the files that plugins bring: the widget, the demo page, the dashboard."""

from __future__ import annotations

import re
from pathlib import Path

from fastapi import FastAPI
from starlette.requests import Request
from starlette.responses import FileResponse, RedirectResponse, Response

from csai.kit.problem import not_found
from csai.plugins.registry import PluginRegistry

_HASHED = re.compile(r"[.-][0-9a-zA-Z_-]{8,}\.\w+$")
IMMUTABLE = "public, max-age=31536000, immutable"


def mount_web_files(app: FastAPI, registry: PluginRegistry) -> None:
    """Add a route for everything plugins registered with `register_web`."""
    for plugin in registry.plugins.values():
        for files in plugin.web:
            if files.folder.is_dir():
                _add_folder(app, files.path.rstrip("/"), files.folder.resolve(), is_app=files.is_app)
            else:
                _add_file(app, files.path, files.folder)


def _add_file(app: FastAPI, path: str, file: Path) -> None:
    async def serve() -> Response:
        return _answer(file)

    app.add_api_route(path, serve, methods=["GET", "HEAD"], include_in_schema=False)


def _add_folder(app: FastAPI, path: str, folder: Path, *, is_app: bool) -> None:
    async def root(request: Request) -> Response:
        return RedirectResponse(str(request.url.replace(path=f"{path}/")))

    async def serve(name: str) -> Response:
        file = _within(folder, name or "index.html")
        if file is not None:
            return _answer(file)
        if is_app and (folder / "index.html").is_file():
            return _answer(folder / "index.html")
        raise not_found("page")

    app.add_api_route(path, root, methods=["GET", "HEAD"], include_in_schema=False)
    app.add_api_route(f"{path}/{{name:path}}", serve, methods=["GET", "HEAD"], include_in_schema=False)


def _within(folder: Path, name: str) -> Path | None:
    """The file of that name, if there is one and it lies in the folder."""
    try:
        file = (folder / name).resolve()
        return file if file.is_relative_to(folder) and file.is_file() else None
    except (OSError, ValueError):
        return None  # A name that no file system takes: too long, or with NUL in it.


def _answer(file: Path) -> Response:
    if not file.is_file():
        raise not_found("page")
    return FileResponse(
        file, headers={"Cache-Control": IMMUTABLE if _HASHED.search(file.name) else "no-cache"}
    )
