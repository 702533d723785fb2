"""`csai client plugin`."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated

import typer

from csai.cli.client import NameOrId

if TYPE_CHECKING:
    from csai.cli.installation import Installation
    from csai.clients.plugin import PluginState
    from csai.clients.repository import ClientSummary
    from csai.plugins.schemas import PluginPreview
    from csai.tools.listing import SourceChange


def client_plugin(
    name_or_id: NameOrId,
    plugin_id: Annotated[str, typer.Argument(metavar="PLUGIN", help="Its id, as in csai plugins list.")],
    is_on: Annotated[bool | None, typer.Option("--on/--off", help="Switch it.")] = None,
    given: Annotated[
        list[str] | None,
        typer.Option(
            "--set", metavar="NAME=VALUE", help="Change a setting. NAME=@- reads standard input. Repeatable."
        ),
    ] = None,
    cleared: Annotated[
        list[str] | None, typer.Option("--unset", metavar="NAME", help="Take a setting back. Repeatable.")
    ] = None,
    is_reset: Annotated[bool, typer.Option("--reset", help="Forget all that was set before.")] = False,
    is_undo: Annotated[
        bool, typer.Option("--undo", help="Bring back what was before the last change, secrets included.")
    ] = False,
    is_preview: Annotated[
        bool,
        typer.Option("--preview", help="With --on or --off: show what would change, and change nothing."),
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Switch a plugin for a client and give its settings. Secrets are encrypted and not shown again."""
    from csai.cli.argument import need_any, read_pairs

    values = read_pairs(given or [])
    if is_preview:
        if is_on is None or values or cleared or is_reset or is_undo:
            raise typer.BadParameter("--preview goes with --on or --off alone")
        _show_preview(name_or_id, plugin_id, is_on=is_on, as_json=as_json)
        return
    if is_undo and (is_on is not None or values or cleared or is_reset):
        raise typer.BadParameter("--undo goes alone")
    need_any(
        is_on is not None, values, cleared, is_reset, is_undo, options="--on, --off, --set, --unset or --undo"
    )
    if is_on is False and not (values or cleared or is_reset):
        client, state = _switch_off(name_or_id, plugin_id)
        _show(client, plugin_id, state, as_json=as_json)
        return
    client, state, listed = _change(
        name_or_id,
        plugin_id,
        is_on=is_on,
        given=values,
        cleared=cleared or [],
        is_reset=is_reset,
        is_undo=is_undo,
    )
    _show(client, plugin_id, state, as_json=as_json)
    if listed and not as_json:
        from csai.cli.listing import show_listing

        show_listing(listed)


def _show(client: ClientSummary, plugin_id: str, state: PluginState, *, as_json: bool) -> None:
    if as_json:
        shown = {"enabled": state.enabled, "settings": state.settings, "secrets": state.secrets}
        typer.echo(json.dumps({"client_id": client.id, "plugin": plugin_id, **shown}))
        return
    typer.echo(f"{plugin_id} is {'on' if state.enabled else 'off'} for {client.name}.")
    for setting, value in state.settings.items():
        typer.echo(f"  {setting} = {json.dumps(value, ensure_ascii=False)}")
    for setting in state.secrets:
        typer.echo(f"  {setting} is set (secret)")


def _switch_off(name_or_id: str, plugin_id: str) -> tuple[ClientSummary, PluginState]:
    """Without importing any plugin, so that none hears of it: this has to work when one of them is broken."""
    from csai.admins.audit import CLI
    from csai.cli.installation import in_transaction
    from csai.clients.plugin import switch_off
    from csai.clients.service import find_client

    async def change(installation: Installation) -> tuple[ClientSummary, PluginState]:
        client = await find_client(installation.transaction, name_or_id)
        return client, await switch_off(
            installation.transaction,
            client.id,
            plugin_id,
            is_on_by_default=plugin_id in installation.settings.plugins_on_by_default,
            clock=installation.clock,
            actor=CLI,
        )

    return in_transaction(change)


def _change(
    name_or_id: str,
    plugin_id: str,
    *,
    is_on: bool | None,
    given: dict[str, str],
    cleared: list[str],
    is_reset: bool,
    is_undo: bool,
) -> tuple[ClientSummary, PluginState, list[SourceChange]]:
    from csai.admins.audit import CLI
    from csai.cli.installation import in_transaction
    from csai.cli.listing import list_tools
    from csai.clients.plugin import find_plugin, owned_settings, switch_plugin, undo_plugin
    from csai.clients.service import find_client
    from csai.plugins.toggle import tell_toggled

    listed: list[SourceChange] = []

    async def change(installation: Installation) -> tuple[ClientSummary, PluginState]:
        client = await find_client(installation.transaction, name_or_id)
        chosen = find_plugin(installation.registry, plugin_id)
        if is_undo:
            return client, await undo_plugin(
                installation.transaction,
                client.id,
                chosen,
                keyring=installation.keyring,
                clock=installation.clock,
                actor=CLI,
            )
        return client, await switch_plugin(
            installation.transaction,
            client.id,
            chosen,
            enabled=is_on,
            is_on_by_default=plugin_id in installation.settings.plugins_on_by_default,
            given=owned_settings(chosen, client.id, installation.keyring).values(given),
            cleared=cleared,
            is_reset=is_reset,
            keyring=installation.keyring,
            clock=installation.clock,
            actor=CLI,
        )

    async def tell(installation: Installation, done: tuple[ClientSummary, PluginState]) -> None:
        client, state = done
        lists_tools = state.enabled and bool(installation.registry.plugins[plugin_id].tool_backends)
        if not state.is_toggled and not lists_tools:
            return
        async with installation.views() as views:
            await tell_toggled(views, client.id, plugin_id, state)
            if lists_tools:
                listed.extend(await list_tools(installation, views, client.id))

    return (*in_transaction(change, afterwards=tell), listed)


def _show_preview(name_or_id: str, plugin_id: str, *, is_on: bool, as_json: bool) -> None:
    from csai.cli.installation import in_transaction
    from csai.clients.plugin import find_plugin
    from csai.clients.service import find_client
    from csai.plugins.description import preview_plugin

    async def look(installation: Installation) -> tuple[str, PluginPreview]:
        client = await find_client(installation.transaction, name_or_id)
        chosen = find_plugin(installation.registry, plugin_id)
        async with installation.views() as views:
            preview = await preview_plugin(
                installation.transaction,
                client.id,
                chosen,
                enabled=is_on,
                views=views,
                on_by_default=installation.settings.plugins_on_by_default,
            )
        return client.name, preview

    name, preview = in_transaction(look)
    if as_json:
        typer.echo(preview.model_dump_json())
        return
    now, then = ("on" if each else "off" for each in (preview.enabled_now, preview.enabled_then))
    typer.echo(f"{plugin_id} is {now} for {name} and would be {then}. Nothing was changed.")
    for what, names in (
        ("Tools that would go", preview.tools.gone),
        ("Tools that would come", preview.tools.added),
        ("Tools it brings that stay off", preview.tools.available),
        ("Languages that would go", preview.locales.gone),
        ("Languages that would come", preview.locales.added),
        ("Events it would no longer take part in", preview.hooks.gone),
        ("Events it would take part in", preview.hooks.added),
    ):
        if names:
            typer.echo(f"  {what}: {', '.join(names)}")
    if preview.providers.now != preview.providers.then:
        typer.echo(f"  Providers: {_chain(preview.providers.now)}; then {_chain(preview.providers.then)}")
    for warning in preview.warnings:
        typer.echo(f"  Note: {warning}")


def _chain(names: list[str]) -> str:
    return ", ".join(names) or "none"
