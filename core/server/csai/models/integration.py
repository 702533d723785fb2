from __future__ import annotations

from datetime import datetime

from sqlalchemy import ForeignKey, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from csai.models.base import Base, Id, primary_id, within_client


class ClientIntegration(Base):
    """How to reach a client's own system. `connection_config` is encrypted and bound to its owner."""

    __tablename__ = "client_integrations"
    __table_args__ = (UniqueConstraint("client_id", "id"),)

    id: Mapped[str] = primary_id()
    client_id: Mapped[str] = mapped_column(Id, ForeignKey("clients.id", ondelete="CASCADE"))
    integration_type: Mapped[str] = mapped_column(String(50))
    connection_config: Mapped[str] = mapped_column(Text)
    enabled: Mapped[bool] = mapped_column(default=True)
    last_sync_test: Mapped[datetime | None]
    created_at: Mapped[datetime]


class IntegrationEndpoint(Base):
    """A named piece of live data of an integration."""

    __tablename__ = "integration_endpoints"
    __table_args__ = (
        within_client("integration_id", "client_integrations"),
        UniqueConstraint("integration_id", "endpoint_name"),
    )

    id: Mapped[str] = primary_id()
    client_id: Mapped[str] = mapped_column(Id)
    integration_id: Mapped[str] = mapped_column(Id)
    endpoint_name: Mapped[str] = mapped_column(String(100))
    endpoint_url: Mapped[str] = mapped_column(Text)
    method: Mapped[str] = mapped_column(String(10), default="GET")
    description: Mapped[str] = mapped_column(Text, default="")
