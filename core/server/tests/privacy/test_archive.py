"""The archive, against a stand-in for S3-compatible storage on this machine."""

from __future__ import annotations

import gzip
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from csai.config import Settings
from csai.kit.egress import EgressPolicy
from csai.kit.outbound import Outbound
from csai.privacy.archive import Archive, ArchiveFailed, make_archive, signed_headers
from pydantic import SecretStr

KEY_ID = "AKIAIOSFODNN7EXAMPLE"
SECRET = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"
MOMENT = datetime(2013, 5, 24, tzinfo=UTC)
ROW = {"id": "a", "content": "Where is ORD-1?", "timestamp": MOMENT, "moment": MOMENT}


class Clock:
    def now(self) -> datetime:
        return MOMENT


class Storage:
    """Keeps what is put into it; answers with `status`."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.status = 200
        self.objects: dict[str, bytes] = {}
        self.headers: list[dict[str, str]] = []


@contextmanager
def storage() -> Iterator[Storage]:
    class Handler(BaseHTTPRequestHandler):
        def do_PUT(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            kept.headers.append({name.lower(): value for name, value in self.headers.items()})
            kept.objects[self.path] = body
            self.send_response(kept.status)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    kept = Storage(f"http://127.0.0.1:{server.server_port}/bucket/csai")
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield kept
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


async def put(url: str, *rows: dict[str, Any]) -> None:
    outbound = Outbound(EgressPolicy())
    settings = Settings(archive_url=url, archive_key_id=KEY_ID, archive_secret_key=SecretStr(SECRET))
    try:
        archive = make_archive(settings, outbound.transports, Clock())
        assert isinstance(archive, Archive)
        await archive.put("client", "messages", list(rows))
    finally:
        await outbound.aclose()


def test_the_signature_is_that_of_the_vendors_example() -> None:
    headers = signed_headers(
        "GET",
        "https://examplebucket.s3.amazonaws.com/?lifecycle=",
        b"",
        key_id=KEY_ID,
        secret=SECRET,
        region="us-east-1",
        now=MOMENT,
    )
    assert headers["authorization"].endswith(
        "Signature=fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543"
    )


async def test_rows_arrive_as_lines_of_json_under_a_name_made_of_them() -> None:
    with storage() as kept:
        await put(kept.url, ROW, ROW | {"id": "b"})
    ((path, body),) = kept.objects.items()
    assert path == "/bucket/csai/client/messages/2013/05/24/a-b.jsonl.gz"
    lines = [json.loads(line) for line in gzip.decompress(body).splitlines()]
    assert [line["content"] for line in lines] == ["Where is ORD-1?"] * 2
    (headers,) = kept.headers
    assert headers["host"] in kept.url
    assert SECRET not in str(headers)


async def test_a_batch_put_again_takes_its_own_place() -> None:
    with storage() as kept:
        await put(kept.url, ROW)
        first = dict(kept.objects)
        await put(kept.url, ROW)
    assert kept.objects == first


async def test_a_refusal_is_raised_with_its_status() -> None:
    with storage() as kept:
        kept.status = 403
        with pytest.raises(ArchiveFailed, match="403"):
            await put(kept.url, ROW)


async def test_storage_that_is_away_is_raised_without_its_address() -> None:
    with storage() as kept:
        url = kept.url
    with pytest.raises(ArchiveFailed) as failed:
        await put(url, ROW)
    assert url not in str(failed.value)


def test_without_an_address_there_is_no_archive() -> None:
    assert make_archive(Settings(), Outbound(EgressPolicy()).transports, Clock()) is None
