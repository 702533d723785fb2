"""What a system lists wrongly, or does not answer, changes nothing of what was listed before."""

from __future__ import annotations

import pytest
from csai.tools.offer import MAX_TOOLS
from csai.tools.repository import Catalog
from csai_sdk import ListedTool, ToolListing

from core.server.tests.tools.listing_site import Site, offered


async def test_a_system_that_does_not_answer_leaves_all_as_it_was(site: Site) -> None:
    await site.refresh()
    await site.switch()
    site.systems.listings = [ToolListing("crm", problem="it cannot be reached")]
    assert (await site.refresh())["problem"] == "it cannot be reached"
    assert await site.usable() == ["crm__find"]
    (source,) = (await site.admin.get(site.path))["sources"]
    assert (source["source"], source["problem"]) == ("crm", "it cannot be reached")


@pytest.mark.parametrize("fault", [RuntimeError("boom"), TimeoutError()])
async def test_a_backend_that_raises_leaves_all_as_it_was(site: Site, fault: Exception) -> None:
    await site.refresh()
    await site.switch()
    site.systems.fault = fault
    answered = await site.admin.ask("POST", f"{site.path}/refresh")
    assert answered.json() == {"sources": []}
    assert await site.usable() == ["crm__find"]


@pytest.mark.parametrize(
    ("tool", "reason"),
    [
        (offered(schema={"$ref": "http://inside/schema.json"}), "refer"),
        (offered(schema={"type": "string"}), "object"),
        (offered(schema={"type": "object", "x": "y" * 70_000}), "more than"),
        (offered(name="no spaces"), "vendors of models do not take its name"),
        (offered(description=" "), "no description"),
        (offered(config={"at": "x" * 3_000}), "too long"),
        (offered(schema={"type": "object", "title": "\x00"}), "cannot be stored"),
    ],
)
async def test_what_cannot_be_kept_is_refused_with_the_reason(
    site: Site, tool: ListedTool, reason: str
) -> None:
    site.systems.offer(tool, offered(name="crm__fine"))
    found = await site.refresh()
    assert found["added"] == ["crm__fine"]
    (refused,) = found["refused"]
    assert reason in refused["reason"]


async def test_names_that_are_taken_are_refused(site: Site) -> None:
    site.systems.listings = [ToolListing("crm", [offered()]), ToolListing("erp", [offered()])]
    answered = (await site.admin.ask("POST", f"{site.path}/refresh")).json()["sources"]
    assert [source["tools"] for source in answered] == [1, 0]
    assert "another tool of this name" in answered[1]["refused"][0]["reason"]


async def test_a_client_has_only_so_many(site: Site) -> None:
    site.systems.offer(*(offered(name=f"crm__{number}") for number in range(MAX_TOOLS + 5)))
    found = await site.refresh()
    assert found["tools"] == MAX_TOOLS
    assert len(found["refused"]) == 5


async def test_a_shared_tool_of_that_name_changes_nothing_for_the_client(site: Site) -> None:
    """An operator adds it after the client's system listed its own."""
    await site.refresh()
    async with site.server.services.database.write() as transaction:
        await Catalog(transaction).add(
            "crm__find",
            backend="systems",
            now=site.server.services.clock.now(),
            description="Shared.",
            parameters_schema={"type": "object"},
        )
    tools = (await site.admin.get(site.path))["tools"]
    assert [tool["description"] for tool in tools if tool["name"] == "crm__find"] == [
        (await site.tool() or {})["description"]
    ]
    switched = await site.switch()
    assert switched.status_code == 200, switched.text
    assert (switched.json()["source"], switched.json()["enabled"]) == ("crm", True)
    assert await site.usable() == ["crm__find"]
