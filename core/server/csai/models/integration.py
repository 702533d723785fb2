from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from csai.models.base import Base, Id, Name, primary_id, within_client


class ClientIntegration(Base):
    """How to reach a client's own system. `connection_config` holds what is secret of it, encrypted and bound
    to its owner; `settings` the rest. `tokens_encrypted` is what the system itself gave, and
    renews; `consent_nonce` names the consent that an admin was last sent for.
    """

    __tablename__ = "client_integrations"
    __table_args__ = (UniqueConstraint("client_id", "id"), UniqueConstraint("client_id", "name"))

    id: Mapped[str] = primary_id()
    client_id: Mapped[str] = mapped_column(Id, ForeignKey("clients.id", ondelete="CASCADE"))
    integration_type: Mapped[str] = mapped_column(String(50))
    name: Mapped[str] = mapped_column(Name)
    settings: Mapped[dict[str, Any]] = mapped_column(default=dict)
    connection_config: Mapped[str | None] = mapped_column(Text)
    settings_version: Mapped[int] = mapped_column(default=1)
    tokens_encrypted: Mapped[str | None] = mapped_column(Text)
    tokens_lease_until: Mapped[datetime | None]
    consent_nonce: Mapped[str | None] = mapped_column(String(64))
    enabled: Mapped[bool] = mapped_column(default=True)
    revision: Mapped[int] = mapped_column(default=1)
    last_sync_test: Mapped[datetime | None]
    last_test_ok: Mapped[bool | None]
    last_test_detail: Mapped[str | None] = mapped_column(String(500))
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime | None]


class IntegrationDelivery(Base):
    """A delivery of a client's system that had an effect which must not come twice."""

    __tablename__ = "integration_deliveries"
    __table_args__ = (
        within_client("integration_id", "client_integrations"),
        UniqueConstraint("integration_id", "delivery_id"),
    )

    id: Mapped[str] = primary_id()
    client_id: Mapped[str] = mapped_column(Id)
    integration_id: Mapped[str] = mapped_column(Id)
    delivery_id: Mapped[str] = mapped_column(String(200))
    received_at: Mapped[datetime]


class IntegrationEndpoint(Base):
    """A named piece of live data of an integration.

    Of a ready one, which the integration itself describes, the description here is only for catalogs.
    `visitor_parameters` are the arguments that the server fills with the visitor's id.
    """

    __tablename__ = "integration_endpoints"
    __table_args__ = (
        within_client("integration_id", "client_integrations"),
        UniqueConstraint("client_id", "id"),
        UniqueConstraint("integration_id", "endpoint_name"),
    )

    id: Mapped[str] = primary_id()
    client_id: Mapped[str] = mapped_column(Id)
    integration_id: Mapped[str] = mapped_column(Id)
    endpoint_name: Mapped[str] = mapped_column(String(100))
    endpoint_url: Mapped[str] = mapped_column(Text, default="")
    method: Mapped[str] = mapped_column(String(10), default="GET")
    description: Mapped[str] = mapped_column(Text, default="")
    parameters_schema: Mapped[dict[str, Any]] = mapped_column(default=dict)
    request: Mapped[dict[str, Any]] = mapped_column(default=dict)
    is_private: Mapped[bool] = mapped_column(default=False)
    is_ready: Mapped[bool] = mapped_column(default=False)
    visitor_parameters: Mapped[list[Any]] = mapped_column(default=list)
    cache_s: Mapped[int] = mapped_column(default=30)
    revision: Mapped[int] = mapped_column(default=1)
