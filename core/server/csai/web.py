"""Serving the files that plugins bring: the widget, the demo page, the dashboard."""

from __future__ import annotations

import hashlib
import re
from functools import lru_cache
from mimetypes import guess_type
from pathlib import Path

from csai_sdk import WebFiles
from fastapi import FastAPI
from starlette.requests import Request
from starlette.responses import FileResponse, RedirectResponse, Response

from csai.kit.precondition import known_tags
from csai.kit.problem import Problem, not_found
from csai.plugins.registry import PluginRegistry

_HASHED = re.compile(r"[.-][0-9a-zA-Z_-]{8,}\.\w+(\.map)?$")
IMMUTABLE = "public, max-age=31536000, immutable"
ENCODINGS = {"br": ".br", "gzip": ".gz"}
PUBLIC = {
    "Access-Control-Allow-Origin": "*",
    "Cross-Origin-Resource-Policy": "cross-origin",
    "Timing-Allow-Origin": "*",
}


def mount_web_files(app: FastAPI, registry: PluginRegistry) -> None:
    """Add a route for everything plugins registered with `register_web`."""
    for plugin in registry.plugins.values():
        for files in plugin.web:
            if files.folder.is_dir():
                _add_folder(app, files)
            else:
                _add_file(app, files)


def _add_file(app: FastAPI, files: WebFiles) -> None:
    async def serve(request: Request) -> Response:
        if not files.folder.is_file():
            raise _missing(files)
        return _answer(request, files.folder, files)

    app.add_api_route(files.path, serve, methods=["GET", "HEAD"], include_in_schema=False)


def _add_folder(app: FastAPI, files: WebFiles) -> None:
    path, folder = files.path.rstrip("/"), files.folder.resolve()

    async def root(request: Request) -> Response:
        return RedirectResponse(str(request.url.replace(path=f"{path}/")))

    async def serve(request: Request, name: str) -> Response:
        file = _within(folder, name or "index.html")
        if file is not None:
            return _answer(request, file, files)
        is_page = files.is_app and not _HASHED.search(name)  # a file of another build is missing, not a page
        if is_page and (folder / "index.html").is_file():
            return _answer(request, folder / "index.html", files)
        raise _missing(files)

    app.add_api_route(path, root, methods=["GET", "HEAD"], include_in_schema=False)
    app.add_api_route(f"{path}/{{name:path}}", serve, methods=["GET", "HEAD"], include_in_schema=False)


def _within(folder: Path, name: str) -> Path | None:
    """The file of that name, if there is one and it lies in the folder."""
    try:
        file = (folder / name).resolve()
        return file if file.is_relative_to(folder) and file.is_file() else None
    except (OSError, ValueError):
        return None  # A name that no file system takes: too long, or with NUL in it.


def _missing(files: WebFiles) -> Problem:
    """While servers are upgraded one by one, one may miss what the next has: nobody is to keep that."""
    problem = not_found("page")
    problem.headers |= {"Cache-Control": "no-store", **(PUBLIC if files.is_public else {})}
    return problem


def _answer(request: Request, file: Path, files: WebFiles) -> Response:
    max_age = f"public, max-age={files.max_age_s}" if files.max_age_s else "no-cache"
    headers = {
        **files.headers,
        "Cache-Control": IMMUTABLE if _HASHED.search(file.name) else max_age,
        "Vary": "Accept-Encoding",
        **(PUBLIC if files.is_public else {}),
    }
    sent = file
    for encoding in _taken(request):
        compressed = file.with_name(file.name + ENCODINGS[encoding])
        if compressed.is_file() and not compressed.is_symlink():
            sent, headers["Content-Encoding"] = compressed, encoding
            break
    stat = sent.stat()
    headers["ETag"] = _etag(sent, stat.st_mtime_ns, stat.st_size)
    if known_tags(request) & {headers["ETag"], "*"}:
        return Response(status_code=304, headers=headers)
    return FileResponse(sent, headers=headers, media_type=guess_type(file.name)[0], stat_result=stat)


def _taken(request: Request) -> list[str]:
    """The encodings that files are compressed in, among those that the browser takes; the smallest first."""
    accepted = dict(_weighed(part) for part in request.headers.get("accept-encoding", "").split(","))
    return [encoding for encoding in ENCODINGS if accepted.get(encoding, False)]


def _weighed(part: str) -> tuple[str, bool]:
    name, _, weight = part.replace(" ", "").lower().partition(";q=")
    return name, not re.fullmatch(r"0(\.0*)?", weight)


@lru_cache(maxsize=1024)
def _etag(file: Path, changed_ns: int, size_bytes: int) -> str:
    """Of the content, so that every server of an installation says the same."""
    digest = hashlib.sha256(file.read_bytes()).hexdigest()
    return f'"{digest[:32]}"'
