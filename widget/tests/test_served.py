"""What a page, a browser's cache and a CDN are told of the widget's files."""

from __future__ import annotations

import csai_widget

from tests.support.server import ServerFactory

FOREIGN = {"Origin": "https://shop.example", "Accept-Encoding": "gzip"}


async def test_the_loader_is_asked_for_again_and_the_app_is_kept(make_server: ServerFactory) -> None:
    server = await make_server(plugins={"widget": csai_widget})
    (app,) = [path.name for path in (csai_widget.STATIC / "widget").glob("*.js")]
    loader = await server.http.get("/widget.js", headers=FOREIGN)
    again = await server.http.get("/widget.js", headers={**FOREIGN, "If-None-Match": loader.headers["etag"]})
    fetched = await server.http.get(f"/widget/{app}", headers=FOREIGN)
    sources = await server.http.get(f"/widget/{app}.map", headers=FOREIGN)

    assert loader.headers["cache-control"] == "public, max-age=300"
    assert again.status_code == 304
    for immutable in (fetched, sources):
        assert immutable.headers["cache-control"] == "public, max-age=31536000, immutable"
    assert fetched.headers["content-encoding"] == "gzip"


async def test_no_header_depends_on_the_page_that_asks(make_server: ServerFactory) -> None:
    server = await make_server(plugins={"widget": csai_widget})
    (app,) = [path.name for path in (csai_widget.STATIC / "widget").glob("*.js")]
    for path in ("/widget.js", f"/widget/{app}"):
        answers = [await server.http.get(path, headers=headers) for headers in ({}, FOREIGN)]
        for answer in answers:
            assert answer.headers["access-control-allow-origin"] == "*"
            assert answer.headers["cross-origin-resource-policy"] == "cross-origin"
            assert answer.headers["vary"] == "Accept-Encoding"
            assert "set-cookie" not in answer.headers
