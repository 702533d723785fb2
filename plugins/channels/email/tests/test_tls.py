"""Connections to mail servers are encrypted as set, and their certificates checked."""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from csai_channel_email.channel import EmailChannel
from csai_channel_email.settings import MailAccount
from csai_channel_email.tls import tls_context
from csai_sdk import ChannelAccount, ConnectionCheck
from csai_testkit.context import make_context

from plugins.channels.email.tests.mail_servers import Mailbox, PostOffice, open_mailbox, open_post_office


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A certificate for 127.0.0.1 that is its own authority, and its key, in one file."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "mail.example")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    path = tmp_path_factory.mktemp("tls") / "both.pem"
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    path.write_bytes(private + made.public_bytes(serialization.Encoding.PEM))
    return path


@pytest.fixture(params=[True, False], ids=["trusted", "unknown"])
def is_trusted(
    request: pytest.FixtureRequest, certificate: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[bool]:
    """Whether this machine knows the servers' authority."""
    if request.param:
        monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    tls_context.cache_clear()
    yield bool(request.param)
    tls_context.cache_clear()


async def checked(mailbox: Mailbox, office: PostOffice, security: str) -> ConnectionCheck:
    values = {
        "address": "help@shop.example",
        "password": "mailbox-password",
        "imap_host": "127.0.0.1",
        "imap_port": mailbox.port,
        "imap_security": security,
        "smtp_host": "127.0.0.1",
        "smtp_port": office.port,
        "smtp_security": security,
    }
    return await EmailChannel().check(ChannelAccount("a", MailAccount.model_validate(values)), make_context())


@pytest.mark.parametrize("security", ["tls", "starttls"])
async def test_a_known_certificate_is_accepted_and_an_unknown_one_is_not(
    certificate: Path, is_trusted: bool, security: str
) -> None:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate)
    given = {"direct_tls" if security == "tls" else "start_tls": context}
    async with open_mailbox(**given) as mailbox, open_post_office(**given) as office:
        found = await checked(mailbox, office, security)
    assert found.is_ok is is_trusted, found.detail
