"""What was changed, and by whom."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request

from csai.admins.audit_schemas import AuditPage, AuditQuery
from csai.admins.repository import AUDIT_ORDER, AuditRepository
from csai.admins.service import READERS
from csai.kit.cursor import read_place
from csai.kit.openapi import ADMIN_PROBLEMS
from csai.kit.page import page_of
from csai.services import Services

router = APIRouter(prefix="/admin", tags=["admin"], responses=ADMIN_PROBLEMS)


@router.get("/audit", summary="What was changed, by whom; the newest first", response_model=AuditPage)
async def audit(request: Request, asked: Annotated[AuditQuery, Query()]) -> Any:
    """An admin who is bound to clients reads of those alone."""
    services: Services = request.app.state.services
    admin = await services.admins.enter(request, roles=READERS, is_scoped=True)
    place = read_place(asked.before, order=AUDIT_ORDER)
    async with services.database.read() as connection:
        rows = await AuditRepository(connection).newest(
            asked.filter(admin.client_ids), after=place, count=asked.limit + 1
        )
    page, earlier = page_of(rows, asked.limit, mark=lambda row: str(row.place))
    return {"entries": [asdict(row) for row in page], "next": earlier}
