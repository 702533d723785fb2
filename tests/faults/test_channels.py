"""A channel's worker killed at each of its steps: one turn, and no piece that a visitor gets twice."""

from __future__ import annotations

import asyncio
import json
import signal
import threading
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, TypeVar

import pytest
from csai.channels.account import account_settings
from csai.channels.inbox import Inbox
from csai.channels.repository import AccountRepository
from csai.clients.repository import ClientRepository
from csai.database import Database
from csai.kit.crypto import Keyring
from csai.kit.fault_point import VARIABLE, FaultPoint
from csai.kit.identifier import new_id
from csai.models import Base, ChannelInbound, ChannelOutbound, Message, Turn
from csai.plugins.stored import StoredSettings
from csai_channel_whatsapp.channel import WhatsApp
from csai_sdk import ChannelNews, DeliveryStatus, InboundMessage

from tests.support.backend import Backend
from tests.support.history import all_rows
from tests.support.program import running
from tests.support.upstream import Upstream
from tests.support.waiting import PATIENCE_S, until

SECRET = "0123456789abcdef0123456789abcdef"
POINTS = (FaultPoint.CHANNEL_ANSWERED, FaultPoint.PIECE_BEGUN, FaultPoint.PIECE_SENT)
T = TypeVar("T")


@dataclass
class Meta:
    """WhatsApp's vendor, which takes every message."""

    url: str = ""
    sent: list[dict[str, Any]] = field(default_factory=list)
    """Messages to visitors, in the order they came."""


@contextmanager
def meta_at_work() -> Iterator[Meta]:
    meta = Meta()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            told = json.loads(self.rfile.read(int(self.headers["content-length"])))
            if "to" in told:
                meta.sent.append(told)
            body = json.dumps({"messages": [{"id": f"wamid.{len(meta.sent)}"}]}).encode()
            self.send_response(200)
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None: ...

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=[0.01])
        thread.start()
        meta.url = f"http://127.0.0.1:{server.server_port}"
        yield meta
        server.shutdown()
        thread.join()


@pytest.fixture
def meta() -> Iterator[Meta]:
    with meta_at_work() as meta:
        yield meta


class Installation:
    """A client with a number, and workers that answer there."""

    def __init__(self, backend: Backend, folder: Path, upstream: Upstream, meta: Meta) -> None:
        self._backend, self._folder = backend, folder
        self.client_id, self.account_id = new_id(), new_id()
        # Two seconds without a sign, and a worker is dead.
        self.variables = {
            "CSAI_DATABASE_URL": backend.database_url,
            "CSAI_SECRET_KEYS": SECRET,
            "CSAI_LEASE_S": "2",
            "CSAI_EGRESS_ALLOW": "127.0.0.0/8",
            "CSAI_PLUGINS": "openai,whatsapp",
            "CSAI_LLM_PROVIDER": "openai",
            "OPENAI_API_KEY": "test",
            "OPENAI_BASE_URL": f"{upstream.url}/v1",
            "WHATSAPP_BASE_URL": meta.url,
        }
        self.do(self._set_up)

    async def _set_up(self, database: Database) -> None:
        own = account_settings(WhatsApp(), self.client_id, self.account_id, keyring=Keyring([SECRET]))
        given = {"phone_number_id": "106", "access_token": "t", "app_secret": "s", "verify_token": "v"}
        now = datetime.now(UTC)
        async with database.write() as transaction:
            clients = ClientRepository(transaction, self.client_id)
            await clients.add(name="Shop", plan_type="default", settings={}, created_at=now)
            await clients.set_plugin("whatsapp", enabled=True, settings={}, secrets=None, now=now)
            await AccountRepository(transaction, self.client_id).add(
                self.account_id,
                channel="whatsapp",
                name="Support",
                stored=own.changed(StoredSettings({}, None, 1), given=given),
                next_poll_at=None,
                now=now,
            )

    def worker(self, **variables: str) -> Any:
        return running("worker", cwd=self._folder, **self.variables | variables)

    def do(self, work: Callable[[Database], Awaitable[T]]) -> T:
        async def once() -> T:
            database = Database(self._backend.database_url)
            try:
                return await work(database)
            finally:
                await database.close()

        return asyncio.run(once())

    def take(self, *news: ChannelNews) -> None:
        async def put(database: Database) -> None:
            async with database.write() as transaction:
                inbox = Inbox(
                    transaction, self.client_id, self.account_id, max_chars=100, now=datetime.now(UTC)
                )
                await inbox.take(news)

        self.do(put)

    def rows(self, model: type[Base]) -> list[Mapping[str, Any]]:
        """In the order they came about."""
        return sorted(self.do(lambda database: all_rows(database, model)), key=lambda row: row["id"])

    def pieces(self) -> list[tuple[str, str]]:
        return [(row["status"], row["code"]) for row in self.rows(ChannelOutbound)]


@pytest.fixture
def installation(backend: Backend, tmp_path: Path, upstream: Upstream, meta: Meta) -> Installation:
    return Installation(backend, tmp_path, upstream, meta)


@pytest.mark.parametrize("death", POINTS, ids=lambda point: point.value)
def test_killed_at_any_step_the_visitor_has_one_answer_at_most(
    installation: Installation, meta: Meta, death: FaultPoint
) -> None:
    question = InboundMessage("wamid.in", "+3545550143", "Are you open?")
    installation.take(question)
    with installation.worker(**{VARIABLE: death.value}) as victim:
        assert victim.process.wait(PATIENCE_S) == -signal.SIGKILL
    assert len(meta.sent) == (death is FaultPoint.PIECE_SENT)

    with installation.worker() as heir:
        until(lambda: installation.pieces() not in ([], [("pending", "")], [("sending", "")]))
        installation.take(question, InboundMessage("wamid.next", "+3545550143", "Anybody?"))
        until(lambda: len(installation.pieces()) == 2 and installation.pieces()[1] == ("sent", ""))
        assert heir.stop(signal.SIGTERM) == 0

    said = [told["text"]["body"] for told in meta.sent]
    assert [(row["status"], row["text"]) for row in installation.rows(ChannelInbound)] == [
        ("done", "Are you open?"),
        ("done", "Anybody?"),
    ]
    assert [turn["status"] for turn in installation.rows(Turn)] == ["completed"] * 2
    assert len(installation.rows(Message)) == 4
    answers = {
        # The turn was over; its answer is put on its way by whoever repeats the attempt.
        FaultPoint.CHANNEL_ANSWERED: (("sent", ""), ["You said: Are you open?"]),
        # Whether it was sent cannot be known, so it is not sent again.
        FaultPoint.PIECE_BEGUN: (("unknown", "interrupted"), []),
        FaultPoint.PIECE_SENT: (("unknown", "interrupted"), ["You said: Are you open?"]),
    }
    state, heard = answers[death]
    assert installation.pieces()[0] == state
    assert said == [*heard, "You said: Anybody?"]
    if death is FaultPoint.PIECE_SENT:
        # The vendor gives the piece's own id back, and so it is known after all.
        reference = meta.sent[0]["biz_opaque_callback_data"]
        installation.take(DeliveryStatus("wamid.1", "delivered", reference=reference))
        assert installation.pieces()[0] == ("delivered", "")
