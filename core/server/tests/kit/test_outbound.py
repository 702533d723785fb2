"""None"""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from datetime import UTC, datetime, timedelta
from ipaddress import ip_network
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from csai.kit.egress import REFUSED, EgressPolicy
from csai.kit.outbound import BAD_REQUEST, BAD_URL
from csai.kit.pool import NO_ANSWER, Lookup

from core.server.tests.kit.net import Net, answering, failure_of, ok, read_head


@pytest.fixture
async def net() -> AsyncIterator[Net]:
    async with AsyncExitStack() as stack:
        yield Net(stack)


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1",
        "127.1",
        "0177.0.0.1",
        "0x7f000001",
        "0x7f.1",
        "2130706433",
        "0",
        "localhost",
        "LOCALHOST",
        "[::1]",
        "[::ffff:127.0.0.1]",
        "[::ffff:7f00:1]",
        "[0:0:0:0:0:ffff:127.0.0.1]",
        "\uff11\uff12\uff17.0.0.1",
    ],
)
async def test_every_spelling_of_loopback_is_refused_and_never_connected_to(net: Net, host: str) -> None:
    port = await net.serve(answering(ok(b"secret")))
    error = await failure_of(net.outbound(EgressPolicy()), f"http://{host}:{port}/")
    assert str(error) == REFUSED
    assert not error.was_sent
    assert net.accepted == 0


async def test_loopback_is_reached_when_the_operator_allows_it(net: Net) -> None:
    port = await net.serve(answering(ok(b"hello", "X-Kind: a\r\nx-kind: b\r\n")))
    answer = await net.outbound().http.request("GET", f"http://localhost:{port}/")
    assert (answer.status, answer.body, answer.is_truncated) == (200, b"hello", False)
    assert answer.headers["x-kind"] == "a, b"


@pytest.mark.parametrize(
    "url",
    ["ftp://example.com/", "file:///etc/passwd", "//example.com", "example.com", "http://", "http://u:p@127.0.0.1/",
     "http://u@127.0.0.1/", "http://:p@127.0.0.1/", "http://127.0.0.1:99999/", "http://[::1/"],
)  # fmt: skip
async def test_url_of_another_kind_or_with_a_user_name_is_refused(net: Net, url: str) -> None:
    error = await failure_of(net.outbound(), url)
    assert (str(error), error.was_sent) == (BAD_URL, False)


@pytest.mark.parametrize("host", ["a..b", "x" * 64 + ".example"])
async def test_name_that_is_no_host_name_has_no_answer(net: Net, host: str) -> None:
    error = await failure_of(net.outbound(), f"http://{host}/")
    assert error.was_sent is False


def scripted(*answers: list[str]) -> tuple[Lookup, list[str]]:
    """A name server that gives these answers, one after the other; and the names it was asked for."""
    asked: list[str] = []

    def lookup(host: str, port: int) -> list[tuple[Any, ...]]:
        addresses = answers[min(len(asked), len(answers) - 1)]
        asked.append(host)
        return [
            (socket.AF_INET6 if ":" in at else socket.AF_INET, socket.SOCK_STREAM, 0, "", (at, port))
            for at in addresses
        ]

    return lookup, asked


async def test_name_that_turns_to_a_private_address_after_the_first_answer_is_refused(net: Net) -> None:
    closing = ok(b"first", "connection: close\r\n")
    port = await net.serve(answering(closing))
    # The test's allowed network stands for the public address, so that the first answer can be reached.
    lookup, asked = scripted(["127.0.0.1"], ["127.0.0.2"], ["127.0.0.2"])
    outbound = net.outbound(EgressPolicy([ip_network("127.0.0.1/32")]), lookup)
    first = await outbound.http.request("GET", f"http://shop.test:{port}/")
    assert first.body == b"first"
    # aiohttp remembers an answer for some seconds; another port is another question.
    error = await failure_of(outbound, f"http://shop.test:{port + 1}/")
    assert str(error) == REFUSED
    assert asked == ["shop.test", "shop.test"]


async def test_connection_goes_to_the_judged_address_under_the_original_name(net: Net) -> None:
    heads: list[bytes] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        heads.append(await read_head(reader))
        writer.write(ok(b""))

    port = await net.serve(serve)
    lookup, asked = scripted(["127.0.0.1"])
    await net.outbound(lookup=lookup).http.request("GET", f"http://shop.test:{port}/a?b=%2F")
    assert heads[0].startswith(b"GET /a?b=%2F HTTP/1.1\r\n")
    assert f"Host: shop.test:{port}\r\n".encode() in heads[0]
    assert asked == ["shop.test"]


def self_signed(name: str, folder: Path) -> ssl.SSLContext:
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
    since = datetime.now(UTC) - timedelta(days=1)
    certificate = (
        x509.CertificateBuilder(subject, subject, key.public_key(), 1, since, since + timedelta(days=2))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .sign(key, SHA256())
    )
    file = folder / "server.pem"
    private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    file.write_bytes(private + certificate.public_bytes(Encoding.PEM))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(file)
    return context


