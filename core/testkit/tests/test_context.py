"""The test context is the real one, with a clock to turn and resources that get closed."""

from csai_testkit.context import FakeClock, KeptResources, make_context
from csai_testkit.replay import Exchange, ReplayServer


class Kept:
    is_closed = False

    async def close(self) -> None:
        self.is_closed = True


async def test_resource_is_made_once_and_closed() -> None:
    resources = KeptResources()
    context = make_context(resources=resources)
    kept = context.resource("client", Kept)
    assert context.resource("client", Kept) is kept
    await resources.aclose()
    assert kept.is_closed


async def test_http_reads_no_more_than_allowed_and_follows_no_redirect() -> None:
    exchange = Exchange.of_json("/hook", "0123456789", status=307, headers={"location": "/else"})
    async with ReplayServer([exchange]) as server:
        response = await make_context().http.request("POST", f"{server.url}/hook", max_bytes=5)
    assert (response.status, response.body, response.is_truncated) == (307, b'"0123', True)


def test_clock_moves_only_when_told() -> None:
    clock = FakeClock()
    before = clock.now()
    assert make_context(clock=clock).clock.now() == before
    clock.advance(90)
    assert (clock.now() - before).total_seconds() == 90
