"""A mail of any size and shape is read within bounds, which no person's mail comes near."""

from __future__ import annotations

from typing import Any

import pytest
from csai_channel_email import parser
from csai_channel_email.mail import headers_of, read_mail
from csai_channel_email.parser import parse
from csai_testkit.growth import assert_grows_with_length

HEAD = b"From: a@b.example\r\nSubject: s\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n"


def read(content: bytes) -> Any:
    return read_mail(parse(content), content)


@pytest.mark.parametrize(
    "part",
    [
        b"--b\r\n\r\nhi\r\n",
        b"--b\r\nContent-Type: message/rfc822\r\n\r\nSubject: s\r\n\r\n",
        b"--b\r\nContent-Type: message/delivery-status\r\n\r\n" + b"Action: failed\r\n\r\n" * 50,
    ],
    ids=["parts", "mails", "reports"],
)
def test_only_so_many_parts_are_read(part: bytes) -> None:
    message = parse(HEAD + b"--b\r\n\r\nfirst\r\n" + part * 500)
    assert len(list(message.walk())) == parser.MAX_PARTS
    assert read_mail(message, b"").text.startswith("first")


def test_only_so_deep_is_looked() -> None:
    head = b"From: a@b.example\r\n"
    for depth in range(60):
        head += b"Content-Type: multipart/mixed; boundary=b%d\r\n\r\n--b%d\r\n" % (depth, depth)
    message = parse(head + b"\r\nhello")
    assert len(list(message.walk())) == parser.MAX_DEPTH + 2


def test_only_so_many_lines_are_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parser, "MAX_LINES", 6)
    assert read(b"From: a@b.example\r\n\r\n1\r\n2\r\n3\r\n4\r\n5\r\n6\r\n").text == "1\r\n2\r\n3\r\n4\r\n"


def test_a_header_is_cut_and_the_ids_of_a_long_conversation_are_kept() -> None:
    ids = " ".join(f"<{number}.{'x' * 60}@visitor.example>" for number in range(40))
    mail = read(b"From: a@b.example\r\nX-Long: %b\r\nReferences: %b\r\n\r\nhi" % (b"x" * 9_000, ids.encode()))
    assert len(mail.headers["x-long"]) == parser.MAX_HEADER_CHARS
    assert len(mail.references) == 40


def test_a_name_of_a_file_in_hebrew_is_read_whole() -> None:
    name = "\u05d7\u05e9\u05d1\u05d5\u05e0\u05d9\u05ea " * 15 + "1.pdf"
    encoded = "".join(f"%{byte:02X}" for byte in name.encode())
    part = f"Content-Disposition: attachment; filename*=UTF-8''{encoded}\r\n\r\nhi\r\n--b--".encode()
    (attachment,) = read(HEAD + b"--b\r\nContent-Type: application/pdf\r\n" + part).attachments
    assert attachment.name == name


@pytest.mark.parametrize(
    ("name", "piece"),
    [
        ("From", "a@b,"),
        ("From", '"'),
        ("Subject", "=?utf-8?q?a?= "),
        ("Content-Disposition", "attachment; a=b; "),
        ("Content-Type", "text/plain; a*=x''%41; "),
    ],
)
def test_a_hostile_header_is_read_in_a_time_that_grows_with_its_length(name: str, piece: str) -> None:
    assert_grows_with_length(lambda value: read(f"{name}: {value}\r\n\r\nhi".encode()), piece, 20_000)


def test_a_mail_of_headers_alone_is_read_in_a_time_that_grows_with_their_number() -> None:
    def look(text: str) -> None:
        lines = (f"X{number}: a\r\n" for number in range(len(text)))
        headers_of(parse("".join(lines).encode()))

    assert_grows_with_length(look, "x", 10_000)


@pytest.mark.parametrize("charset", ["punycode", "punycode-", "_Punycode"])
def test_a_text_in_the_encoding_of_names_is_read_in_a_time_that_grows_with_its_length(charset: str) -> None:
    head = f"Content-Type: text/plain; charset={charset}\r\n\r\n"
    assert_grows_with_length(lambda text: read(f"{head}{text}".encode()), "ab", 200_000)
