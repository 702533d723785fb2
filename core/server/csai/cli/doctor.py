"""`csai doctor`."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Annotated, Literal

import typer

if TYPE_CHECKING:
    from csai.config import Settings
    from csai.kit.crypto import Keyring
    from csai.secrets.rotation import Rotation

MIN_KEY_CHARS = 32
REDIS_TIMEOUT_S = 3
PROVIDER_TIMEOUT_S = 60


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that was looked at. A warning does not keep csai from running."""

    name: str
    state: Literal["ok", "warning", "failed"]
    detail: str
    remedy: str | None = None


def doctor(as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False) -> None:
    """Check the configuration and everything it points to. Ends with 1 when something will not work."""
    from csai.cli.configuration import load_settings, start_logging

    settings = load_settings()
    start_logging(settings, level="critical")  # the checks say what is wrong
    checks = list(_checks(settings))
    is_well = all(check.state != "failed" for check in checks)
    if as_json:
        typer.echo(json.dumps({"ok": is_well, "checks": [asdict(check) for check in checks]}))
    else:
        for check in checks:
            color = {"ok": "green", "warning": "yellow", "failed": "red"}[check.state]
            typer.echo(f"{typer.style(f'{check.state:<8}', fg=color)} {check.name}: {check.detail}")
            if check.remedy:
                typer.echo(f"         {check.remedy}")
    if not is_well:
        raise typer.Exit(1)


def _checks(settings: Settings) -> Iterator[Check]:
    yield _data_folder(settings)
    yield _secret_keys(settings)
    database = _database(settings)
    yield database
    if database.state == "ok":
        yield _stored_secrets(settings)
        yield _missing_plugins(settings)
    yield _redis(settings)
    if settings.oidc_issuer:
        yield _identity_provider(settings)
    yield _plugins(settings)
    yield _provider(settings)


def _data_folder(settings: Settings) -> Check:
    folder = settings.data_dir.absolute()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        reason = error.strerror or type(error).__name__
        return Check(
            "data folder", "failed", f"{folder} cannot be written to: {reason}", "Set CSAI_DATA_DIR."
        )
    return Check("data folder", "ok", str(folder))


def _secret_keys(settings: Settings) -> Check:
    remedy = "Set CSAI_SECRET_KEYS to a long random string (for example: openssl rand -hex 32)."
    if not settings.secret_keys:
        if settings.env == "production":
            return Check("secret keys", "failed", "none is set, and production needs one", remedy)
        return Check(
            "secret keys", "ok", f"one for development is kept in {settings.data_dir / 'secret.key'}"
        )
    shortest = min(len(key.get_secret_value()) for key in settings.secret_keys)
    if shortest < MIN_KEY_CHARS:
        state: Literal["warning", "failed"] = "failed" if settings.env == "production" else "warning"
        return Check("secret keys", state, f"one has only {shortest} characters", remedy)
    return Check("secret keys", "ok", f"{len(settings.secret_keys)} set; the first encrypts")


def _database(settings: Settings) -> Check:
    from csai.cli.migrate import current_revision
    from csai.config import ConfigError
    from csai.migrations import head

    try:
        revision = current_revision(settings)
    except ConfigError as error:
        return Check("database", "failed", str(error))
    is_sqlite = settings.effective_database_url.startswith("sqlite")
    kind = "SQLite" if is_sqlite else "PostgreSQL"
    if revision != head():
        detail = f"{kind}, at revision {revision or 'none'}; this version needs {head()}"
        if is_sqlite and settings.env == "development":
            return Check("database", "warning", detail, "csai serve will see to it, or run csai migrate.")
        return Check("database", "failed", detail, "Run csai migrate.")
    if is_sqlite and settings.env == "production":
        return Check("database", "warning", "SQLite serves one machine only", "Set CSAI_DATABASE_URL.")
    return Check("database", "ok", f"{kind}, up to date (revision {revision})")


def _stored_secrets(settings: Settings) -> Check:
    import asyncio

    from csai.config import ConfigError
    from csai.kit.crypto import Keyring

    try:
        keyring = Keyring(settings.signing_keys())
        found = asyncio.run(_looked_through(settings, keyring))
    except ConfigError as error:
        return Check("stored secrets", "failed", str(error))
    if found.unreadable:
        named = ", ".join(found.unreadable[:10]) + (", ..." if len(found.unreadable) > 10 else "")
        return Check(
            "stored secrets",
            "failed",
            f"{sum(each.unreadable for each in found.counts)} cannot be decrypted: {named}",
            "Add the key they were encrypted with to CSAI_SECRET_KEYS, after the first, or give them anew.",
        )
    older = sum(each.rotated for each in found.counts)
    if older:
        return Check(
            "stored secrets",
            "warning",
            f"{older} are under an older key, which must stay in CSAI_SECRET_KEYS",
            "Run csai secrets rotate.",
        )
    return Check("stored secrets", "ok", f"{sum(each.total for each in found.counts)}, under the first key")


