"""A client's account: what is refused, what is hidden, and which side is wrong."""

from __future__ import annotations

import pytest
from csai_channel_email.settings import MailAccount
from csai_testkit.context import make_context
from pydantic import SecretStr, ValidationError

from plugins.channels.email.tests.mail_servers import open_mailbox, open_post_office
from plugins.channels.email.tests.mails import CHANNEL, account


async def test_the_check_says_which_side_is_wrong() -> None:
    async with open_post_office() as office, open_mailbox(folder="Support") as mailbox:
        whole = await CHANNEL.check(account(mailbox, office, imap_folder="Support"), make_context())
        no_folder = await CHANNEL.check(account(mailbox, office), make_context())
        no_smtp = await CHANNEL.check(account(mailbox), make_context())
        no_secret = await CHANNEL.check(account(mailbox, office, inbound="raw"), make_context())
    assert whole.is_ok
    assert [each.is_ok for each in (no_folder, no_smtp, no_secret)] == [False] * 3
    assert "folder" in no_folder.detail
    assert "SMTP" in no_smtp.detail
    assert "secret" in no_secret.detail


@pytest.mark.parametrize(
    "given",
    [
        {"address": "The Shop <help@shop.example>"},
        {"address": "a@b@c"},
        {"address": "x"},
        {"sender_name": 'a"b'},
        {"sender_name": "a\nb"},
        {"imap_folder": 'IN"BOX'},
        {"username": "a\r\nb"},
    ],
)
def test_settings_that_could_write_commands_or_headers_are_refused(given: dict[str, str]) -> None:
    with pytest.raises(ValidationError):
        MailAccount.model_validate(given)


def test_the_password_is_not_shown() -> None:
    assert "hidden-word" not in repr(MailAccount(password=SecretStr("hidden-word")))
