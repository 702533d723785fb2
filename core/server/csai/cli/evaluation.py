"""`csai eval`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from csai.cli.client import NameOrId

if TYPE_CHECKING:
    from csai.cli.installation import Installation
    from csai.evals.result import Difference, Result, StepResult
    from csai.evals.stage import Variant
    from csai.evals.suite import Suite

WORDS_BEFORE = 3
WORDS_SHOWN = 25

evaluation = typer.Typer(
    name="eval",
    help="Try conversations with a client as it is, and as it would be after a change.",
    no_args_is_help=True,
)


@evaluation.command("run")
def run_suite(
    name_or_id: NameOrId,
    file: Annotated[Path, typer.Argument(metavar="SUITE.yaml", help="Conversations, as YAML or JSON.")],
    switched_on: Annotated[
        list[str] | None, typer.Option("--with", metavar="PLUGIN", help="With this plugin on. Repeatable.")
    ] = None,
    switched_off: Annotated[
        list[str] | None, typer.Option("--without", metavar="PLUGIN", help="With it off. Repeatable.")
    ] = None,
    prompt: Annotated[str | None, typer.Option(help="With this prompt. @- reads standard input.")] = None,
    tone: Annotated[str | None, typer.Option(help="With this tone.")] = None,
    provider: Annotated[str | None, typer.Option(help="With this provider.")] = None,
    model: Annotated[str | None, typer.Option(help="With this model.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Run a suite on a copy of the client that is thrown away, its tools answered by the suite.

    With a change (any of --with, --without, --prompt, --tone, --provider, --model) it runs twice, and what
    sets the runs apart is shown. Exits with 1 where an expectation is not met or, with a change, where one
    is not met that was met before. Nothing is booked for the client; models that cost something are asked.
    """
    from csai.cli.argument import read_text, read_value
    from csai.evals.result import compare
    from csai.evals.stage import Variant
    from csai.evals.suite import parse_suite

    suite = parse_suite(read_text(file))
    given = {"prompt": prompt, "tone": tone, "provider": provider, "model": model}
    variant = Variant(
        {**dict.fromkeys(switched_on or [], True), **dict.fromkeys(switched_off or [], False)},
        {name: read_value(value) for name, value in given.items() if value is not None},
    )
    runs = [Variant()] if variant.is_none else [Variant(), variant]
    results = _run_all(name_or_id, suite, runs, is_quiet=as_json)
    differences = compare(*results) if len(results) == 2 else []
    is_worse = any(each.regressions for each in differences) if differences else results[0].faults > 0
    if as_json:
        typer.echo(json.dumps(_as_json(suite, results, differences, is_worse), ensure_ascii=False))
    else:
        _show(results, differences)
    if is_worse:
        raise typer.Exit(1)


@evaluation.command()
def record(
    name_or_id: NameOrId,
    session_id: Annotated[str, typer.Argument(metavar="SESSION", help="Of a conversation that took place.")],
    name: Annotated[
        str | None, typer.Option(help="Of the case; the session's id where it is left out.")
    ] = None,
) -> None:
    """Write a conversation as a suite with one case: what was said, and what the tools answered then.

    The file holds the visitor's words: keep it as you keep those.
    """
    from csai.cli.installation import in_transaction
    from csai.clients.service import find_client
    from csai.evals.record import as_suite, recorded_case
    from csai.evals.repository import Source

    async def read(installation: Installation) -> dict[str, Any]:
        found = await find_client(installation.transaction, name_or_id)
        source = Source(installation.transaction, found.id)
        return await recorded_case(source, session_id, name=name or session_id)

    typer.echo(as_suite(in_transaction(read)), nl=False)


