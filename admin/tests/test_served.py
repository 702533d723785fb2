"""What a browser is told of the dashboard's files."""

from __future__ import annotations

import csai_dashboard

from tests.support.server import ServerFactory


async def test_every_address_below_is_the_page_and_a_missing_file_is_not(make_server: ServerFactory) -> None:
    server = await make_server(plugins={"dashboard": csai_dashboard})
    deep = await server.http.get("/dashboard/clients/0190/plugins/n8n")
    gone = await server.http.get("/dashboard/assets/plugins-AbCd1234.js")
    preview = await server.http.get("/dashboard/preview/")

    assert '<div id="app">' in deep.text
    assert deep.headers["cache-control"] == "no-cache"
    assert "frame-ancestors 'none'" in deep.headers["content-security-policy"]
    assert (gone.status_code, gone.headers["cache-control"]) == (404, "no-store")
    assert "frame-ancestors 'self'" in preview.headers["content-security-policy"]


async def test_what_is_built_is_kept_by_the_browser(make_server: ServerFactory) -> None:
    server = await make_server(plugins={"dashboard": csai_dashboard})
    for script in (csai_dashboard.STATIC / "assets").glob("*.js"):
        answer = await server.http.get(f"/dashboard/assets/{script.name}")
        assert answer.headers["cache-control"] == "public, max-age=31536000, immutable", script.name
