"""Encryption for connections to mail servers: certificates checked, the server's name with them."""

from __future__ import annotations

import ssl
from functools import cache


@cache
def tls_context() -> ssl.SSLContext:
    return ssl.create_default_context()
