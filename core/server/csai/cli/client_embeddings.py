"""`csai client embeddings`: what makes vectors of a client's knowledge."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from csai.cli.client import NameOrId

if TYPE_CHECKING:
    from csai.cli.installation import Installation
    from csai.knowledge.schemas import ClientEmbeddings


def client_embeddings(
    name_or_id: NameOrId,
    use: Annotated[
        str | None,
        typer.Option(metavar="PROVIDER/MODEL|off", help="What makes the vectors; off searches words alone."),
    ] = None,
    dimensions: Annotated[
        int | None, typer.Option(min=1, max=4_000, help="The length of its vectors, where it can be chosen.")
    ] = None,
    min_similarity: Annotated[
        float | None,
        typer.Option(min=0, max=1, help="The cosine below which a passage is unrelated, for this model."),
    ] = None,
    is_reset: Annotated[bool, typer.Option("--reset", help="Leave it to the installation.")] = False,
    is_again: Annotated[bool, typer.Option("--again", help="Make all vectors anew.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Show what makes vectors of a client's knowledge and how far that is, and choose it.

    A running server or worker makes them in the background.
    """
    from csai.admins.audit import CLI
    from csai.cli.installation import in_transaction
    from csai.clients.service import find_client
    from csai.knowledge.choice import choose_embeddings, embed_again
    from csai.knowledge.choice import client_embeddings as read
    from csai.knowledge.schemas import EmbeddingsChange

    if sum((use is not None, is_reset, is_again)) > 1:
        raise typer.BadParameter("give one of --use, --reset and --again")
    if dimensions is not None and use is None:
        raise typer.BadParameter("--dimensions belongs to a model: name it with --use")
    if min_similarity is not None and use is None:
        raise typer.BadParameter("--min-similarity belongs to a model: name it with --use")

    async def work(installation: Installation) -> tuple[str, ClientEmbeddings]:
        transaction, clock = installation.transaction, installation.clock
        found = await find_client(transaction, name_or_id)
        if use is not None or is_reset:
            await choose_embeddings(
                transaction,
                found.id,
                EmbeddingsChange(model=use, dimensions=dimensions, min_similarity=min_similarity),
                registry=installation.registry,
                clock=clock,
                actor=CLI,
            )
        if is_again:
            await embed_again(transaction, found.id, clock=clock, actor=CLI)
        async with installation.views() as views:
            state, _tag = await read(
                transaction, found.id, views=views, default=installation.settings.embeddings
            )
        return found.name, state

    name, state = in_transaction(work)
    if as_json:
        typer.echo(state.model_dump_json())
        return
    _show(name, state)


def _show(name: str, state: ClientEmbeddings) -> None:
    whose = "its own choice" if state.source == "client" else "default"
    if state.using is None:
        typer.echo(f"The knowledge of {name} is searched by words alone ({whose}).")
        if state.reason:
            typer.echo(f"  Not {state.model or 'by the default'}: {state.reason}")
        return
    typer.echo(f"The knowledge of {name} is searched by words and by vectors of {state.using} ({whose}).")
    typer.echo(f"  {state.embedded} of {state.passages} passages have one.")
    if state.given_up:
        typer.echo(f"  Of {state.given_up} it makes none; they are found by their words:")
        for each in state.latest_given_up:
            typer.echo(f"    {each.title or each.id} ({each.error}, tried {each.tries} times)")
    if state.error:
        typer.echo(
            f"  The last try failed ({state.error}); the next is at {state.retry_at:%Y-%m-%d %H:%M} UTC."
        )
