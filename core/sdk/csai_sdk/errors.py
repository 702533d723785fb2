"""Errors that a plugin raises, typed by what the caller should do about them."""

from __future__ import annotations

from typing import ClassVar, Literal


class CsaiError(Exception):
    """Base of every error that crosses the plugin boundary.

    The message is shown to operators and written to logs: it must hold no secret and no customer text.
    """


class ProviderError(CsaiError):
    """A model call failed. Raise the most exact subclass.

    `retryable` tells whether the same request may succeed later at the same vendor; the turn retries or
    fails over by it. `retry_after_s` is the vendor's own advice in seconds, `status` its HTTP status.
    """

    default_retryable: ClassVar[bool] = False

    def __init__(
        self,
        message: str,
        *,
        retryable: bool | None = None,
        retry_after_s: float | None = None,
        status: int | None = None,
    ) -> None:
        super().__init__(message)
        self.retryable = self.default_retryable if retryable is None else retryable
        self.retry_after_s = retry_after_s
        self.status = status


class ProviderUnavailable(ProviderError):
    """The vendor could not be reached, is overloaded or failed inside (5xx, 529, refused connection)."""

    default_retryable = True


class ProviderTimeout(ProviderError):
    """The vendor did not answer in time."""

    default_retryable = True


class ProviderRateLimited(ProviderError):
    """The vendor asks for fewer requests (429)."""

    default_retryable = True


class ProviderProtocolError(ProviderError):
    """The answer could not be understood: a stream cut short, bytes that are no event, an empty body."""

    default_retryable = True


class ProviderQuotaExceeded(ProviderError):
    """The account's money or monthly quota is used up; retrying cannot help."""


class ProviderAuthError(ProviderError):
    """The key is missing, wrong or not allowed to use this model."""


class ProviderRequestError(ProviderError):
    """The vendor refused the request itself: unknown model, invalid parameter, unsupported feature."""


class ProviderContextTooLong(ProviderRequestError):
    """The request holds more tokens than the model takes."""


class ToolError(CsaiError):
    """A tool call failed; the message is handed to the model, which may correct itself.

    `is_outcome_known` is False where the side effect may or may not have happened (a timeout after the
    request was sent): the turn then says so and never repeats the call by itself.
    """

    def __init__(self, message: str, *, is_outcome_known: bool = True) -> None:
        super().__init__(message)
        self.is_outcome_known = is_outcome_known


class HookRefusal(CsaiError):
    """Raised by `before_tool_call` to stop the call; the message is handed to the model."""


class SettingsError(CsaiError):
    """The plugin's settings cannot work (a missing key, contradicting values); says what to set."""


class WebhookForged(CsaiError):
    """A webhook's signature is missing, wrong or too old. The server answers 401 and stores nothing."""


ChannelFault = Literal["refused", "busy", "window_closed", "opted_out", "address", "account"]


class ChannelError(CsaiError):
    """A channel's vendor refused or failed. `is_outcome_known` as for `ToolError`.

    `fault` says what to do: `busy` is tried again (after `retry_after_s` seconds, where the vendor says so);
    `window_closed` is a text at a time for templates; `opted_out` and `address` are of the receiver, who
    wants no messages or cannot be reached; `account` is for the client's admin to mend (a token, a
    permission, money); `refused` is of this one message. `code` is the vendor's own.
    """

    def __init__(
        self,
        message: str,
        *,
        fault: ChannelFault = "refused",
        is_outcome_known: bool = True,
        retry_after_s: float | None = None,
        code: str = "",
    ) -> None:
        super().__init__(message)
        self.fault = fault
        self.is_outcome_known = is_outcome_known
        self.retry_after_s = retry_after_s
        self.code = code


class GatewayError(CsaiError):
    """A payment vendor refused or failed. `is_outcome_known` as for `ToolError`."""

    def __init__(self, message: str, *, is_outcome_known: bool = True) -> None:
        super().__init__(message)
        self.is_outcome_known = is_outcome_known


class IntegrationError(CsaiError):
    """A business system could not be read; `retryable` tells whether a later try may succeed."""

    def __init__(self, message: str, *, retryable: bool = False) -> None:
        super().__init__(message)
        self.retryable = retryable
