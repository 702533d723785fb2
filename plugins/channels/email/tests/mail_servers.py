"""A mailbox that answers by IMAP, and a server that takes mail by SMTP, both on the loopback."""

from __future__ import annotations

import asyncio
import re
import ssl
import warnings
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

from aiosmtpd.smtp import SMTP, AuthResult, Envelope, Session


@dataclass
class Mailbox:
    """The IMAP side: mails by their uids. `silent_after` names a command that is never answered."""

    user: str = "help@shop.example"
    password: str = "mailbox-password"
    mails: dict[int, bytes] = field(default_factory=dict)
    validity: int = 7
    folder: str = "INBOX"
    silent_after: str = ""
    tells_next_uid: bool = True
    start_tls: ssl.SSLContext | None = None
    days: dict[int, date] = field(default_factory=dict)
    """When a mail came, where a test says so."""
    searched: list[str] = field(default_factory=list)
    commands: list[str] = field(default_factory=list)
    gone: asyncio.Event = field(default_factory=asyncio.Event)
    asked: asyncio.Event = field(default_factory=asyncio.Event)
    port: int = 0

    def add(self, content: bytes) -> int:
        uid = max(self.mails, default=0) + 1
        self.mails[uid] = content.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")
        return uid

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            writer.write(b"* OK ready\r\n")
            while line := (await reader.readline()).decode().strip():
                tag, _, command = line.partition(" ")
                self.commands.append(command)
                if self.silent_after and command.upper().startswith(self.silent_after):
                    self.asked.set()
                    await reader.read()  # until the other side hangs up
                    break
                writer.write(self._answer(tag, command))
                await writer.drain()
                if command.upper() == "STARTTLS" and self.start_tls:
                    await writer.start_tls(self.start_tls)
                if command.upper() == "LOGOUT":
                    break
        finally:
            self.gone.set()
            writer.close()

    def _answer(self, tag: str, command: str) -> bytes:
        name, _, rest = command.partition(" ")
        match name.upper():
            case "CAPABILITY":
                able = "IMAP4rev1 STARTTLS" if self.start_tls else "IMAP4rev1"
                return f"* CAPABILITY {able}\r\n{tag} OK done\r\n".encode()
            case "STARTTLS" if self.start_tls:
                return f"{tag} OK begin\r\n".encode()
            case "LOGIN":
                is_right = rest.replace('"', "") == f"{self.user} {self.password}"
                return f"{tag} {'OK in' if is_right else 'NO [AUTHENTICATIONFAILED] wrong'}\r\n".encode()
            case "EXAMINE":
                if rest != f'"{self.folder}"':
                    return f"{tag} NO no such folder\r\n".encode()
                following = max(self.mails, default=0) + 1
                told = f"* OK [UIDNEXT {following}] next\r\n" if self.tells_next_uid else ""
                counted = f"* {len(self.mails)} EXISTS\r\n* OK [UIDVALIDITY {self.validity}] valid\r\n{told}"
                return f"{counted}{tag} OK [READ-ONLY] open\r\n".encode()
            case "UID":
                return self._by_uid(rest) + f"{tag} OK done\r\n".encode()
            case "LOGOUT":
                return f"* BYE\r\n{tag} OK\r\n".encode()
        return f"{tag} BAD what\r\n".encode()

    def _by_uid(self, rest: str) -> bytes:
        name, _, asked = rest.partition(" ")
        if name == "SEARCH":
            return f"* SEARCH {' '.join(map(str, self._searched(asked)))}\r\n".encode()
        numbers, _, what = asked.partition(" ")
        answer = b""
        for uid in [int(each) for each in numbers.split(",") if int(each) in self.mails]:
            content = self.mails[uid]
            if "RFC822.SIZE" in what:
                answer += f"* {uid} FETCH (UID {uid} RFC822.SIZE {len(content)})\r\n".encode()
                continue
            section = content.split(b"\r\n\r\n")[0] + b"\r\n\r\n" if "HEADER" in what else content
            label = "BODY[HEADER]" if "HEADER" in what else "BODY[]"
            answer += f"* {uid} FETCH (UID {uid} {label} {{{len(section)}}}\r\n".encode() + section + b")\r\n"
        return answer

    def _searched(self, asked: str) -> list[int]:
        self.searched.append(asked)
        if not (found := re.fullmatch(r"UID (\d+):\*(?: SINCE (\d\d-\w{3}-\d{4}))?", asked)):
            return sorted(self.mails)
        # As RFC 3501 says of a range: * is the last mail, and the ends may stand in either order.
        last = max(self.mails, default=0)
        low, high = sorted((int(found.group(1)), last))
        since = (
            datetime.strptime(f"{found.group(2)} +0000", "%d-%b-%Y %z").date() if found.group(2) else date.min
        )
        return [
            uid for uid in sorted(self.mails) if low <= uid <= high and self.days.get(uid, date.max) >= since
        ]


@asynccontextmanager
async def open_mailbox(*, direct_tls: ssl.SSLContext | None = None, **given: Any) -> AsyncIterator[Mailbox]:
    mailbox = Mailbox(**given)
    server = await asyncio.start_server(mailbox.serve, "127.0.0.1", 0, ssl=direct_tls)
    mailbox.port = server.sockets[0].getsockname()[1]
    try:
        yield mailbox
    finally:
        server.close()


@dataclass
class PostOffice:
    """The SMTP side. `refusals` are what it says instead of taking a command's next mail, by command."""

    user: str = "help@shop.example"
    password: str = "mailbox-password"
    refusals: dict[str, str] = field(default_factory=dict)
    hangs_up_after_data: bool = False
    taken: list[Envelope] = field(default_factory=list)
    port: int = 0

    def authenticate(self, server: Any, session: Any, envelope: Any, mechanism: str, data: Any) -> AuthResult:
        given = (data.login, data.password)
        is_right = not self.password or given == (self.user.encode(), self.password.encode())
        return AuthResult(success=is_right, handled=is_right)

    async def handle_RCPT(
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        if said := self.refusals.get("RCPT"):
            return said
        envelope.rcpt_tos.append(address)
        return "250 fine"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        self.taken.append(envelope)
        if self.hangs_up_after_data:
            assert isinstance(server.transport, asyncio.Transport)
            server.transport.abort()
        return self.refusals.get("DATA", "250 queued")


@asynccontextmanager
async def open_post_office(
    *, direct_tls: ssl.SSLContext | None = None, start_tls: ssl.SSLContext | None = None, **given: Any
) -> AsyncIterator[PostOffice]:
    office = PostOffice(**given)
    loop = asyncio.get_running_loop()

    def session() -> SMTP:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # of a password without TLS, here on the loopback
            return SMTP(
                office,
                authenticator=office.authenticate,
                auth_require_tls=start_tls is not None,
                auth_required=bool(office.password),
                tls_context=start_tls,
                require_starttls=start_tls is not None,
                hostname="mail.example",
                loop=loop,
            )

    server = await loop.create_server(session, "127.0.0.1", 0, ssl=direct_tls)
    office.port = server.sockets[0].getsockname()[1]
    try:
        yield office
    finally:
        server.close()
