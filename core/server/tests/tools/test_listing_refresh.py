"""When a client's tools are listed anew, for that client alone, and what a listing costs."""

from __future__ import annotations

import asyncio
from typing import Any

from csai.models import ListedTools

from core.server.tests.tools.listing_site import Site, offered


async def test_one_clients_tools_are_no_other_clients(site: Site) -> None:
    other = await site.server.add_client()
    await site.refresh()
    await site.switch()
    tools = await site.admin.get(f"/admin/clients/{other.id}/tools")
    assert (tools["tools"], tools["sources"]) == ([], [])
    refused = await site.admin.change(f"/admin/clients/{other.id}/tools/crm__find", {"enabled": True})
    unknown = await site.admin.change(f"/admin/clients/{other.id}/tools/nothing", {"enabled": True})
    assert (refused.status_code, refused.json()["code"]) == (unknown.status_code, unknown.json()["code"])
    assert await site.usable(other) == []


async def test_what_was_asked_before_the_client_was_changed_is_not_kept(site: Site) -> None:
    """It may come from a system that the client no longer has."""

    async def change_once() -> None:
        site.systems.meanwhile = None
        site.systems.offer(offered(name="crm__new"))
        await bump(site)

    site.systems.meanwhile = change_once
    assert (await site.refresh())["added"] == ["crm__new"]
    assert await site.tool("crm__find") is None
    assert len(site.systems.asked) == 2


async def test_a_client_that_is_changed_again_and_again_is_not_listed_for_ever(site: Site) -> None:
    site.systems.meanwhile = lambda: bump(site)
    answered = await site.admin.ask("POST", f"{site.path}/refresh")
    assert (answered.status_code, answered.json()["code"]) == (409, "changed_meanwhile")
    assert await site.tool() is None


async def bump(site: Site) -> None:
    from csai.clients.repository import ClientRepository

    async with site.server.services.database.write() as transaction:
        await ClientRepository(transaction, site.server.client.id).bump()


async def test_a_refresh_that_changes_nothing_costs_nobody_a_new_view(site: Site) -> None:
    await site.refresh()
    before = [row["config_version"] for row in await _clients(site)]
    found = await site.refresh()
    assert not any(found[what] for what in ("added", "changed", "returned", "gone"))
    assert [row["config_version"] for row in await _clients(site)] == before


async def test_what_was_listed_stands_in_the_audit_log(site: Site) -> None:
    await site.refresh()
    entries = await site.admin.get("/admin/audit", count=5)
    listed = next(entry for entry in entries["entries"] if entry["action"] == "tools.listed")
    assert listed["after"]["sources"][0]["added"] == ["crm__find"]


async def test_a_backend_that_says_so_is_asked_again(site: Site) -> None:
    await site.refresh()
    assert site.systems.seen is not None
    site.systems.offer(offered(), offered(name="crm__new"))
    for _ in range(50):
        site.systems.seen.tools_changed()  # as often as a server likes
    async with asyncio.timeout(10):
        while await site.tool("crm__new") is None:  # noqa: ASYNC110 -- as an admin looks again
            await asyncio.sleep(0.02)
    assert len(site.systems.asked) == 2


async def test_changing_a_plugins_settings_lists_its_tools(site: Site) -> None:
    path = f"/admin/clients/{site.server.client.id}/plugins/test"
    await site.admin.change(path, {"enabled": False})
    answered = await site.admin.change(path, {"enabled": True})
    assert answered.status_code == 200, answered.text
    async with asyncio.timeout(10):
        while await site.tool() is None:  # noqa: ASYNC110 -- as an admin looks again
            await asyncio.sleep(0.02)


async def test_the_job_lists_them(site: Site) -> None:
    job = site.server.services.jobs._work.jobs["tools"]
    assert await job.do(site.server.client.id) == {"sources": 1, "changed": 1}
    assert await site.tool() is not None
    (row,) = await site.server.rows(ListedTools)
    assert row["client_id"] == site.server.client.id


async def test_an_unknown_client_is_not_found(site: Site) -> None:
    answered = await site.admin.ask(
        "POST", "/admin/clients/01980000-0000-7000-8000-000000000000/tools/refresh"
    )
    assert answered.status_code == 404


async def _clients(site: Site) -> list[Any]:
    from csai.models import Client

    return await site.server.rows(Client)
