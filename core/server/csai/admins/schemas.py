"""What the routes for admins take and give."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, SecretStr

from csai.admins.service import Role


class Login(BaseModel):
    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={"examples": [{"email": "ada@example.com", "password": "a sentence of my own"}]},
    )

    email: str = Field(max_length=254)
    password: SecretStr = Field(max_length=256)
    code: SecretStr | None = Field(
        None, max_length=40, description="Of the authenticator app, or a recovery code."
    )


class AdminProfile(BaseModel):
    id: str
    email: str
    role: str = Field(description="owner, admin, teammate or viewer.")
    client_ids: list[str] | None = Field(
        description="The clients that they may operate; null is the whole installation."
    )
    has_second_factor: bool
    has_password: bool = Field(description="False for who came in by the identity provider alone.")


class SignedInAnswer(BaseModel):
    """Who is signed in, and until when."""

    admin: AdminProfile
    expires_at: datetime


class MaybeSignedIn(BaseModel):
    signed_in: SignedInAnswer | None = Field(description="null: nobody is.")


class LoginAnswer(SignedInAnswer):
    token: str = Field(description="For scripts: `Authorization: Bearer ...`. Browsers have the cookie.")
    token_type: Literal["bearer"] = "bearer"  # noqa: S105 -- the word, not a token


class OidcMethod(BaseModel):
    label: str = Field(description="How the identity provider is called.")


class SignInMethods(BaseModel):
    """Beside e-mail address and password."""

    oidc: OidcMethod | None = Field(description="An identity provider; null where none is set.")


class OidcBegin(BaseModel):
    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"another": False}]})

    another: bool = Field(False, description="Have it ask which account, also where it knows one.")


class OidcUrl(BaseModel):
    url: str = Field(description="Where the browser is to go, within ten minutes.")


class OidcFinish(BaseModel):
    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"code": None}]})

    code: SecretStr | None = Field(
        None, max_length=40, description="Of the authenticator app, or a recovery code, where it is needed."
    )


class LoggedOut(BaseModel):
    signed_out: bool


class LinkToken(BaseModel):
    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"token": "from-the-link"}]})

    token: SecretStr = Field(max_length=100)


class LinkOwner(BaseModel):
    email: str | None = Field(description="Whose link it is; null for the one that makes the first admin.")


class Welcome(LinkToken):
    model_config = ConfigDict(
        json_schema_extra={"examples": [{"token": "from-the-link", "password": "a sentence of my own"}]}
    )

    password: SecretStr = Field(max_length=256)
    email: str | None = Field(None, max_length=254, description="Of the first admin; others have theirs.")


class PasswordChange(BaseModel):
    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={"examples": [{"current": "a sentence of my own", "new": "another sentence"}]},
    )

    current: SecretStr = Field(max_length=256)
    new: SecretStr = Field(max_length=256)


class PasswordGiven(BaseModel):
    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"examples": [{"password": "a sentence of my own"}]}
    )

    password: SecretStr = Field(max_length=256)


class CodeGiven(BaseModel):
    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"code": "123456"}]})

    code: SecretStr = Field(max_length=40)


class Enrolment(BaseModel):
    secret: str = Field(description="To be typed into an authenticator app.")
    uri: str = Field(description="The same for a QR code.")


class RecoveryCodes(BaseModel):
    codes: list[str] = Field(description="Each serves once instead of the app. They are shown this once.")


class Changed(BaseModel):
    changed: bool


class SessionItem(BaseModel):
    """A browser or script that is signed in."""

    id: str
    agent: str = Field(description="What it says of itself.")
    created_at: datetime
    expires_at: datetime
    is_this: bool = Field(description="Whether it is the one that asks.")


class SessionList(BaseModel):
    sessions: list[SessionItem]


class AdminItem(BaseModel):
    """An admin as owners see them."""

    id: str
    email: str
    role: str = Field(description="owner, admin, teammate or viewer.")
    client_ids: list[str] | None = Field(
        description="The clients that they may operate; null is the whole installation."
    )
    is_active: bool
    has_second_factor: bool
    has_password: bool = Field(description="False until they have used their link.")
    is_linked: bool = Field(description="Whether they have signed in by the identity provider.")
    locked_until: datetime | None = Field(description="After wrong passwords.")
    created_at: datetime


class AdminList(BaseModel):
    admins: list[AdminItem] = Field(description="By e-mail address.")
    next: str | None = Field(description="Ask again with `before` set to this for more; null at the end.")


class NewAdmin(BaseModel):
    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"examples": [{"email": "ben@example.com", "role": "viewer"}]}
    )

    email: str = Field(max_length=254)
    role: Role
    client_ids: list[str] | None = Field(
        None, max_length=1_000, description="Left out or null: the whole installation."
    )


class AdminChange(BaseModel):
    """What is left out stays."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"is_active": False}]})

    role: Role = "viewer"
    client_ids: list[str] | None = Field(None, max_length=1_000, description="null: the whole installation.")
    is_active: bool = True


class AdminLinkItem(BaseModel):
    """A link to choose a password with: shown once, used once."""

    url: str
    expires_at: datetime


class InvitedAdmin(BaseModel):
    admin: AdminItem
    link: AdminLinkItem
