"""One life of a session with a server: opened, used by the client's calls, closed in a task of its own."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager, contextmanager
from contextvars import Context
from typing import Any

from mcp import Client, MCPError
from mcp.client import Transport
from mcp.client.session import ClientSession
from mcp.client.subscriptions import SubscriptionLost
from mcp_types import ToolListChangedNotification

from csai_tool_mcp.failure import RequestFailed
from csai_tool_mcp.reply import failure_of

OPEN_S = 10.0
IDLE_S = 300.0

Opening = Callable[["Session"], AbstractAsyncContextManager[Client]]


class Session:
    """Ends by itself when it is not used for `IDLE_S`, and, once retired, after its last call."""

    def __init__(self, opening: Opening, *, idle_s: float = IDLE_S) -> None:
        loop = asyncio.get_running_loop()
        self.is_retired = False
        self._idle_s = idle_s
        self._calls = 0
        self._used_at = loop.time()
        self._over = asyncio.Event()
        self._opened: asyncio.Future[Client] = loop.create_future()
        # It outlives the call that it is opened for: nothing of that call's context goes with it.
        self.task = loop.create_task(self._live(opening), context=Context())

    @contextmanager
    def in_use(self) -> Iterator[None]:
        """Around a call. One that is given up, or whose answer is lost, is the last of its session."""
        self._calls += 1
        try:
            yield
        except RequestFailed as failure:
            if failure.kind != "refused":
                self.retire()
            raise
        except BaseException:
            self.retire()
            raise
        finally:
            self._calls -= 1
            self._used_at = asyncio.get_running_loop().time()
            if self.is_retired and not self._calls:
                self._over.set()

    def retire(self) -> None:
        """Take no new call."""
        self.is_retired = True
        if not self._calls:
            self._over.set()

    async def client(self) -> ClientSession:
        """The SDK's session once it is open. Raises `RequestFailed`."""
        # Shielded: others wait for it too.
        return (await asyncio.shield(self._opened)).session

    async def _live(self, opening: Opening) -> None:
        try:
            async with AsyncExitStack() as stack:
                async with asyncio.timeout(OPEN_S):
                    client = await stack.enter_async_context(opening(self))
                self._opened.set_result(client)
                await self._until_over()
        except Exception as error:  # noqa: BLE001 -- whatever a server makes the SDK raise ends only this
            self._fail(failure_of(error, is_opening=True))
        finally:
            self.is_retired = True
            self._fail(RequestFailed("unsent", "the session was closed"))

    def _fail(self, failure: RequestFailed) -> None:
        if not self._opened.done():
            self._opened.set_exception(failure)
            self._opened.exception()  # read, so that nobody need be waiting for it

    async def _until_over(self) -> None:
        while not self.is_retired or self._calls:
            idle_s = asyncio.get_running_loop().time() - self._used_at
            if not self._calls and idle_s >= self._idle_s:
                self.is_retired = True
                return
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(self._idle_s - (0 if self._calls else idle_s)):
                    await self._over.wait()


@asynccontextmanager
async def watched(transport: Transport, session: Session) -> AsyncIterator[tuple[Any, Any]]:
    """The transport, which retires its session when the server hangs up."""
    async with transport as (reading, writing):
        yield _Watched(reading, session), writing


class _Watched:
    def __init__(self, stream: Any, session: Session) -> None:
        self._stream = stream
        self._session = session

    async def receive(self) -> Any:
        return await self._stream.receive()

    async def aclose(self) -> None:
        await self._stream.aclose()

    async def __aenter__(self) -> _Watched:
        await self._stream.__aenter__()
        return self

    async def __aexit__(self, *error: object) -> Any:
        return await self._stream.__aexit__(*error)

    def __aiter__(self) -> _Watched:
        return self

    async def __anext__(self) -> Any:
        try:
            return await self._stream.__anext__()
        except StopAsyncIteration:
            self._session.retire()
            raise


@asynccontextmanager
async def connected(
    transport: Transport, session: Session, *, changed: Callable[[], None], **how: Any
) -> AsyncIterator[Client]:
    """A client of the SDK that tells when the server's list of tools is no longer the same."""

    async def hear(message: Any) -> None:
        if isinstance(message, ToolListChangedNotification):
            changed()

    async with Client(watched(transport, session), message_handler=hear, cache=None, **how) as client:
        listening = asyncio.create_task(_listen(client, changed))
        try:
            yield client
        finally:
            listening.cancel()
            await asyncio.wait([listening])


async def _listen(client: Client, changed: Callable[[], None]) -> None:
    """Ask to be told, where the protocol's version wants that to be asked for."""
    tools = client.server_capabilities.tools
    if client.session.discover_result is None or tools is None or not tools.list_changed:
        return
    with contextlib.suppress(MCPError, SubscriptionLost, TimeoutError):
        async with client.listen(tools_list_changed=True) as events:
            async for _ in events:
                changed()
