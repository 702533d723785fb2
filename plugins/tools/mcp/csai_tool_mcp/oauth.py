"""Access tokens by OAuth client credentials."""

from __future__ import annotations

from typing import Any

import httpx2
from mcp.client.auth import TokenStorage
from mcp.client.auth.extensions.client_credentials import ClientCredentialsOAuthProvider
from mcp.shared.auth import OAuthClientInformationFull, OAuthToken

from csai_tool_mcp.settings import McpServer


def client_credentials(server: McpServer, secret: str, url: str) -> httpx2.Auth:
    """Asks only the issuer that the client's admin named for tokens, and keeps them with the session."""
    return _Provider(
        server_url=url,
        storage=_Kept(),
        client_id=server.oauth_client_id,
        client_secret=secret,
        scope=server.oauth_scope or None,
        issuer=server.oauth_issuer,
    )


class _Provider(ClientCredentialsOAuthProvider):
    """Asks for the scopes that the admin named, where there are any.

    The SDK would put those in their place that the server names, which could be any that the client may have.
    """

    def __init__(self, *, scope: str | None, **settings: Any) -> None:
        super().__init__(scope=scope, **settings)
        self._wanted = scope

    async def _perform_authorization(self) -> httpx2.Request:
        if self._wanted is not None:
            self.context.client_metadata.scope = self._wanted
        return await super()._perform_authorization()


class _Kept(TokenStorage):
    def __init__(self) -> None:
        self._tokens: OAuthToken | None = None

    async def get_tokens(self) -> OAuthToken | None:
        return self._tokens

    async def set_tokens(self, tokens: OAuthToken) -> None:
        self._tokens = tokens

    async def get_client_info(self) -> OAuthClientInformationFull | None:
        return None

    async def set_client_info(self, client_info: OAuthClientInformationFull) -> None:
        """The client is the one of the settings."""
