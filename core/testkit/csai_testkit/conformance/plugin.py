"""`PluginSuite`: what every plugin promises, whatever it brings."""

from __future__ import annotations

import asyncio
import inspect
import json
import re
from contextlib import suppress
from typing import Any, ClassVar

from csai_sdk import HookRefusal, event
from pydantic import ValidationError

from csai_testkit.conformance import sample
from csai_testkit.conformance.check import required, required_to_load
from csai_testkit.conformance.kept import text_of
from csai_testkit.conformance.scene import Scene, new_secret
from csai_testkit.conformance.suite import Suite, is_secret_field
from csai_testkit.registration import RegistrationError, settings_faults, unmarked_addresses

_SOUNDS_SECRET = re.compile(r"(^|_)(secret|password|passphrase|token|(api|private|access|signing)_key)s?$")
_HOOK_PATIENCE_S = 2.0
_ENOUGH_CHARS = 16


class PluginSuite(Suite):
    """Checks for every plugin. The suites of the kinds hold these too."""

    import_limit_s: ClassVar[float] = 2.0
    """The processor time that importing the plugin may take."""

    @required_to_load
    def test_imports_without_io(self) -> None:
        """Importing the plugin connects to nothing, writes nothing, starts no process, leaves no thread."""
        assert not self.probed.import_io, f"do this when it is needed, not at import: {self.probed.import_io}"
        left = [change for change in self.probed.changed if change.startswith("a thread")]
        assert not left, f"start threads when they are needed, not at import: {left}"

    @required_to_load
    def test_imports_quickly(self) -> None:
        """Importing the plugin comes to an end, within two seconds of processor time."""
        assert not self.probed.is_late, self.probed.error
        assert self.probed.cpu_s <= self.import_limit_s, (
            f"importing took {self.probed.cpu_s:.1f} s of processor time: load a slow library at the first "
            "call, with csai_sdk.load_module"
        )

    @required_to_load
    def test_registers_without_side_effects(self) -> None:
        """Registering does no I/O and gives the same again; loading changes nothing that is shared."""
        probed = self.probed
        assert not probed.registration_io, f"a register_ hook does I/O: {probed.registration_io}"
        changed = [change for change in probed.changed if not change.startswith("a thread")]
        assert not changed, f"loading the plugin changed what others share: {changed}"
        assert probed.parts_again == probed.parts or probed.error, (
            "it registers something else the second time"
        )

    @required_to_load
    def test_registers_what_the_server_takes(self) -> None:
        """Hooks, ids, names and schemas keep the server's rules."""
        assert not self.probed.error or self.probed.is_late, (
            f"the server would keep it out: {self.probed.error}"
        )
        try:
            registration = self.registration
        except RegistrationError as error:
            raise AssertionError(f"the server would keep it out: {error}") from None
        assert registration.parts or registration.event_hooks, "it registers nothing: is `@hookimpl` missing?"

    @required
    def test_describes_its_settings(self) -> None:
        """Every setting has a default, a title and a description: the admin's form is drawn from them."""
        faults = settings_faults(self.registration.settings_model)
        assert not faults, f"of the settings, {'; '.join(faults)}"

    @required
    def test_settings_survive_storage(self) -> None:
        """Settings become a JSON Schema and JSON, and are read back the same."""
        model = self.registration.settings_model
        json.dumps(model.model_json_schema(), allow_nan=False)
        for settings in (model(), self.valid_settings("http://127.0.0.1:9", new_secret())):
            plain = json.loads(settings.model_dump_json())
            hidden = {name for name, field in model.model_fields.items() if is_secret_field(field.annotation)}
            own = {name: value for name, value in plain.items() if name not in hidden}
            again = model.model_validate({**own, **{name: getattr(settings, name) for name in hidden}})
            assert again == settings, "stored and read back, the settings are not the same"

    @required
    def test_settings_hide_secrets(self) -> None:
        """Secrets are `SecretStr` and stand in no repr, dump or message about wrong settings."""
        model = self.registration.settings_model
        for name, field in model.model_fields.items():
            is_hidden = is_secret_field(field.annotation) or not _SOUNDS_SECRET.search(name)
            assert is_hidden, f"the setting '{name}' sounds like a secret: make it `SecretStr | None`"
        secret = new_secret()
        given = dict(self.settings("http://127.0.0.1:9", secret))
        settings = model.model_validate(given)
        values = {
            str(given[name])
            for name, field in model.model_fields.items()
            if is_secret_field(field.annotation) and name in given
        }
        shown = f"{settings!r} {settings} {settings.model_dump()} {settings.model_dump_json()}"
        shown += _complaints(model, given)
        # Pydantic shortens what it quotes; the beginning is there.
        is_shown = any(value[:_ENOUGH_CHARS] in shown for value in values)
        assert not is_shown, "a secret of the settings is shown in the clear"

    @required
    def test_settings_say_where_secrets_go(self) -> None:
        """What sounds like an address says whether secrets are sent there: a change asks for them anew."""
        unmarked = [name for model in self.registration.models for name in unmarked_addresses(model)]
        assert not unmarked, (
            f"say of {', '.join(unmarked)} in `json_schema_extra` that it is an address that secrets may be "
            'sent to ("url": True or "address": True), or that it is none ("address": False)'
        )

    @required
    async def test_answers_its_events(self) -> None:
        """Each event hook takes its event and answers in time; only `before_tool_call` may refuse."""
        async with self.scene() as scene:
            for name, happened in sample.events(scene).items():
                answer = await self._tell(name, happened, scene)
                is_fit = answer is None or (name == "before_model_call" and isinstance(answer, str))
                assert is_fit, f"the hook {name} returned {type(answer).__name__}"

    @required
    async def test_erases_visitors(self) -> None:
        """Of a visitor that is erased nothing is kept, of others everything; erasing twice is no error."""
        async with self.scene() as scene:
            for visitor_id in (sample.VISITOR, sample.OTHER_VISITOR):
                await self.remember(scene, visitor_id)
            kept = self.remembered(scene)
            can_erase = "erase_visitor" in self.registration.event_hooks
            if sample.VISITOR not in kept:
                assert not can_erase, (
                    "it has the hook erase_visitor, but the suite sees nothing of the visitor that it keeps: "
                    "override `remember` and `remembered`"
                )
                return
            assert can_erase, "it keeps what visitors said and has no hook erase_visitor"
            for _ in range(2):
                await self._tell("erase_visitor", event.EraseVisitor(scene.client_id, sample.VISITOR), scene)
            kept = self.remembered(scene)
            assert sample.VISITOR not in kept, "an erased visitor is still there"
            assert sample.OTHER_VISITOR in kept, "erasing one visitor erased another"

    async def remember(self, scene: Scene, visitor_id: str) -> None:
        """Have the plugin meet a visitor: by default it is told all events of a turn."""
        for name, happened in sample.events(scene, visitor_id=visitor_id).items():
            with suppress(Exception):  # what a hook raises is the business of another check
                await self._tell(name, happened, scene)

    def remembered(self, scene: Scene) -> str:
        """All that the plugin keeps for the client, as text."""
        return text_of(scene.resources.kept, getattr(scene.ctx, "store", None))

    async def _tell(self, name: str, happened: object, scene: Scene) -> Any:
        """Call a hook the way the server does, which hands over only the parameters that are asked for."""
        hook = self.registration.event_hooks.get(name)
        if hook is None:
            return None
        given = {"event": happened, "ctx": scene.ctx}
        wanted = inspect.signature(hook).parameters
        try:
            async with asyncio.timeout(_HOOK_PATIENCE_S):
                return await hook(**{key: value for key, value in given.items() if key in wanted})
        except HookRefusal as refusal:
            self.watch.hear_error(refusal)
            assert name == "before_tool_call", f"only before_tool_call may refuse, not {name}"
            return None
        except TimeoutError:
            raise AssertionError(f"the hook {name} took longer than {_HOOK_PATIENCE_S:.0f} s") from None


def _complaints(model: type[Any], given: dict[str, Any]) -> str:
    """What is said of wrong secrets, and when everything but the secrets is wrong."""
    hidden = {name for name, field in model.model_fields.items() if is_secret_field(field.annotation)}
    wrong_others = {name: given.get(name) if name in hidden else object() for name in model.model_fields}
    wrong_secrets = {name: f"{value}\x00!" if name in hidden else value for name, value in given.items()}
    said = ""
    for values in (wrong_others, wrong_secrets):
        try:
            model.model_validate(values)
        except ValidationError as error:
            said += str(error)
    return said
