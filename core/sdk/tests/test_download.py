"""A vendor's file is fetched from where it may lie, and a secret goes nowhere else."""

from __future__ import annotations

from collections.abc import Mapping

import pytest
from csai_sdk import ChannelError, HttpResponse, fetch_file
from csai_testkit.context import make_context

OWN = "https://api.vendor.example"


class Web:
    """Pages by their addresses; notes what it was asked, and with which headers."""

    def __init__(self, pages: Mapping[str, HttpResponse]) -> None:
        self.pages = pages
        self.asked: list[tuple[str, Mapping[str, str]]] = []

    async def request(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        content: bytes | None = None,
        timeout_s: float = 30.0,
        max_bytes: int = 1_000_000,
    ) -> HttpResponse:
        self.asked.append((url, headers or {}))
        return self.pages[url]


async def fetched(url: str, pages: Mapping[str, HttpResponse]) -> tuple[bytes, Web]:
    web = Web(pages)
    content = await fetch_file(
        url,
        make_context(http=web),
        base_url=OWN,
        hosts=(".cdn.example", "files.example"),
        headers={"authorization": "secret"},
        max_bytes=10,
    )
    return content, web


def page(body: bytes = b"words", status: int = 200) -> HttpResponse:
    return HttpResponse(status, {}, body)


def leads_to(where: str) -> HttpResponse:
    return HttpResponse(302, {"location": where}, b"")


@pytest.mark.parametrize("url", [f"{OWN}/f", "https://a.cdn.example/f", "https://files.example/f"])
async def test_the_vendors_hosts_get_the_secret(url: str) -> None:
    content, web = await fetched(url, {url: page()})
    assert content == b"words"
    assert web.asked == [(url, {"authorization": "secret"})]


async def test_another_place_that_the_vendor_leads_to_gets_no_secret() -> None:
    away = "https://storage.example/f"
    content, web = await fetched(f"{OWN}/f", {f"{OWN}/f": leads_to(away), away: page()})
    assert content == b"words"
    assert web.asked == [(f"{OWN}/f", {"authorization": "secret"}), (away, {})]


async def test_the_secret_does_not_come_back_by_another_way() -> None:
    pages = {
        f"{OWN}/f": leads_to("/g"),
        f"{OWN}/g": leads_to("https://user@a.cdn.example/h"),
        "https://user@a.cdn.example/h": page(),
    }
    _content, web = await fetched(f"{OWN}/f", pages)
    assert [bool(headers) for _url, headers in web.asked] == [True, True, False]


@pytest.mark.parametrize(
    ("pages", "said"),
    [
        ({f"{OWN}/f": leads_to("http://storage.example/f")}, "not where"),
        ({f"{OWN}/f": leads_to("http://api.vendor.example/f")}, "not where"),
        ({f"{OWN}/f": leads_to("file:///etc/passwd")}, "not where"),
        ({f"{OWN}/f": leads_to("/f")}, "gone"),
        ({f"{OWN}/f": leads_to("")}, "gone"),
        ({f"{OWN}/f": page(status=404)}, "gone"),
        ({f"{OWN}/f": HttpResponse(200, {}, b"x" * 10, is_truncated=True)}, "too large"),
    ],
)
async def test_what_is_not_there_is_an_error(pages: Mapping[str, HttpResponse], said: str) -> None:
    with pytest.raises(ChannelError, match=said):
        await fetched(f"{OWN}/f", pages)
