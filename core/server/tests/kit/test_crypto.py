from __future__ import annotations

import re

import pytest
from csai.kit.crypto import DecryptError, Keyring, key_hash, new_key

OWNER = "client:1/plugin:claude"


@pytest.fixture
def keyring() -> Keyring:
    return Keyring(["first secret"])


@pytest.mark.parametrize("value", ["", "sk-ant-123", "שלום\n", '{"k": 1}'])
def test_secret_comes_back_to_its_owner(keyring: Keyring, value: str) -> None:
    token = keyring.encrypt(value, OWNER)
    assert keyring.decrypt(token, OWNER) == value
    assert not value or value not in token


def test_bytes_come_back_as_bytes(keyring: Keyring) -> None:
    assert keyring.decrypt_bytes(keyring.encrypt(b"\xff\x00", OWNER), OWNER) == b"\xff\x00"


@pytest.mark.parametrize(
    "owner", ["client:2/plugin:claude", "client:1/plugin:claud", "", OWNER + " ", "session"]
)
def test_row_moved_to_another_owner_does_not_decrypt(keyring: Keyring, owner: str) -> None:
    token = keyring.encrypt("secret", OWNER)
    with pytest.raises(DecryptError, match="CSAI_SECRET_KEYS"):
        keyring.decrypt(token, owner)
    with pytest.raises(DecryptError):
        keyring.rotate(token, owner)


def test_old_key_decrypts_and_new_key_encrypts() -> None:
    old, new = Keyring(["old"]), Keyring(["new"])
    both = Keyring(["new", "old"])
    assert both.decrypt(old.encrypt("secret", OWNER), OWNER) == "secret"
    assert new.decrypt(both.encrypt("secret", OWNER), OWNER) == "secret"


def test_rotated_secret_needs_the_old_key_no_longer() -> None:
    token = Keyring(["old"]).encrypt(b"\xffsecret", OWNER)
    rotated = Keyring(["new", "old"]).rotate(token, OWNER)
    assert Keyring(["new"]).decrypt_bytes(rotated, OWNER) == b"\xffsecret"


def test_secret_of_a_forgotten_key_does_not_decrypt(keyring: Keyring) -> None:
    with pytest.raises(DecryptError) as caught:
        Keyring(["other"]).decrypt(keyring.encrypt("sk-123", OWNER), OWNER)
    assert "sk-123" not in str(caught.value)
    assert "secret" not in repr(keyring)


def test_truncated_or_garbled_secret_does_not_decrypt(keyring: Keyring) -> None:
    token = keyring.encrypt("secret", OWNER)
    middle = len(token) // 2
    other = "A" if token[middle] != "A" else "B"
    for broken in ("", "x", "é", token[:-4], token[4:], token[:middle] + other + token[middle + 1 :]):
        with pytest.raises(DecryptError):
            keyring.decrypt(broken, OWNER)


@pytest.mark.parametrize("keys", [[], [""], ["good", " "]])
def test_keyring_without_a_key_or_with_an_empty_one_is_refused(keys: list[str]) -> None:
    with pytest.raises(ValueError, match="CSAI_SECRET_KEYS"):
        Keyring(keys)


def test_session_token_is_stable_and_fits_a_header(keyring: Keyring) -> None:
    token = keyring.session_token("s-1")
    assert token == Keyring(["first secret"]).session_token("s-1")
    assert re.fullmatch(r"[A-Za-z0-9_-]{43}", token)
    assert keyring.is_session_token("s-1", token)


def test_token_of_one_session_is_refused_for_another(keyring: Keyring) -> None:
    assert not keyring.is_session_token("s-2", keyring.session_token("s-1"))


def test_truncated_or_garbled_session_token_is_refused(keyring: Keyring) -> None:
    token = keyring.session_token("s-1")
    for broken in ("", token[:-1], token + "=", token.swapcase(), "é" * 43, "\ud800", key_hash(token)):
        assert not keyring.is_session_token("s-1", broken)


def test_session_token_of_an_old_key_still_opens_and_new_ones_are_signed_by_the_first() -> None:
    both = Keyring(["new", "old"])
    assert both.is_session_token("s-1", Keyring(["old"]).session_token("s-1"))
    assert both.session_token("s-1") == Keyring(["new"]).session_token("s-1")
    assert not both.is_session_token("s-1", Keyring(["gone"]).session_token("s-1"))


@pytest.mark.parametrize("kind", ["pk", "sk"])
def test_new_keys_say_their_kind_and_differ(kind: str) -> None:
    made = {new_key(kind) for _ in range(100)}  # type: ignore[arg-type]
    assert len(made) == 100
    assert all(re.fullmatch(rf"{kind}_[A-Za-z0-9_-]{{32}}", key) for key in made)


def test_hash_of_a_key_is_stable_and_tells_nothing_of_it() -> None:
    assert key_hash("abc") == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
