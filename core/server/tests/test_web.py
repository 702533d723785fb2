"""Files that plugins serve: what is there, and nothing beside it."""

from __future__ import annotations

import gzip
import os
from pathlib import Path

import pytest
from csai_sdk import WebFiles, hookimpl

from tests.support.server import Server, ServerFactory


class Pages:
    """A plugin with a folder of pages, and a secret next to it."""

    def __init__(self, parent: Path, *, max_age_s: int = 0, is_public: bool = False) -> None:
        self._files = WebFiles("/pages", parent / "pages", max_age_s=max_age_s, is_public=is_public)
        (parent / "pages").mkdir()
        (parent / "pages" / "index.html").write_text("a page")
        (parent / "pages" / "link").symlink_to(parent / "secret.txt")
        (parent / "pages" / "app.js").write_text("plain()")
        (parent / "pages" / "app.js.gz").write_bytes(gzip.compress(b"plain()"))
        (parent / "pages" / "app-0123456789ab.js").write_text("hashed()")
        (parent / "secret.txt").write_text("a secret")

    @hookimpl
    def register_web(self) -> list[WebFiles]:
        return [self._files]


@pytest.fixture
async def server(make_server: ServerFactory, tmp_path: Path) -> Server:
    return await make_server(plugins={"pages": Pages(tmp_path)})


async def test_a_folder_answers_with_its_first_page(server: Server) -> None:
    page = await server.http.get("/pages/")

    assert (page.status_code, page.text) == (200, "a page")


@pytest.mark.parametrize(
    "name",
    ["..%2fsecret.txt", "%2e%2e/secret.txt", "%2fetc%2fpasswd", "link", "..%5csecret.txt", "%00", "a" * 300],
)
async def test_a_name_that_leaves_the_folder_or_cannot_be_is_not_found(server: Server, name: str) -> None:
    refused = await server.http.get(f"/pages/{name}")

    assert refused.status_code == 404
    assert refused.json()["code"] == "not_found"


async def test_what_is_hashed_is_kept_for_a_year_and_the_rest_asked_for_again(server: Server) -> None:
    hashed = await server.http.get("/pages/app-0123456789ab.js")
    page = await server.http.get("/pages/app.js")

    assert hashed.headers["cache-control"] == "public, max-age=31536000, immutable"
    assert page.headers["cache-control"] == "no-cache"


async def test_an_unchanged_file_is_not_sent_again(server: Server, tmp_path: Path) -> None:
    first = await server.http.get("/pages/app.js")
    tag = first.headers["etag"]
    again = await server.http.get("/pages/app.js", headers={"If-None-Match": f'"other", W/{tag}'})
    (tmp_path / "pages" / "app.js.gz").write_bytes(gzip.compress(b"changed()"))
    changed = await server.http.get("/pages/app.js", headers={"If-None-Match": tag})

    assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", tag)
    assert (changed.status_code, changed.text) == (200, "changed()")


async def test_the_tag_is_of_the_content_so_that_all_servers_say_the_same(
    server: Server, tmp_path: Path
) -> None:
    tags = []
    for changed_at in (1, 2):
        os.utime(tmp_path / "pages" / "index.html", (changed_at, changed_at))
        tags.append((await server.http.get("/pages/")).headers["etag"])

    assert tags[0] == tags[1]


@pytest.mark.parametrize(
    ("accepted", "encoding"),
    [
        ("gzip, deflate, br", "gzip"),
        ("GZIP;q=0.5", "gzip"),
        ("gzip;q=0", None),
        ("identity", None),
        ("", None),
    ],
)
async def test_a_compressed_form_goes_to_who_takes_it(
    server: Server, accepted: str, encoding: str | None
) -> None:
    answer = await server.http.get("/pages/app.js", headers={"Accept-Encoding": accepted})

    assert answer.headers.get("content-encoding") == encoding
    assert answer.text == "plain()"
    assert "javascript" in answer.headers["content-type"]
    assert "Accept-Encoding" in answer.headers["vary"]


async def test_pages_of_every_origin_may_load_what_is_public(
    make_server: ServerFactory, tmp_path: Path
) -> None:
    server = await make_server(plugins={"pages": Pages(tmp_path, max_age_s=300, is_public=True)})
    headers = {"Origin": "https://anywhere.example"}
    page = await server.http.get("/pages/app.js", headers=headers)
    missing = await server.http.get("/pages/app-000000000000.js", headers=headers)

    assert page.headers["cache-control"] == "public, max-age=300"
    assert page.headers["access-control-allow-origin"] == "*"
    assert page.headers["cross-origin-resource-policy"] == "cross-origin"
    assert "origin" not in page.headers["vary"].lower()
    assert missing.status_code == 404
    assert missing.headers["cache-control"] == "no-store"


async def test_what_is_not_public_is_for_its_own_origin(server: Server) -> None:
    page = await server.http.get("/pages/app.js", headers={"Origin": "https://anywhere.example"})

    assert "access-control-allow-origin" not in page.headers
    assert "cross-origin-resource-policy" not in page.headers
