"""Visitors whose identity the host page vouches for."""

from __future__ import annotations

from datetime import datetime

import jwt
from sqlalchemy import select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection

from csai.kit.identifier import new_id
from csai.kit.problem import Problem
from csai.models import Visitor


def verified_visitor(user_token: str, secret: str | None) -> str:
    """The host page's id of the visitor, from its signed token (HS256, with `sub` and `exp`).

    Raises 401 when the token proves nothing, also when the client has no identity secret.
    """
    refusal = Problem(
        401,
        "user_token_invalid",
        "The user_token is not valid: sign it with HS256 and the client's identity secret, with sub and exp.",
    )
    if not secret:
        raise refusal
    try:
        claims = jwt.decode(
            user_token, secret, algorithms=["HS256"], options={"require": ["exp", "sub"]}, leeway=10
        )
    except jwt.InvalidTokenError:
        raise refusal from None
    subject = claims["sub"]
    if not isinstance(subject, str) or not 0 < len(subject) <= 200 or "\x00" in subject:
        raise refusal
    return subject


class VisitorRepository:
    """One client's visitors."""

    def __init__(self, connection: AsyncConnection, client_id: str) -> None:
        self._connection = connection
        self._client_id = client_id

    async def ensure(self, external_id: str, *, now: datetime) -> str:
        """The visitor's id, made at first sight."""
        find = select(Visitor.id).where(
            Visitor.client_id == self._client_id, Visitor.external_id == external_id
        )
        found: str | None = (await self._connection.execute(find)).scalar()
        if found is not None:
            return found
        dialect = postgresql if self._connection.dialect.name == "postgresql" else sqlite
        statement = dialect.insert(Visitor).values(
            id=new_id(), client_id=self._client_id, external_id=external_id, created_at=now
        )
        await self._connection.execute(statement.on_conflict_do_nothing())
        return str((await self._connection.execute(find)).scalar_one())
