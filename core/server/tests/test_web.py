"""Files that plugins serve: what is there, and nothing beside it."""

from __future__ import annotations

from pathlib import Path

import pytest
from csai_sdk import WebFiles, hookimpl

from tests.support.server import Server, ServerFactory


class Pages:
    """A plugin with a folder of pages, and a secret next to it."""

    def __init__(self, parent: Path, *, is_app: bool = False) -> None:
        self._files = WebFiles("/pages", parent / "pages", is_app=is_app)
        (parent / "pages").mkdir()
        (parent / "pages" / "index.html").write_text("a page")
        (parent / "pages" / "link").symlink_to(parent / "secret.txt")
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