def _run_all(name_or_id: str, suite: Suite, variants: list[Variant], *, is_quiet: bool) -> list[Result]:
    from csai.cli.installation import in_transaction
    from csai.clients.service import find_client
    from csai.evals.run import run
    from csai.evals.stage import stage
    from csai.plugins.vetting import load_registry

    results: list[Result] = []

    async def find(installation: Installation) -> str:
        return (await find_client(installation.transaction, name_or_id)).id

    async def run_each(installation: Installation, client_id: str) -> None:
        for number, variant in enumerate(variants):
            label = "as it is" if number == 0 else "changed"

            def tell(case: str, label: str = label) -> None:
                if not is_quiet:
                    typer.echo(f"{label}: {case}", err=True)

            async with stage(
                client_id,
                variant,
                settings=installation.settings,
                database=installation.database,
                load=lambda: load_registry(installation.settings),
                at=suite.at,
            ) as ready:
                results.append(await run(suite, ready, progress=tell))

    in_transaction(find, afterwards=run_each)
    return results


def _as_json(
    suite: Suite, results: list[Result], differences: list[Difference], is_worse: bool
) -> dict[str, Any]:
    names = ("before", "after") if differences else ("result",)
    return {
        "suite": suite.name,
        "ok": not is_worse,
        **{name: _result(result) for name, result in zip(names, results, strict=True)},
        "differences": [
            {
                "case": each.before.case,
                "said": each.before.said,
                "changed": list(each.changed),
                "regressions": list(each.regressions),
                "cost_usd": round(each.after.cost_usd - each.before.cost_usd, 6),
                "latency_ms": each.after.latency_ms - each.before.latency_ms,
            }
            for each in differences
        ],
    }


def _result(result: Result) -> dict[str, Any]:
    from dataclasses import asdict

    return {
        "hash": result.hash,
        "faults": result.faults,
        "cost_usd": round(result.cost_usd, 6),
        "latency_ms": result.latency_ms,
        "steps": [asdict(step) | {"faults": [fault.words for fault in step.faults]} for step in result.steps],
    }


def _show(results: list[Result], differences: list[Difference]) -> None:
    for result in results[:1] if not differences else []:
        for step in result.steps:
            _show_step(step)
    for each in differences:
        _show_difference(each)
    for label, result in zip(("as it is", "changed"), results, strict=False):
        typer.echo(
            f"{label}: {len(result.steps)} turns, {result.faults} expectations not met, "
            f"{result.cost_usd:.6f} USD, {result.latency_ms} ms, {result.hash[:16]}"
        )


def _show_step(step: StepResult) -> None:
    typer.echo(f"{'FAIL' if step.faults else 'ok  '}  {step.case}: {step.said}")
    for fault in step.faults:
        typer.echo(f"        {fault.words}")


def _show_difference(each: Difference) -> None:
    state = "WORSE" if each.regressions else "other" if each.changed else "same "
    typer.echo(f"{state}  {each.before.case}: {each.before.said}")
    for name in each.changed:
        before, after = _apart(_words(each.before, name), _words(each.after, name))
        typer.echo(f"        {name}: {before}")
        typer.echo(f"        {' ' * len(name)}→ {after}")
    for fault in each.regressions:
        typer.echo(f"        not met any more: {fault}")


def _words(step: StepResult, name: str) -> list[str]:
    if name == "tools":
        return [f"{use.name}{json.dumps(use.arguments, ensure_ascii=False)}" for use in step.tools] or [
            "none"
        ]
    value = getattr(step, name)
    return (list(value) or ["nothing"]) if isinstance(value, tuple) else str(value).split() or ["(empty)"]


def _apart(before: list[str], after: list[str]) -> tuple[str, str]:
    """Both from a little before the word where they part."""
    same = next(
        (at for at, pair in enumerate(zip(before, after, strict=False)) if pair[0] != pair[1]),
        min(len(before), len(after)),
    )
    start = max(0, same - WORDS_BEFORE)
    lead = "… " if start else ""
    return (
        lead + " ".join(before[start : start + WORDS_SHOWN]),
        lead + " ".join(after[start : start + WORDS_SHOWN]),
    )
