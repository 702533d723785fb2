"""Looking into a mailbox by IMAP (RFC 3501). Nothing in it is changed.

The protocol is the standard library's, in a thread of its own over a socket that came through the guarded
door. Each command ends with the socket's timeout; a cancelled look shuts the socket, which ends the thread.
"""

from __future__ import annotations

import asyncio
import imaplib
import re
import socket
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any, TypeVar

from csai_sdk import ChannelError, HttpError, PluginContext

from csai_channel_email.settings import MailAccount
from csai_channel_email.tls import tls_context

T = TypeVar("T")

TIMEOUT_S = 20.0
MAX_MAILS = 20
MAX_MAIL_BYTES = 10_000_000
MAX_LOOK_BYTES = 25_000_000
"""Of all mails of one look together: what does not fit waits for the next."""
MAX_SAID_BYTES = 60_000_000
"""Of all that the server says in one session; it may be anybody's."""
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_UID = re.compile(rb"\bUID (\d+)", re.IGNORECASE)
_SIZE = re.compile(rb"\bRFC822\.SIZE (\d+)", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Position:
    """How far a folder was read: ids of mails grow as long as its `validity` is the same. `day` is when."""

    validity: int
    uid: int
    day: date | None = None


@dataclass(frozen=True, slots=True)
class Fetched:
    uid: int
    content: bytes
    """Only the head where the mail is larger than `MAX_MAIL_BYTES`."""
    is_whole: bool


class _Imap(imaplib.IMAP4):
    """The protocol over a socket that is there already."""

    def __init__(self, opened: socket.socket) -> None:
        self._opened = opened
        self._said_bytes = 0
        super().__init__("", 0, TIMEOUT_S)

    def _create_socket(self, timeout: float | None) -> socket.socket:
        return self._opened

    def read(self, size: int) -> bytes:
        self._hear(size)
        return super().read(size)

    def readline(self) -> bytes:
        line = super().readline()
        self._hear(len(line))
        return line

    def _hear(self, size: int) -> None:
        self._said_bytes += size
        if self._said_bytes > MAX_SAID_BYTES:
            raise self.abort("the server says too much")


async def new_mails(
    since: Position | None, account: MailAccount, ctx: PluginContext
) -> tuple[list[Fetched], Position]:
    """The mails after `since`, oldest first, at most `MAX_MAILS`; none at the first look, which only notes
    where the folder ends. Raises `ChannelError`."""
    return await _with_mailbox(account, ctx, lambda imap: _new_mails(imap, since, account.imap_folder))


async def mail_at(position: Position, account: MailAccount, ctx: PluginContext) -> bytes | None:
    """One whole mail, None where it is gone. Raises `ChannelError`."""
    return await _with_mailbox(account, ctx, lambda imap: _mail_at(imap, position, account.imap_folder))


async def check(account: MailAccount, ctx: PluginContext) -> None:
    """Log in and open the folder. Raises `ChannelError`."""
    await _with_mailbox(account, ctx, lambda imap: _opened(imap, account.imap_folder))


async def _with_mailbox(account: MailAccount, ctx: PluginContext, work: Callable[[_Imap], T]) -> T:
    user, password = account.login
    if not account.imap_host or not user or not password:
        raise ChannelError("set the IMAP server, the address and the password", fault="account")
    try:
        opened = await ctx.transports.connect(account.imap_host, account.imap_port, is_operator_url=False)
    except HttpError as error:
        raise ChannelError(f"IMAP: {error}", fault="busy") from None
    opened.setblocking(True)
    opened.settimeout(TIMEOUT_S)
    working = asyncio.ensure_future(asyncio.to_thread(_session, opened, account, user, password, work))
    try:
        return await asyncio.shield(working)
    except asyncio.CancelledError:
        _shut(opened)
        await asyncio.wait([working])
        if not working.cancelled():
            working.exception()  # known: the connection broke
        raise
    finally:
        opened.close()


def _session(
    opened: socket.socket, account: MailAccount, user: str, password: str, work: Callable[[_Imap], T]
) -> T:
    try:
        if account.imap_security == "tls":
            opened = tls_context().wrap_socket(opened, server_hostname=account.imap_host)
        imap = _Imap(opened)
        if account.imap_security == "starttls":
            # The library would take the name for the certificate from what it connected to.
            imap.host = account.imap_host
            imap.starttls(tls_context())
        try:
            _log_in(imap, user, password)
            return work(imap)
        finally:
            _log_out(imap)
    except ChannelError:
        raise
    except (imaplib.IMAP4.error, OSError, ValueError):
        raise ChannelError("IMAP: the server gave no proper answer", fault="busy") from None
    finally:
        opened.close()


def _log_in(imap: _Imap, user: str, password: str) -> None:
    try:
        imap.login(user, password)
    except imaplib.IMAP4.abort:
        raise
    except imaplib.IMAP4.error:
        raise ChannelError("IMAP: the user name or password is wrong", fault="account") from None


def _log_out(imap: _Imap) -> None:
    try:
        imap.logout()
    except (imaplib.IMAP4.error, OSError):
        imap.shutdown()


def _opened(imap: _Imap, folder: str) -> Position:
    """Open the folder for reading; where it ends."""
    said, _ = imap.select(f'"{folder}"', readonly=True)
    if said != "OK":
        raise ChannelError("IMAP: there is no such folder", fault="account")
    validity, following = (_number(imap.response(name)[1]) for name in ("UIDVALIDITY", "UIDNEXT"))
    if following == 0:  # a server may keep it to itself
        uids = _found(imap.uid("SEARCH", "ALL"))
        following = max(uids, default=0) + 1
    return Position(validity, following - 1)


def _new_mails(imap: _Imap, since: Position | None, folder: str) -> tuple[list[Fetched], Position]:
    end = _opened(imap, folder)
    if since is None:
        return [], end
    start, later = since.uid, ""
    if since.validity != end.validity:
        # A folder that was made anew counts anew: then only what has come since the last look is looked at,
        # lest old mail be answered. What was read on that day is known by its message ids.
        if since.day is None:
            return [], end
        start, later = 0, f" SINCE {_imap_date(since.day - timedelta(days=1))}"
    # A range that ends in * holds the last mail even where that lies before its beginning.
    found = _found(imap.uid("SEARCH", f"UID {start + 1}:*{later}"))
    uids = sorted(uid for uid in found if uid > start)[:MAX_MAILS]
    mails: list[Fetched] = []
    bytes_left = MAX_LOOK_BYTES
    for uid, size in _sizes(imap, uids):
        bytes_left -= min(size, MAX_MAIL_BYTES)
        if bytes_left < 0:
            return mails, Position(end.validity, uid - 1)
        if (mail := _fetched(imap, uid, size)) is not None:
            mails.append(mail)
    return mails, Position(end.validity, max(uids, default=end.uid if later else start))


def _imap_date(day: date) -> str:
    return f"{day.day:02}-{_MONTHS[day.month - 1]}-{day.year}"


def _mail_at(imap: _Imap, position: Position, folder: str) -> bytes | None:
    if _opened(imap, folder).validity != position.validity:
        return None
    for uid, size in _sizes(imap, [position.uid]):
        found = _fetched(imap, uid, size)
        return found.content if found is not None and found.is_whole else None
    return None


def _sizes(imap: _Imap, uids: list[int]) -> list[tuple[int, int]]:
    if not uids:
        return []
    _said, answers = imap.uid("FETCH", ",".join(map(str, uids)), "(UID RFC822.SIZE)")
    found = {}
    for line in answers:
        text = line if isinstance(line, bytes) else b""
        uid, size = _UID.search(text), _SIZE.search(text)
        if uid and size:
            found[int(uid.group(1))] = int(size.group(1))
    return [(uid, found[uid]) for uid in uids if uid in found]


def _fetched(imap: _Imap, uid: int, size: int) -> Fetched | None:
    is_whole = size <= MAX_MAIL_BYTES
    _said, answers = imap.uid("FETCH", str(uid), "(BODY.PEEK[])" if is_whole else "(BODY.PEEK[HEADER])")
    for answer in answers:
        if isinstance(answer, tuple) and len(answer) == 2:
            return Fetched(uid, answer[1][:MAX_MAIL_BYTES], is_whole)
    return None  # deleted meanwhile


def _found(answer: tuple[str, list[Any]]) -> list[int]:
    said, lines = answer
    if said != "OK":
        return []
    return [int(word) for line in lines if isinstance(line, bytes) for word in line.split() if word.isdigit()]


def _number(lines: list[Any]) -> int:
    value = lines[-1] if lines else None
    return int(value) if isinstance(value, bytes) and value.isdigit() else 0


def _shut(opened: socket.socket) -> None:
    with suppress(OSError):  # it is closed already
        opened.shutdown(socket.SHUT_RDWR)
