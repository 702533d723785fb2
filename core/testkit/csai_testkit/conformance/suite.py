"""What every suite is made of: the plugin, its settings, and clients in front of a scripted vendor."""

from __future__ import annotations

import importlib
import os
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from functools import cached_property
from typing import Any, ClassVar, get_args

import pytest
from csai_sdk import PluginSettings
from pydantic import SecretStr

from csai_testkit.conformance.check import Check, check_of
from csai_testkit.conformance.prober import Prober
from csai_testkit.conformance.scene import Scene, becomes_true, new_secret, new_text, open_scene, secrets_in
from csai_testkit.conformance.watch import SecretLeaked, Watch
from csai_testkit.probe import Loaded
from csai_testkit.registration import Registration, read_registration
from csai_testkit.replay import Exchange


class Suite:
    """The frame of all suites. What is public here, an author may set and override."""

    plugin: ClassVar[str]
    """The value of the plugin's entry point, such as `csai_tool_hello` or `package.module:object`."""

    capabilities: ClassVar[Sequence[str]] = ()
    """What the plugin can do beyond the required; see the checks of the suite."""

    live_env: ClassVar[Sequence[str]] = ()
    """The environment variables that the live check needs."""

    patience_s: ClassVar[float] = 5.0
    """How long a check waits for what should happen at once."""

    kind: ClassVar[str] = "plugin"
    probing: Prober
    watch: Watch

    def settings(self, url: str, secret: str) -> Mapping[str, Any]:
        """The settings of a client whose vendor answers at `url`; every secret field is made of `secret`."""
        fields = self.registration.settings_model.model_fields
        return {
            **{name: secret for name, field in fields.items() if is_secret_field(field.annotation)},
            **({"base_url": url} if "base_url" in fields else {}),
        }

    def answer(self, text: str) -> Sequence[Exchange]:
        """The vendor's exchanges of one good call, with `text` in the answer. Nothing: there is no vendor."""
        return ()

    @property
    def loaded_plugin(self) -> Any:
        """The module or object with the hooks."""
        module, _, name = self.plugin.partition(":")
        found = importlib.import_module(module)
        return getattr(found, name) if name else found

    @cached_property
    def registration(self) -> Registration:
        """What the plugin registers."""
        return read_registration(self.loaded_plugin)

    def fresh_registration(self) -> Registration:
        """What the plugin registers, its parts made anew, as in a server that starts."""
        return read_registration(self.loaded_plugin)

    @property
    def probed(self) -> Loaded:
        """What loading the plugin did to a fresh process."""
        return self.probing.load(self.plugin)

    @property
    def has_vendor(self) -> bool:
        return bool(self.answer("a question"))

    def scene(
        self,
        client_id: str = "client",
        *,
        exchanges: Sequence[Exchange] | None = None,
        secret: str | None = None,
        **server: Any,
    ) -> AbstractAsyncContextManager[Scene]:
        """A client of its own, whose vendor plays `exchanges`, or one good answer."""
        text, secret = new_text(), secret or new_secret()
        return self._watched_scene(
            open_scene(
                self.plugin.partition(":")[0],
                self.valid_settings,
                client_id=client_id,
                exchanges=self.answer(text) if exchanges is None else exchanges,
                text=text,
                secret=secret,
                server=server,
            )
        )

    @asynccontextmanager
    async def _watched_scene(self, opening: AbstractAsyncContextManager[Scene]) -> AsyncIterator[Scene]:
        async with opening as scene:
            self.watch.secrets |= self.secrets(scene)
            yield scene

    def secrets(self, scene: Scene) -> set[str]:
        """What must never be read in a log, an error or a repr."""
        return secrets_in(scene.ctx.settings)

    async def soon(self, condition: Callable[[], bool]) -> bool:
        """Whether it becomes true while a check is patient."""
        return await becomes_true(condition, self.patience_s)

    def valid_settings(self, url: str, secret: str) -> PluginSettings:
        return self.registration.settings_model.model_validate(dict(self.settings(url, secret)))

    def why_not(self, check: Check, config: pytest.Config) -> str:
        """Why a check does not run, or nothing."""
        if not check.is_of_loading and self.probed.error:
            return "it cannot be loaded: see imports_quickly and registers_what_the_server_takes"
        if check.needs_vendor and not self.has_vendor:
            return "it says that it calls no vendor: the suite has no `answer`"
        if check.level == "capability" and check.capability not in self.capabilities:
            return f"the suite does not declare the capability '{check.capability}'"
        if check.level == "live":
            return self._why_not_live(config)
        return ""

    def _why_not_live(self, config: pytest.Config) -> str:
        if not config.getoption("csai_live"):
            return "live checks run under --csai-live"
        missing = [name for name in self.live_env if not os.environ.get(name)]
        if not self.live_env or missing:
            return f"there are no credentials: set {', '.join(missing) or '`live_env` in the suite'}"
        return ""

    @pytest.fixture(autouse=True)
    def _csai_check(self, request: pytest.FixtureRequest, csai_prober: Prober) -> Iterator[None]:
        """Around every check: does it apply, and did a secret come out?"""
        self.probing, self.watch = csai_prober, Watch()
        check = check_of(request.function)
        if check is not None and (reason := self.why_not(check, request.config)):
            pytest.skip(reason)
        with self.watch.listening():
            yield
        if leaks := self.watch.leaks():
            raise SecretLeaked(f"a secret of the settings stands in {', '.join(leaks)}")


def is_secret_field(annotation: Any) -> bool:
    """Whether a settings field of this type is stored encrypted and never shown."""
    return annotation is SecretStr or SecretStr in get_args(annotation)
