"""Secrets at rest, session tokens and API keys."""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
from collections.abc import Sequence
from typing import Literal

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

_KEY_RANDOM_BYTES = 24  # 32 characters


class DecryptError(Exception):
    """A stored secret cannot be read: its key is gone, its row was moved or its text was changed."""

    def __init__(self) -> None:
        super().__init__(
            "a stored secret cannot be decrypted: add the key it was encrypted with to CSAI_SECRET_KEYS, "
            "after the first one, or enter the secret again"
        )


class Keyring:
    """The installation's secret keys: the first encrypts and signs, all decrypt and verify.

    What is encrypted belongs to an owner, such as `client:<id>/plugin:<name>`: each owner has keys of its
    own, so that a row moved to another one does not decrypt.
    """

    def __init__(self, secret_keys: Sequence[str]) -> None:
        if not secret_keys or not all(key.strip() for key in secret_keys):
            raise ValueError("CSAI_SECRET_KEYS must hold at least one key, and no empty one")
        self._roots = [key.encode() for key in secret_keys]
        self._session_keys = [_derive(root, "session") for root in self._roots]

    def encrypt(self, value: str | bytes, owner: str) -> str:
        content = value.encode() if isinstance(value, str) else value
        return self._cipher(owner).encrypt(content).decode()

    def decrypt(self, token: str, owner: str) -> str:
        """Raises `DecryptError`."""
        return self.decrypt_bytes(token, owner).decode()

    def decrypt_bytes(self, token: str, owner: str) -> bytes:
        """Raises `DecryptError`."""
        try:
            return self._cipher(owner).decrypt(token.encode())
        except InvalidToken:
            raise DecryptError from None

    def rotate(self, token: str, owner: str) -> str:
        """The same secret under the first key. Raises `DecryptError`."""
        return self.encrypt(self.decrypt_bytes(token, owner), owner)

    def is_current(self, token: str, owner: str) -> bool:
        """Whether the secret is under the first key, and so needs none of the others."""
        try:
            Fernet(_fernet_key(self._roots[0], owner)).decrypt(token.encode())
        except InvalidToken:
            return False
        return True

    def derived_keys(self, purpose: str) -> list[bytes]:
        """Keys of 32 bytes for one purpose: the first signs, all verify."""
        return [_derive(root, f"purpose:{purpose}") for root in self._roots]

    def derived_text(self, purpose: str, text: str) -> str:
        """43 characters that nobody makes of the text without the first key."""
        return _sign(self.derived_keys(purpose)[0], text)

    def session_token(self, session_id: str) -> str:
        """What proves that a visitor owns the session: always the same, as a replay must give it again."""
        return _sign(self._session_keys[0], session_id)

    def is_session_token(self, session_id: str, token: str) -> bool:
        shown = token.encode(errors="replace")
        return any(hmac.compare_digest(_sign(key, session_id).encode(), shown) for key in self._session_keys)

    def _cipher(self, owner: str) -> MultiFernet:
        return MultiFernet([Fernet(_fernet_key(root, owner)) for root in self._roots])


def _derive(root: bytes, purpose: str) -> bytes:
    return HKDF(algorithm=SHA256(), length=32, salt=None, info=f"csai/{purpose}".encode()).derive(root)


def _fernet_key(root: bytes, owner: str) -> bytes:
    return base64.urlsafe_b64encode(_derive(root, f"owner:{owner}"))


def _sign(key: bytes, text: str) -> str:
    digest = hmac.digest(key, text.encode(errors="replace"), "sha256")
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()


def new_key(kind: Literal["pk", "sk"]) -> str:
    """A publishable or a secret API key of 192 random bits."""
    return f"{kind}_{secrets.token_urlsafe(_KEY_RANDOM_BYTES)}"


def key_hash(key: str) -> str:
    """What is stored of an API key. A fast hash does: nobody can guess through 192 random bits."""
    return hashlib.sha256(key.encode(errors="replace")).hexdigest()
