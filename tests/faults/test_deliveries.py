"""Deliveries by real workers: receivers that are down, slow or wrong; workers that die or come in twos."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import ExitStack
from datetime import UTC, datetime
from ipaddress import ip_network
from pathlib import Path
from typing import Any, TypeVar

import pytest
from csai.clients.repository import ClientRepository
from csai.config import Settings
from csai.database import Database
from csai.kit.clock import SystemClock
from csai.kit.crypto import Keyring
from csai.kit.egress import EgressPolicy
from csai.kit.fault_point import VARIABLE, FaultPoint
from csai.kit.identifier import new_id
from csai.models import OutboxEvent
from csai.outbox.event import Outbox
from csai.outbox.service import change_webhook

from tests.support.backend import Backend
from tests.support.history import all_rows
from tests.support.program import Program, running
from tests.support.receiver import HANG, Receiver, nobody_at, receiving
from tests.support.waiting import PATIENCE_S

SECRET = "0123456789abcdef0123456789abcdef"
LOOPBACK = "127.0.0.0/8"
T = TypeVar("T")


class Installation:
    """A database that workers share, and clients with webhooks."""

    def __init__(self, backend: Backend, folder: Path) -> None:
        self._backend = backend
        self._folder = folder
        self.secrets: dict[str, str] = {}
        # Two seconds without a sign, and a worker is dead.
        self.variables = {
            "CSAI_DATABASE_URL": backend.database_url,
            "CSAI_SECRET_KEYS": SECRET,
            "CSAI_LEASE_S": "2",
            "CSAI_EGRESS_ALLOW": LOOPBACK,
            "CSAI_WEBHOOK_TIMEOUT_S": "1",
            "CSAI_WEBHOOK_WAITS_S": "1,1,1,1,1,1",
        }

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

    def client(self, url: str) -> str:
        async def add(database: Database) -> str:
            client_id = new_id()
            async with database.write() as transaction:
                await ClientRepository(transaction, client_id).add(
                    name="Shop", plan_type="default", settings={}, created_at=datetime.now(UTC)
                )
                state = await change_webhook(
                    transaction,
                    client_id,
                    url=url,
                    keyring=Keyring([SECRET]),
                    policy=EgressPolicy([ip_network(LOOPBACK)]),
                    clock=SystemClock(),
                )
            self.secrets[client_id] = state.new_secret or ""
            return client_id

        return self.do(add)

    def tell(self, client_id: str, *keys: str) -> None:
        async def put(database: Database) -> None:
            outbox = Outbox(SystemClock())
            steps = [outbox.event(client_id, "conversation.ended", {"session_id": key}, key) for key in keys]
            await database.transact(*steps)

        self.do(put)

    def rows(self) -> list[Mapping[str, Any]]:
        return self.do(lambda database: all_rows(database, OutboxEvent))

    def row(self) -> Mapping[str, Any]:
        (row,) = self.rows()
        return row


@pytest.fixture
def installation(backend: Backend, tmp_path: Path) -> Installation:
    return Installation(backend, tmp_path)


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as receiver:
        yield receiver


def delivered(worker: Program) -> None:
    """Wait until a worker has stored that an event was taken."""
    worker.err.until('"event delivered"')


def test_an_endpoint_that_was_down_gets_the_event_once_it_is_up(installation: Installation) -> None:
    with receiving() as gone:
        client_id = installation.client(f"{gone.url}/hook")
    installation.tell(client_id, "a")
    with nobody_at(gone.port), installation.worker() as worker:
        worker.err.until('"event not delivered"')
        with receiving(gone.port) as back:
            delivered(worker)
            assert worker.stop(signal.SIGTERM) == 0
    (request,) = back.requests
    assert request.is_signed_with(installation.secrets[client_id])
    row = installation.row()
    assert (row["status"], row["id"]) == ("delivered", request.id)
    assert row["attempts"] > 1


def test_errors_and_silence_are_met_with_further_attempts(
    installation: Installation, receiver: Receiver
) -> None:
    client_id = installation.client(f"{receiver.url}/hook")
    receiver.answer("/hook", 500, HANG, 302, 200)
    receiver.redirect_to = f"{receiver.url}/elsewhere"
    installation.tell(client_id, "a")
    with installation.worker() as worker:
        delivered(worker)
        assert worker.stop(signal.SIGTERM) == 0
    assert [request.path for request in receiver.requests] == ["/hook"] * 4
    assert len({request.id for request in receiver.requests}) == 1
    assert (installation.row()["status"], installation.row()["attempts"]) == ("delivered", 4)


@pytest.mark.parametrize("death", [FaultPoint.DELIVERY_CLAIMED, FaultPoint.DELIVERY_SENT])
def test_killed_while_it_delivers_another_worker_goes_on(
    installation: Installation, receiver: Receiver, death: FaultPoint
) -> None:
    client_id = installation.client(f"{receiver.url}/hook")
    installation.tell(client_id, "a")
    is_sent = death is FaultPoint.DELIVERY_SENT
    # A run that could be taken over is not to be taken for lost before, however slow the machine.
    patience = {"CSAI_WEBHOOK_TIMEOUT_S": "60" if is_sent else "1"}
    with installation.worker(**patience, **{VARIABLE: death.value}) as worker:
        assert worker.process.wait(PATIENCE_S) == -signal.SIGKILL
    assert len(receiver.requests) == is_sent
    assert (installation.row()["status"], installation.row()["attempts"]) == ("pending", 1)
    with installation.worker() as worker:
        if is_sent:
            worker.err.until("taken over")
        delivered(worker)
        assert worker.stop(signal.SIGTERM) == 0
    assert [request.id for request in receiver.requests] == [installation.row()["id"]] * (1 + is_sent)
    # What was begun is gone on with; what was not is begun anew.
    assert installation.row()["attempts"] == (1 if is_sent else 2)
    assert installation.row()["status"] == "delivered"


def test_killed_while_the_receiver_thinks_another_worker_goes_on(
    installation: Installation, receiver: Receiver
) -> None:
    client_id = installation.client(f"{receiver.url}/hook")
    receiver.answer("/hook", HANG, 200)
    installation.tell(client_id, "a")
    with installation.worker(CSAI_WEBHOOK_TIMEOUT_S="60") as worker:
        receiver.wait(lambda: bool(receiver.requests))
        worker.process.kill()
        worker.process.wait(PATIENCE_S)
    with installation.worker() as worker:
        delivered(worker)
        assert worker.stop(signal.SIGTERM) == 0
    assert [request.id for request in receiver.requests] == [installation.row()["id"]] * 2
    assert installation.row()["status"] == "delivered"


def test_a_worker_that_is_told_to_stop_leaves_its_delivery_to_another(
    installation: Installation, receiver: Receiver
) -> None:
    client_id = installation.client(f"{receiver.url}/hook")
    receiver.answer("/hook", HANG, 200)
    installation.tell(client_id, "a")
    with installation.worker(CSAI_WEBHOOK_TIMEOUT_S="60") as worker:
        receiver.wait(lambda: bool(receiver.requests))
        assert worker.stop(signal.SIGTERM) == 0
    with installation.worker() as worker:
        worker.err.until("taken over")
        delivered(worker)
        assert worker.stop(signal.SIGTERM) == 0
    assert (installation.row()["status"], installation.row()["attempts"]) == ("delivered", 1)


def test_two_workers_deliver_each_event_once_to_its_own_client(
    installation: Installation, receiver: Receiver
) -> None:
    owners = {path: installation.client(f"{receiver.url}{path}") for path in ("/first", "/second")}
    # On a machine that is busy, neither is to be taken for dead, nor the receiver for silent.
    patient = {"CSAI_LEASE_S": "30", "CSAI_WEBHOOK_TIMEOUT_S": "30"}
    with ExitStack() as stack:
        workers = [stack.enter_context(installation.worker(**patient)) for _ in range(2)]
        for worker in workers:
            worker.err.until("doing the jobs")
        for owner in owners.values():
            installation.tell(owner, *(f"{number}" for number in range(20)))
        receiver.wait(lambda: len(receiver.requests) >= 40)
        assert [worker.stop(signal.SIGTERM) for worker in workers] == [0, 0]
    rows = {row["id"]: row for row in installation.rows()}
    assert len(receiver.requests) == 40
    for path, owner in owners.items():
        received = receiver.at(path)
        assert {request.id for request in received} == {
            event_id for event_id, row in rows.items() if row["client_id"] == owner
        }
        assert all(request.is_signed_with(installation.secrets[owner]) for request in received)
    assert {row["attempts"] for row in rows.values()} == {1}


def test_an_event_whose_cause_did_not_commit_is_never_sent(
    installation: Installation, receiver: Receiver
) -> None:
    client_id = installation.client(f"{receiver.url}/hook")

    async def half(database: Database) -> None:
        step = Outbox(SystemClock()).event(client_id, "conversation.ended", {"session_id": "no"}, "no")

        def refuse(_rows: Any) -> None:
            raise LookupError

        with pytest.raises(LookupError):
            await database.transact(step, check=refuse)

    installation.do(half)
    installation.tell(client_id, "yes")
    with installation.worker() as worker:
        delivered(worker)
        assert worker.stop(signal.SIGTERM) == 0
    assert [request.json["data"] for request in receiver.requests] == [{"session_id": "yes"}]


def test_an_address_inside_is_refused(installation: Installation, receiver: Receiver) -> None:
    client_id = installation.client(f"{receiver.url}/hook")
    installation.tell(client_id, "a")
    refused = {"CSAI_EGRESS_ALLOW": "", "CSAI_WEBHOOK_WAITS_S": "0"}
    with installation.worker(**refused) as worker:
        assert "may not be reached" in worker.err.until('"webhook.failed"')
        assert worker.stop(signal.SIGTERM) == 0
    assert receiver.requests == []
    row = installation.row()
    assert (row["status"], row["attempts"], row["last_error"]) == (
        "failed",
        2,
        "this address may not be reached",
    )


def test_a_server_delivers_where_no_worker_runs(
    installation: Installation, receiver: Receiver, tmp_path: Path
) -> None:
    client_id = installation.client(f"{receiver.url}/hook")
    installation.tell(client_id, "a")
    with running("serve", "--port", "0", cwd=tmp_path, **installation.variables) as server:
        delivered(server)
        assert server.stop() == 0
    assert installation.row()["status"] == "delivered"


def test_the_retries_of_the_settings_are_those_of_the_documentation() -> None:
    assert sum(Settings().webhook_waits_s) > 3 * 86_400
