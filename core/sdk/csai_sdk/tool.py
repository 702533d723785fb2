"""Tools: what a model may call, and the backends that run them."""

from __future__ import annotations

import inspect
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, get_type_hints, overload

from pydantic import BaseModel, ConfigDict, Field, create_model

from csai_sdk.context import PluginContext

if TYPE_CHECKING:
    from collections.abc import Awaitable


@dataclass(frozen=True, slots=True)
class ToolSpec:
    """A tool as a model sees it: `parameters_schema` is the JSON Schema of an object."""

    name: str
    description: str
    parameters_schema: Mapping[str, Any]
    is_read_only: bool = False


@dataclass(frozen=True, slots=True)
class ToolInvocation:
    """One call of a tool, its arguments already validated against the tool's schema.

    `call_id` is stable over retries and restarts: hand it on, so that the receiver can recognise a repeat.
    `config` is the client's own configuration of this tool (`webhook_url` among it for webhook backends), and
    what the backend itself gave with the tool where it listed it (`ListedTool.config`).
    `visitor_id` is set only when the visitor's identity is verified.
    """

    call_id: str
    tool: ToolSpec
    arguments: Mapping[str, Any]
    conversation_id: str = ""
    config: Mapping[str, Any] = field(default_factory=dict)
    is_idempotent: bool = False
    timeout_s: float = 30.0
    visitor_id: str | None = None


@dataclass(frozen=True, slots=True)
class ToolOutput:
    """What a tool answered: any JSON value. `is_error` marks a failure the model should hear of."""

    value: Any
    is_error: bool = False


@dataclass(frozen=True, slots=True)
class ListedTool:
    """A tool that a client's own system offers, as `ToolBackend.list_tools` found it.

    `spec.name` has 1 to 64 of the characters A-Z a-z 0-9 _ -, and stays the same for the same tool. `config`
    is JSON without secrets; it comes back in `ToolInvocation.config`.
    """

    spec: ToolSpec
    is_idempotent: bool = False
    config: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ToolListing:
    """All that one of a client's systems, called `source` by its admin, offers at the moment.

    `problem` says in a sentence for the admin, without secrets and addresses, why it could not be asked;
    `tools` is then empty, and what it offered before stays as it was.
    """

    source: str
    tools: Sequence[ListedTool] = ()
    problem: str = ""


class ToolBackend(ABC):
    """Runs tools of the catalog whose `backend` is this one's `id`."""

    id: str

    @abstractmethod
    async def run(self, call: ToolInvocation, ctx: PluginContext) -> ToolOutput:
        """Run the call within `call.timeout_s` seconds.

        Raises `ToolError`; `is_outcome_known=False` where the request may have reached its target.
        Repeat a request only when `call.is_idempotent`, or when it certainly never left.
        """

    async def list_tools(self, ctx: PluginContext) -> Sequence[ToolListing] | None:
        """The tools that the client's own systems offer, one listing for each system; None: it lists none.

        Called within 30 s when the client's settings of the plugin change, when an admin asks, when
        `ctx.tools_changed()` said so, and about once an hour. The server checks each tool and keeps it in
        the client's catalog, switched off until an admin switches it on. A tool that a listing leaves out,
        and all of a source that is not named any more, can no longer be called. A system that does not
        answer is a `problem`; what is raised leaves everything as it was.
        """
        return None

    async def close(self) -> None:
        """Release what the instance itself holds. Called once, when the process stops."""


@dataclass(frozen=True, slots=True)
class Tool:
    """A Python function offered as a tool. Made by the `tool` decorator, returned by `register_tools`."""

    spec: ToolSpec
    function: Callable[..., Any]
    arguments_model: type[BaseModel]
    context_parameter: str | None
    category: str = "general"
    is_idempotent: bool = False
    is_private: bool = False
    needs_confirmation: bool = False

    def bind(self, arguments: Mapping[str, Any], ctx: PluginContext) -> Callable[[], Any | Awaitable[Any]]:
        """The call, ready to run, with its arguments turned into the annotated types.

        Raises `pydantic.ValidationError` when they do not fit.
        """
        parsed = self.arguments_model.model_validate(arguments)
        values = {name: getattr(parsed, name) for name in type(parsed).model_fields}
        if self.context_parameter:
            values[self.context_parameter] = ctx
        return lambda: self.function(**values)


@overload
def tool(function: Callable[..., Any]) -> Tool: ...
@overload
def tool(
    *,
    name: str | None = None,
    category: str = "general",
    read_only: bool = False,
    idempotent: bool = False,
    private: bool = False,
    confirm: bool = False,
) -> Callable[[Callable[..., Any]], Tool]: ...
def tool(
    function: Callable[..., Any] | None = None,
    *,
    name: str | None = None,
    category: str = "general",
    read_only: bool = False,
    idempotent: bool = False,
    private: bool = False,
    confirm: bool = False,
) -> Tool | Callable[[Callable[..., Any]], Tool]:
    """Make a typed function a tool: its docstring describes it, its annotations are its JSON Schema.

    Describe a parameter with `Annotated[str, Field(description=...)]`. A parameter annotated
    `PluginContext` is filled in and not shown to the model. `read_only` tools change nothing and may be
    repeated; `idempotent` ones may be repeated with the same call id; `private` ones run only for a
    verified visitor; `confirm` ones only after the visitor agreed. A plain function runs in a thread, a
    coroutine function on the event loop; what it returns must be JSON.
    """

    def build(target: Callable[..., Any]) -> Tool:
        model, context_parameter = _arguments_model(target)
        schema = model.model_json_schema()
        schema.pop("title", None)
        return Tool(
            spec=ToolSpec(
                name=name or target.__name__,
                description=inspect.getdoc(target) or "",
                parameters_schema=schema,
                is_read_only=read_only,
            ),
            function=target,
            arguments_model=model,
            context_parameter=context_parameter,
            category=category,
            is_idempotent=idempotent or read_only,
            is_private=private,
            needs_confirmation=confirm,
        )

    return build if function is None else build(function)


def _arguments_model(function: Callable[..., Any]) -> tuple[type[BaseModel], str | None]:
    hints = get_type_hints(function, include_extras=True)
    fields: dict[str, Any] = {}
    context_parameter = None
    for parameter in inspect.signature(function).parameters.values():
        if parameter.kind in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD, parameter.POSITIONAL_ONLY):
            raise TypeError(f"{function.__name__}: a tool takes named parameters only, not {parameter}")
        annotation = hints.get(parameter.name)
        if annotation is None:
            raise TypeError(f"{function.__name__}: annotate the parameter '{parameter.name}'")
        if annotation is PluginContext:
            context_parameter = parameter.name
            continue
        default = ... if parameter.default is parameter.empty else parameter.default
        fields[parameter.name] = (annotation, Field(default))
    model = create_model(f"{function.__name__}_arguments", __config__=ConfigDict(extra="forbid"), **fields)
    return model, context_parameter
