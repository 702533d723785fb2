"""Sending by SMTP."""

from __future__ import annotations

import asyncio
from email.message import EmailMessage

import aiosmtplib
from csai_sdk import ChannelError, HttpError, PluginContext

from csai_channel_email.settings import MailAccount
from csai_channel_email.tls import tls_context

TIMEOUT_S = 30.0
_ADDRESS_CODES = (550, 551, 553)
_BUSY_CODES = (421, 450, 451, 452)


async def send(mail: EmailMessage, receiver: str, account: MailAccount, ctx: PluginContext) -> None:
    """Raises `ChannelError`."""
    is_handed_over = False
    try:
        async with asyncio.timeout(TIMEOUT_S):
            smtp = await _connect(account, ctx)
            try:
                await smtp.mail(account.address)
                await smtp.rcpt(receiver)
                is_handed_over = True  # a connection that breaks from here on may break after the mail
                await smtp.data(mail.as_bytes())
            finally:
                smtp.close()
    except aiosmtplib.SMTPAuthenticationError:
        raise ChannelError("the mail server refused the user name or password", fault="account") from None
    except aiosmtplib.SMTPNotSupported:
        raise ChannelError("the mail server knows no way to log in", fault="account") from None
    except aiosmtplib.SMTPResponseException as error:
        raise _refusal(error.code) from None
    except (aiosmtplib.SMTPException, OSError):  # TimeoutError among them
        raise ChannelError(
            "the mail server gave no answer", fault="busy", is_outcome_known=not is_handed_over
        ) from None


async def check(account: MailAccount, ctx: PluginContext) -> None:
    """Log in and say goodbye. Raises `ChannelError`."""
    try:
        async with asyncio.timeout(TIMEOUT_S):
            smtp = await _connect(account, ctx)
            try:
                await smtp.quit()
            finally:
                smtp.close()
    except aiosmtplib.SMTPAuthenticationError:
        raise ChannelError("SMTP: the user name or password is wrong", fault="account") from None
    except aiosmtplib.SMTPNotSupported:
        raise ChannelError(
            "SMTP: the server lacks this encryption or way to log in", fault="account"
        ) from None
    except (aiosmtplib.SMTPException, OSError):
        raise ChannelError("SMTP: the server gave no proper answer", fault="busy") from None


async def _connect(account: MailAccount, ctx: PluginContext) -> aiosmtplib.SMTP:
    if not account.smtp_host or not account.address:
        raise ChannelError("set the address and the SMTP server", fault="account")
    try:
        opened = await ctx.transports.connect(account.smtp_host, account.smtp_port, is_operator_url=False)
    except HttpError as error:
        raise ChannelError(f"SMTP: {error}", fault="busy") from None
    smtp = aiosmtplib.SMTP(
        hostname=account.smtp_host,
        sock=opened,
        use_tls=account.smtp_security == "tls",
        start_tls=False,
        tls_context=None if account.smtp_security == "none" else tls_context(),
        local_hostname=account.address.split("@")[1],
        timeout=TIMEOUT_S,
    )
    try:
        await smtp.connect()
        await _let_in(smtp, account)
    except BaseException:
        smtp.close()
        opened.close()
        raise
    return smtp


async def _let_in(smtp: aiosmtplib.SMTP, account: MailAccount) -> None:
    """Encrypt as the settings say, and log in: never the other way round."""
    await smtp.ehlo()
    if account.smtp_security == "starttls":
        if not smtp.supports_extension("starttls"):
            raise ChannelError("SMTP: the server offers no STARTTLS", fault="account")
        await smtp.starttls(tls_context=tls_context(), server_hostname=account.smtp_host)
        await smtp.ehlo()
    user, password = account.smtp_login
    if password:
        await smtp.login(user, password)


def _refusal(code: int) -> ChannelError:
    if code in _ADDRESS_CODES:
        return ChannelError("the mail server refused the receiver", fault="address", code=str(code))
    if code in _BUSY_CODES:
        return ChannelError("the mail server asks for a later try", fault="busy", code=str(code))
    return ChannelError(f"the mail server refused the mail ({code})", fault="refused", code=str(code))
