"""Files at vendors: fetched from where they may lie, with a secret that goes nowhere else."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from urllib.parse import urljoin, urlsplit

from csai_sdk.context import HttpError, PluginContext
from csai_sdk.errors import ChannelError

_MAX_REDIRECTS = 3


async def fetch_file(
    url: str,
    ctx: PluginContext,
    *,
    base_url: str,
    hosts: Sequence[str] = (),
    headers: Mapping[str, str] | None = None,
    max_bytes: int,
) -> bytes:
    """The file at `url`, which has to be at `base_url`'s own host, or over https at one of `hosts`.

    A host that begins with a dot stands for all below it. The vendor may lead on to another place, over
    https, which gets `headers` only where it is one of these. Raises `ChannelError`: for any other place, for
    what cannot be fetched, and for a file of more than `max_bytes`.
    """
    if not _is_at(url, base_url, hosts):
        raise ChannelError("the file is not at its vendor's")
    for _ in range(_MAX_REDIRECTS + 1):
        sent = headers if _is_at(url, base_url, hosts) else None
        try:
            response = await ctx.http.request("GET", url, headers=sent, max_bytes=max_bytes)
        except HttpError:
            raise ChannelError("the file cannot be fetched") from None
        if not 300 <= response.status < 400:
            break
        url = urljoin(url, response.headers.get("location", ""))
        if not _is_at(url, base_url, hosts) and urlsplit(url).scheme != "https":
            raise ChannelError("the file is not where its vendor says")
    if response.status != 200:
        raise ChannelError("the file is gone")
    if response.is_truncated:
        raise ChannelError("the file is too large")
    return response.body


def _is_at(url: str, base_url: str, hosts: Sequence[str]) -> bool:
    try:
        asked, own = urlsplit(url), urlsplit(base_url)
        host = (asked.hostname or "").lower()
    except ValueError:
        return False
    # Readers of addresses disagree on what these mean.
    if "@" in asked.netloc or "\\" in url or not url.isprintable():
        return False
    if (asked.scheme, asked.netloc.lower()) == (own.scheme, own.netloc.lower()):
        return True
    is_known = any(host == each or (each.startswith(".") and host.endswith(each)) for each in hosts)
    return asked.scheme == "https" and asked.port in (None, 443) and is_known