async def _looked_through(settings: Settings, keyring: Keyring) -> Rotation:
    from csai.database import Database
    from csai.kit.clock import SystemClock
    from csai.secrets.rotation import rotate_secrets

    database = Database(settings.effective_database_url, pool_size=1)
    try:
        return await rotate_secrets(database, keyring, clock=SystemClock(), is_dry=True)
    finally:
        await database.close()


def _missing_plugins(settings: Settings) -> Check:
    import asyncio

    from csai.plugins.discovery import entry_points

    there = {point.name for point in entry_points()}
    missing = {name: count for name, count in asyncio.run(_in_use(settings)).items() if name not in there}
    if missing:
        named = ", ".join(f"{name} ({count})" for name, count in missing.items())
        return Check(
            "clients' plugins",
            "warning",
            f"on for clients (how many), and not installed: {named}",
            "Install them (csai plugins install), or switch them off (csai client plugin).",
        )
    return Check("clients' plugins", "ok", "all that are on for clients are installed")


async def _in_use(settings: Settings) -> dict[str, int]:
    from csai.clients.repository import plugins_in_use
    from csai.database import Database

    database = Database(settings.effective_database_url, pool_size=1)
    try:
        async with database.read() as connection:
            return await plugins_in_use(connection)
    finally:
        await database.close()


def _redis(settings: Settings) -> Check:
    import asyncio

    if not settings.redis_url:
        return Check("redis", "ok", "not set: every process limits rates for itself")
    try:
        asyncio.run(_ping(settings.redis_url))
    # An address that is none raises ValueError, and so does much else on the way; no detail, for it may show
    # the password.
    except Exception as error:  # noqa: BLE001
        reason = type(error).__name__
        return Check("redis", "failed", f"it does not answer ({reason})", "Check CSAI_REDIS_URL.")
    return Check("redis", "ok", "it answers")


async def _ping(url: str) -> None:
    from redis.asyncio import Redis

    connection = Redis.from_url(url, socket_timeout=REDIS_TIMEOUT_S, socket_connect_timeout=REDIS_TIMEOUT_S)
    try:
        await connection.ping()
    finally:
        await connection.aclose()


def _identity_provider(settings: Settings) -> Check:
    import asyncio

    from csai.config import ConfigError
    from csai.kit.problem import Problem

    try:
        asyncio.run(_ask_issuer(settings))
    except ConfigError as error:
        remedy = "Set what is missing, or leave CSAI_OIDC_ISSUER out."
        return Check("identity provider", "failed", str(error), remedy)
    except Problem:
        remedy = (
            f"Check CSAI_OIDC_ISSUER: {settings.oidc_issuer.rstrip('/')}/.well-known/openid-configuration"
        )
        return Check("identity provider", "failed", "it does not publish what a sign-in needs", remedy)
    return Check("identity provider", "ok", f"{settings.oidc_issuer} answers")


async def _ask_issuer(settings: Settings) -> None:
    from csai.admins.issuer import make_issuer
    from csai.kit.clock import SystemClock
    from csai.kit.egress import EgressPolicy
    from csai.kit.outbound import Outbound

    outbound = Outbound(EgressPolicy())
    try:
        issuer = make_issuer(settings, http=outbound.operator_http, clock=SystemClock())
        if issuer is not None:
            await issuer.check()
    finally:
        await outbound.aclose()


def _plugins(settings: Settings) -> Check:
    from csai.plugins.report import plugin_reports

    reports = plugin_reports(settings)
    kept_out = [item.id for item in reports if item.state == "quarantined"]
    degraded = [item.id for item in reports if item.state == "degraded"]
    if kept_out:
        return Check("plugins", "failed", f"kept out: {', '.join(kept_out)}", "Run csai plugins doctor.")
    if degraded:
        return Check("plugins", "warning", f"degraded: {', '.join(degraded)}", "Run csai plugins doctor.")
    return Check("plugins", "ok", f"{sum(item.state == 'loaded' for item in reports)} loaded")


def _provider(settings: Settings) -> Check:
    chosen, detail = _answering()
    if chosen is None:
        remedy = "Run csai plugins doctor." if detail else "Install a csai-provider-…"
        return Check("provider", "failed", detail or "no model provider is installed and set up", remedy)
    if settings.llm_provider and chosen != settings.llm_provider:
        return Check("provider", "failed", detail, "Set the provider's key, or another CSAI_LLM_PROVIDER.")
    return Check("provider", "ok", detail)


def _answering() -> tuple[str | None, str]:
    """The provider that answers, and why it is this. Asked in another process, which imports plugins."""
    try:
        ended = subprocess.run(
            [sys.executable, "-P", "-m", "csai.cli.provider"],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=PROVIDER_TIMEOUT_S,
            check=True,
        )
        chosen, detail = json.loads(ended.stdout.splitlines()[-1])
    except (subprocess.SubprocessError, OSError, ValueError, IndexError) as error:
        return None, f"the installed plugins cannot be asked ({type(error).__name__})"
    return chosen, detail