async def test_certificate_nobody_vouches_for_is_refused_unsent(net: Net, tmp_path: Path) -> None:
    tls = self_signed("shop.test", tmp_path)
    named: list[str | None] = []
    tls.sni_callback = lambda _, name, __: named.append(name)
    port = await net.serve(answering(ok(b"secret")), tls)
    lookup, _ = scripted(["127.0.0.1"])
    error = await failure_of(net.outbound(lookup=lookup), f"https://shop.test:{port}/")
    assert (str(error), error.was_sent) == (NO_ANSWER, False)
    assert named == ["shop.test"]
    assert net.accepted == 0


async def test_refused_answers_of_a_name_are_passed_over(net: Net) -> None:
    port = await net.serve(answering(ok(b"reached")))
    lookup, _ = scripted(["10.0.0.1", "::1", "127.0.0.1"])
    answer = await net.outbound(lookup=lookup).http.request("GET", f"http://shop.test:{port}/")
    assert answer.body == b"reached"


async def test_name_with_thousands_of_addresses_is_given_up_after_a_few(net: Net) -> None:
    lookup, _ = scripted([f"10.0.{n // 250}.{n % 250}" for n in range(5000)] + ["127.0.0.1"])
    error = await failure_of(net.outbound(lookup=lookup), "http://shop.test/", timeout_s=5)
    assert str(error) == REFUSED


async def test_redirect_is_handed_back_and_not_followed(net: Net) -> None:
    moved = b"HTTP/1.1 302 Found\r\nlocation: http://127.0.0.1:1/\r\ncontent-length: 0\r\n\r\n"
    port = await net.serve(answering(moved))
    answer = await net.outbound().http.request("GET", f"http://127.0.0.1:{port}/")
    assert (answer.status, answer.headers["location"]) == (302, "http://127.0.0.1:1/")


async def test_proxy_of_the_environment_is_ignored(net: Net, monkeypatch: pytest.MonkeyPatch) -> None:
    port = await net.serve(answering(ok(b"direct")))
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
    monkeypatch.delenv("no_proxy", raising=False)
    answer = await net.outbound().http.request("GET", f"http://127.0.0.1:{port}/")
    assert answer.body == b"direct"


@pytest.mark.parametrize(
    ("method", "headers"),
    [
        ("GET\r\nx: y", {}),
        ("", {}),
        ("GET", {"x-a": "b\r\nx-c: d"}),
        ("GET", {"x\n": "b"}),
        ("GET", {"x": "\0"}),
    ],
)
async def test_request_with_control_characters_is_refused_unsent(
    net: Net, method: str, headers: dict[str, str]
) -> None:
    port = await net.serve(answering(ok(b"")))
    error = await failure_of(net.outbound(), f"http://127.0.0.1:{port}/", method, headers=headers)
    assert (str(error), error.was_sent) == (BAD_REQUEST, False)
    assert net.accepted == 0


async def test_caller_cannot_change_where_a_message_ends(net: Net) -> None:
    heads: list[bytes] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        heads.append(await read_head(reader))
        writer.write(ok(b""))

    port = await net.serve(serve)
    sneaky = {
        "Content-Length": "0",
        "Transfer-Encoding": "chunked",
        "Host": "other",
        "Connection": "x",
        "X-A": "b",
    }
    url = f"http://127.0.0.1:{port}/"
    await net.outbound().http.request("POST", url, headers=sneaky, content=b"12345")
    head = heads[0].lower()
    assert b"content-length: 5\r\n" in head
    assert b"x-a: b\r\n" in head
    assert not any(word in head for word in (b"chunked", b"other", b"connection"))


async def test_connection_is_kept_and_cookies_are_not(net: Net) -> None:
    heads: list[bytes] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while head := await read_head(reader):
            heads.append(head)
            writer.write(ok(b"", "set-cookie: who=client-a\r\n"))

    port = await net.serve(serve)
    http = net.outbound().http
    for _ in range(2):
        await http.request("GET", f"http://localhost:{port}/")
    assert net.accepted == 1
    assert b"client-a" not in heads[1]


async def test_guarded_request_never_finds_a_connection_the_operator_opened(net: Net) -> None:
    import httpx2

    port = await net.serve(answering(ok(b"1"), ok(b"2")))
    outbound = net.outbound(EgressPolicy())
    async with httpx2.AsyncClient(transport=outbound.transports.httpx2(is_operator_url=True)) as operator:
        assert (await operator.get(f"http://127.0.0.1:{port}/")).content == b"1"
        async with httpx2.AsyncClient(transport=outbound.transports.httpx2(is_operator_url=False)) as client:
            with pytest.raises(httpx2.ConnectError, match=REFUSED):
                await client.get(f"http://127.0.0.1:{port}/")
    error = await failure_of(outbound, f"http://127.0.0.1:{port}/")
    assert str(error) == REFUSED
    assert net.accepted == 1


async def test_door_stays_shut_once_closed(net: Net) -> None:
    outbound = net.outbound()
    await outbound.aclose()
    with pytest.raises(RuntimeError, match="closed"):
        await outbound.http.request("GET", "http://127.0.0.1:1/")
