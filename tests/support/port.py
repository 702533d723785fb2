"""A port for a program that has to be told one before it starts."""

from __future__ import annotations

import random
import socket

# Below those that systems hand out: there it could be gone again, to any connection that is made, before
# the program takes it.
LOWEST, HIGHEST = 20_000, 30_000


def free_port() -> int:
    while True:
        port = random.SystemRandom().randint(LOWEST, HIGHEST)
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
