"""Settings of the installation, from the environment (prefix `CSAI_`)."""

from __future__ import annotations

import os
import re
import secrets
import tempfile
from contextlib import suppress
from ipaddress import IPv4Network, IPv6Network
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, NonNegativeInt, SecretStr, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from csai.usage.rates import Rates

MIN_SECRET_CHARS = 32

# Those of Standard Webhooks' example: three days, the first retries while someone still looks.
WEBHOOK_WAITS_S = (5, 300, 1_800, 7_200, 18_000, 36_000, 50_400, 72_000, 86_400)

CommaList = Annotated[tuple[str, ...], NoDecode]


class ConfigError(Exception):
    """The installation cannot start as it is configured; the message says what to set."""


_WEB_ADDRESS = re.compile(r"https?://[^\s\"'<>?#]+")


class Settings(BaseSettings):
    """What the operator decides. Lists are separated by commas."""

    model_config = SettingsConfigDict(env_prefix="CSAI_", extra="ignore", frozen=True)

    env: Literal["development", "production"] = "development"
    data_dir: Path = Path("data")
    database_url: str = ""
    database_pool_size: int = Field(20, ge=1)
    database_timeout_s: float = Field(30, gt=0)
    """When a statement is given up; PostgreSQL only."""
    database_connect_timeout_s: float = Field(5, ge=2)
    redis_url: str = ""
    redis_timeout_s: float = Field(0.5, gt=0)
    """How long Redis is waited for; then it is done without for some seconds."""
    secret_keys: Annotated[tuple[SecretStr, ...], NoDecode] = ()
    public_url: str = ""
    """Where visitors reach the server, for what is shown to be copied; without a slash at its end."""
    trusted_proxies: Annotated[tuple[IPv4Network | IPv6Network, ...], NoDecode] = ()
    egress_allow: Annotated[tuple[IPv4Network | IPv6Network, ...], NoDecode] = ()

    plugins: CommaList = ()
    """Ids of the plugins that may be used; empty means every installed one."""
    plugins_on_by_default: CommaList = ("claude", "openai", "ollama", "offline", "hebrew")
    """Ids of the plugins that a client has without being given them: the bundled providers and locales."""
    llm_provider: str = ""
    """Provider of clients that name none; empty picks the first that is configured."""

    plugin_probe_s: float = Field(10, ge=0)
    """How long a new or changed plugin may take to be imported and registered; 0 tries none beforehand."""
    plugin_failures: int = Field(5, ge=0)
    """Calls in a row that a hook or tool of a plugin must fail until it is left alone; 0 never."""
    plugin_open_s: float = Field(30, gt=0)
    """For how long; then one call tries it."""
    plugin_block_s: float = Field(5, ge=0)
    """How long a plugin's code may keep a server standing still until it is kept out; 0 does not watch."""
    plugin_restart_s: float = Field(20, gt=0)
    """And until the server process is started anew."""

    require_second_factor: bool = False
    """Whether admins without one may do nothing but set one up."""

    oidc_issuer: str = ""
    """The identity provider by which admins may sign in too, as it writes its own name; empty: none."""
    oidc_client_id: str = ""
    """Who csai is to it."""
    oidc_client_secret: SecretStr = SecretStr("")
    oidc_label: str = ""
    """How the sign-in page calls it; empty is the host of the issuer."""
    oidc_domains: CommaList = ()
    """Domains of the e-mail addresses that it may let in; empty: any that an admin has."""
    oidc_claims: CommaList = ()
    """What it must say of who comes, as `name=value`, all of it."""
    oidc_verified_claim: str = "email_verified"
    """By which it says that the address is theirs."""

    rate_limit_client: int = Field(60, ge=0)
    """Messages a minute for one client; 0 switches the limit off."""
    rate_limit_visitor: int = Field(20, ge=0)
    live_connections: int = Field(1_000, ge=1)
    """How many visitors of one process may follow their conversations at once, of one client half of it; and
    how many admins may."""
    turn_deadline_s: float = 120
    first_token_timeout_s: float = 30
    drain_s: float = Field(20, ge=0)
    """How long open turns may still take when the server is told to stop."""
    confirmation_s: float = Field(600, ge=10, le=86_400)
    """How long a write action waits for the visitor's word."""
    lease_s: float = Field(30, ge=2)
    """How long a conversation stays with a process that has died; running turns renew it in time."""
    max_message_chars: int = 16_000
    max_body_bytes: int = 256_000
    history_messages: int = 20
    history_tokens: int = 8_000
    context_tokens: int = Field(32_000, ge=4_000)
    """About as many tokens of all that a model is sent: instructions, tools, passages, history, rounds."""
    response_cache_s: int = Field(300, ge=0)
    context_cache_s: int = Field(3_600, ge=0)
    """How long an anonymous visitor's first question is answered as the last one's was; 0 never."""
    max_output_tokens: int = 2_048
    temperature: float | None = 0.3
    tool_rounds: int = 3

    model_retries: int = Field(2, ge=0, le=10)
    """How often one provider is asked again for one answer, where that can help, before the next is."""
    circuit_failures: int = Field(5, ge=0)
    """Turns in a row that a provider must fail until it is left alone; 0 never leaves it alone."""
    circuit_open_s: float = Field(30, gt=0)
    """For how long; then one turn tries it."""
    alert_url: SecretStr = SecretStr("")
    """Where alerts are posted to as JSON. Chat services put a secret into such addresses."""

    embeddings: str = "offline"
    """What makes vectors of clients' knowledge where they name none, as provider/model; off: nothing does."""
    question_embedding_s: float = Field(0.8, gt=0)
    """How long the vector of a question may take; after that its words alone are searched."""

    price_overrides: dict[str, Rates] = {}
    """Prices below those that admins set, in USD a million tokens, as JSON:
    `{"provider:model": {"input": 1.5, "output": 6}}`."""

    invoice_due_days: int = Field(14, ge=0, le=365)
    """How long an invoice may stay unpaid until it is overdue."""

    jobs: Literal["in_process", "worker", "off"] = "in_process"
    """Who does them: a server, unless a worker lives; workers alone (`csai worker`); or nobody."""
    message_days: int = Field(30, ge=1)
    """How long messages are kept; a client may say otherwise."""
    tool_log_days: int = Field(90, ge=1)
    """How long the tool log is kept, without personal data once `message_days` are over."""
    webhook_timeout_s: float = Field(15, gt=0)
    webhook_waits_s: Annotated[tuple[NonNegativeInt, ...], NoDecode] = WEBHOOK_WAITS_S
    """Before another attempt at telling a client's webhook of an event; after the last it has failed."""
    channel_idle_s: float = Field(86_400, gt=0)
    """After so long a silence a message on a channel begins a new conversation."""
    follow_up_s: float = Field(300, gt=0)
    """How long a teammate's words may stay unread until they are mailed to a visitor who left an address."""
    archive_url: str = ""
    """Bucket, or folder in it, that takes messages and tool log before they are deleted."""
    archive_region: str = "us-east-1"
    archive_key_id: str = ""
    archive_secret_key: SecretStr = SecretStr("")

    log_level: str = "info"

    @field_validator("public_url", "archive_url")
    @classmethod
    def _is_web_address(cls, value: str) -> str:
        if value and not _WEB_ADDRESS.fullmatch(value):
            raise ValueError("write it like https://chat.example.com")
        return value.rstrip("/")

    @field_validator("alert_url")
    @classmethod
    def _is_hook_address(cls, value: SecretStr) -> SecretStr:
        if value and not value.get_secret_value().startswith(("http://", "https://")):
            raise ValueError("write it like https://hooks.example.com/...")
        return value

    @field_validator("oidc_issuer")
    @classmethod
    def _is_issuer(cls, value: str) -> str:
        # As it stands: some providers end theirs with a slash, and the name in their tokens too.
        if value and not _WEB_ADDRESS.fullmatch(value):
            raise ValueError("write it as the provider does, like https://accounts.example.com")
        return value

    @field_validator("oidc_claims")
    @classmethod
    def _are_claims(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        if not all(name and said for name, _, said in (item.partition("=") for item in value)):
            raise ValueError("write them like groups=support,hd=example.com")
        return value

    @field_validator(
        *("secret_keys", "trusted_proxies", "egress_allow", "plugins", "plugins_on_by_default"),
        *("oidc_domains", "oidc_claims", "webhook_waits_s"),
        mode="before",
    )
    @classmethod
    def _split(cls, value: object) -> object:
        return (
            [item.strip() for item in value.split(",") if item.strip()] if isinstance(value, str) else value
        )

    @property
    def heartbeat_s(self) -> float:
        """How often a running turn renews its lease: twice may fail."""
        return min(10.0, self.lease_s / 3)

    @property
    def effective_database_url(self) -> str:
        return self.database_url or f"sqlite+aiosqlite:///{(self.data_dir / 'csai.sqlite').absolute()}"

    def signing_keys(self) -> tuple[str, ...]:
        """The secret keys; outside production, one made at first use and kept in the data folder."""
        if self.secret_keys:
            keys = tuple(key.get_secret_value() for key in self.secret_keys)
            if self.env == "production" and min(map(len, keys)) < MIN_SECRET_CHARS:
                raise ConfigError(
                    f"every key in CSAI_SECRET_KEYS needs {MIN_SECRET_CHARS} characters or more"
                )
            return keys
        if self.env == "production":
            raise ConfigError(
                "set CSAI_SECRET_KEYS to a long random string (for example: openssl rand -hex 32)"
            )
        return (self._kept_key(self.data_dir / "secret.key"),)

    def _kept_key(self, path: Path) -> str:
        try:
            if not path.exists():
                self.data_dir.mkdir(parents=True, exist_ok=True)
                _write_once(path, secrets.token_urlsafe(48))
            key = path.read_text().strip()
        except OSError as error:
            raise ConfigError(f"CSAI_DATA_DIR cannot be used: {error.strerror}: {self.data_dir}") from None
        if not key:
            raise ConfigError(f"{path} is empty: put back its content, or delete it to have a new key made")
        return key


def _write_once(path: Path, text: str) -> None:
    """Write a private file whole or not at all; one that another process made first is left alone."""
    descriptor, name = tempfile.mkstemp(dir=path.parent)
    try:
        with os.fdopen(descriptor, "w") as file:
            file.write(text)
        with suppress(FileExistsError):
            os.link(name, path)
    finally:
        Path(name).unlink()
