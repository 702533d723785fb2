"""The replay server plays recordings back byte for byte."""

import gzip
import json
from pathlib import Path

import aiohttp
import pytest
from csai_testkit.replay import Exchange, ReplayServer, load_cassette

EVENTS = Exchange.of_events("/v1/chat", [{"n": 1}, {"n": 2}, "[DONE]"])

CASSETTE = """
version: 1
interactions:
- request:
    body: '{"ask": 1}'
    headers: {}
    method: POST
    uri: https://vendor.example/api/v1/chat?beta=true
  response:
    body:
      string: "data: first\\n\\ndata: second\\n\\n"
    headers:
      Content-Type: [text/event-stream]
      Transfer-Encoding: [chunked]
    status: {code: 200, message: OK}
- request:
    parsed_body: {ask: 2}
    headers: {}
    method: POST
    uri: https://vendor.example/api/v1/chat
  response:
    parsed_body: {answer: "\u05d0"}
    headers:
      content-type: [application/json]
      content-encoding: [br]
    status: {code: 429, message: Too Many}
"""


async def _post(url: str, path: str = "/v1/chat") -> tuple[int, list[bytes]]:
    async with aiohttp.ClientSession() as session, session.post(url + path, json={"ask": 1}) as response:
        return response.status, [piece async for piece, _ in response.content.iter_chunks()]


def test_cassette_keeps_method_path_status_and_body(tmp_path: Path) -> None:
    file = tmp_path / "cassette.yaml"
    file.write_text(CASSETTE, encoding="utf-8")
    streamed, refused = load_cassette(file)
    assert (streamed.method, streamed.path, streamed.status) == ("POST", "/api/v1/chat", 200)
    assert streamed.body == b"data: first\n\ndata: second\n\n"
    assert streamed.headers == {"content-type": "text/event-stream"}
    assert streamed.is_stream
    assert streamed.request_json == {"ask": 1}
    assert json.loads(refused.body) == {"answer": "\u05d0"}
    assert refused.status == 429
    assert refused.headers == {"content-type": "application/json"}
    assert refused.request_json == {"ask": 2}


@pytest.mark.parametrize("split", ["whole", "event", "byte"])
async def test_body_arrives_unchanged_however_it_is_split(split: str) -> None:
    async with ReplayServer([EVENTS], split=split) as server:  # type: ignore[arg-type]
        status, pieces = await _post(server.url)
    assert status == 200
    assert b"".join(pieces) == EVENTS.body


async def test_each_event_is_its_own_piece() -> None:
    async with ReplayServer([EVENTS], split="event") as server:
        _, pieces = await _post(server.url)
    assert pieces == [b'data: {"n": 1}\n\n', b'data: {"n": 2}\n\n', b"data: [DONE]\n\n"]


async def test_compressed_body_is_sent_as_recorded() -> None:
    body = gzip.compress(b'{"a": 1}')
    headers = {"content-type": "application/json", "content-encoding": "gzip"}
    exchange = Exchange("POST", "/v1/chat", 200, headers, body)
    async with ReplayServer([exchange]) as server:
        _, pieces = await _post(server.url)
    assert b"".join(pieces) == exchange.content == b'{"a": 1}'


async def test_exchanges_are_played_in_order_and_once() -> None:
    exchanges = [Exchange.of_json("/prefix/v1/chat", n, status=200 + n) for n in range(2)]
    async with ReplayServer(exchanges) as server:
        assert [(await _post(server.url))[0] for _ in range(3)] == [200, 201, 404]
        assert [request.json for request in server.requests] == [{"ask": 1}] * 3
        server.rewind()
        assert (await _post(server.url))[0] == 200


async def test_unknown_path_is_not_answered_by_another_recording() -> None:
    async with ReplayServer([EVENTS]) as server:
        assert (await _post(server.url, "/v1/other"))[0] == 404


async def test_clean_cut_ends_the_body_early() -> None:
    async with ReplayServer([EVENTS], cut_after=20) as server:
        _, pieces = await _post(server.url)
    assert b"".join(pieces) == EVENTS.body[:20]


async def test_dropped_connection_is_an_error_to_the_client() -> None:
    async with ReplayServer([EVENTS], cut_after=20, is_clean_cut=False) as server:
        with pytest.raises(aiohttp.ClientPayloadError):
            await _post(server.url)


async def test_held_answer_notices_that_the_client_went_away() -> None:
    async with ReplayServer([EVENTS], hold_after=20) as server:
        assert not server.asked.is_set()
        async with aiohttp.ClientSession() as session, session.post(server.url + "/v1/chat") as response:
            assert await response.content.readany() == EVENTS.body[:20]
            assert server.asked.is_set()
            assert server.open_connections == 1
        await server.client_gone.wait()


async def test_more_can_be_played_until_the_server_is_closed() -> None:
    async with ReplayServer([]) as server:
        server.play([Exchange.of_json("/v1/chat", "late")])
        assert await _post(server.url, "/v1/chat?page=2") == (200, [b'"late"'])
        (request,) = server.requests
        assert (request.url, request.body) == ("/v1/chat?page=2", b'{"ask": 1}')
        await server.close()
        with pytest.raises(aiohttp.ClientConnectorError):
            await _post(server.url)
