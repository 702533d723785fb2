"""What is stored of a password is dear to guess from."""

from __future__ import annotations

import subprocess
import sys

HASHES = """
from csai.admins.password import hash_password
print(hash_password("a sentence of my own"), hash_password("a sentence of my own"))
"""


def test_a_password_is_hashed_with_a_salt_at_the_cost_that_is_recommended() -> None:
    """In a process of its own: in this one, hashes are cheap for the sake of all other tests."""
    ended = subprocess.run(
        [sys.executable, "-c", HASHES], capture_output=True, text=True, timeout=60, check=True
    )
    first, second = ended.stdout.split()
    assert first != second
    for stored in (first, second):
        assert stored.startswith("$argon2id$v=19$m=65536,t=3,p=4$")
