"""What this installation is configured to be, read from the environment and refused in clear sentences."""

import base64
import binascii
import os
import re
from datetime import time
from ipaddress import IPv4Network, IPv6Network, ip_network
from pathlib import Path
from typing import Annotated, Any, Literal, Self
from urllib.parse import urlsplit
from zoneinfo import available_timezones

from pydantic import (
    AliasChoices,
    Field,
    SecretStr,
    ValidationError,
    ValidationInfo,
    field_validator,
    model_validator,
)
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from runtime.clock import SYSTEM, Clock, ClockSpec
from runtime.errors import SetupError
from runtime.staff_hours import Window, parse_hours

Mode = Literal["demo", "test", "production"]
SmtpTls = Literal["none", "starttls", "implicit"]

_MASTER_KEY_BYTES = 32


def _also(plain: str) -> AliasChoices:
    """A setting that is known by a name of its own outside this project as well."""
    return AliasChoices(f"REDRESS_{plain}", plain)


class SettingsError(SetupError):
    """The settings cannot be used; `sentences` say what is wrong, one per setting, without any value."""

    def __init__(self, sentences: tuple[str, ...]) -> None:
        super().__init__("\n".join(sentences))
        self.sentences = sentences


class Settings(BaseSettings):
    """Every setting, by the environment variable ``REDRESS_<NAME>``.

    The database and Temporal ones are also read by their plain names (``DATABASE_URL``,
    ``TEMPORAL_ADDRESS``, ``TEMPORAL_TLS_CLIENT_CERT_PATH`` …), as Temporal's own tools name them.
    Use `load_settings` to get refusals as sentences.
    """

    model_config = SettingsConfigDict(
        env_prefix="REDRESS_",
        frozen=True,
        extra="ignore",
        populate_by_name=True,
        hide_input_in_errors=True,  # a refused secret must not end up in a log
        env_ignore_empty=True,
    )

    mode: Mode = "production"
    """`demo` and `test` may run a fast clock; `production` refuses it."""
    clock: ClockSpec | None = None
    """JSON of a `ClockSpec`; none is the system's time."""
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"
    data_dir: Path = Path(".redress")
    pack_dirs: Annotated[tuple[Path, ...], NoDecode] = ()
    """Further folders of policy packs, beside those that come with the service; separated as in PATH."""
    pack: str = Field("retail-2025", min_length=1)
    """The name of the policy pack that a complaint falls under where nobody names one."""

    database_url: str = Field(repr=False, validation_alias=_also("DATABASE_URL"))
    """``postgresql+asyncpg://…``; ``?host=/socket/folder`` for a Unix socket."""

    temporal_address: str = Field(validation_alias=_also("TEMPORAL_ADDRESS"))
    """``host:port`` of the Temporal front end."""
    temporal_namespace: str = Field("default", min_length=1, validation_alias=_also("TEMPORAL_NAMESPACE"))
    temporal_tls: bool = Field(False, validation_alias=_also("TEMPORAL_TLS"))
    temporal_tls_client_cert_path: Path | None = Field(
        None, validation_alias=_also("TEMPORAL_TLS_CLIENT_CERT_PATH")
    )
    temporal_tls_client_key_path: Path | None = Field(
        None, validation_alias=_also("TEMPORAL_TLS_CLIENT_KEY_PATH")
    )
    temporal_tls_server_ca_cert_path: Path | None = Field(
        None, validation_alias=_also("TEMPORAL_TLS_SERVER_CA_CERT_PATH")
    )
    temporal_tls_server_name: str | None = Field(None, validation_alias=_also("TEMPORAL_TLS_SERVER_NAME"))
    temporal_api_key: SecretStr | None = Field(None, validation_alias=_also("TEMPORAL_API_KEY"))
    task_queue: str = Field("redress", min_length=1)

    master_key: SecretStr
    """Base64 of 32 bytes; it wraps the key of every complaint."""

    smtp_host: str = "127.0.0.1"
    smtp_port: int = Field(25, ge=1, le=65535)
    smtp_tls: SmtpTls = "none"
    smtp_user: str | None = None
    smtp_password: SecretStr | None = None
    mail_from: str = "complaints@redress.example"
    """The address that letters and alerts come from."""
    bounces_to: str | None = None
    """The address that what could not be delivered is sent back to; none, and it is the one that mails come from."""
    organisation: str = Field("Redress", min_length=1)
    """Who letters and alerts are signed by."""

    lmtp_host: str = "127.0.0.1"
    """Where the scheduler listens for mail that your mail server hands on by LMTP."""
    lmtp_port: int | None = Field(None, ge=1, le=65535)
    """The port for it; none, and no mail is taken in."""
    inbound_largest: int = Field(25 * 1024 * 1024, ge=64 * 1024, le=200 * 1024 * 1024)
    """The largest mail that is taken in, in bytes."""
    inbound_pack: str | None = Field(None, min_length=1)
    """The pack under which a mail about something new becomes a complaint; none, and it waits for a person."""
    inbound_most_an_hour: int = Field(30, ge=1)
    """The mails that one sender may write within an hour; what comes beyond that waits for a person."""
    bounce_secret: SecretStr | None = Field(None, min_length=16)
    """What the mail provider signs its bounce reports with, 16 characters or more; none, and they are refused."""

    morning_at: time = time(7, 30)
    """When reports go out in the morning: a time of day such as ``07:30``, in the organisation's zone."""
    timezone: str | None = None
    """The organisation's zone, such as ``Europe/Berlin``; none, and it is that of the usual pack."""

    staff_networks: Annotated[tuple[IPv4Network | IPv6Network, ...], NoDecode] = ()
    """The networks that staff may come in from, such as ``10.0.0.0/8, 2001:db8::/32``; none is from everywhere."""
    staff_hours: Annotated[tuple[Window, ...], NoDecode] = ()
    """When staff may come in, such as ``mon-fri 07:00-21:00 Asia/Shanghai``, several separated by ``;``; none is
    at any hour. Administrators always may."""
    second_factor_roles: Annotated[tuple[str, ...], NoDecode] = ()
    """Roles, separated by commas, that may not sign in at the desk with a password alone."""

    base_url: str = "http://127.0.0.1:8080"
    """Where people reach the desk; links in mails begin with it. Without a slash at the end."""
    payments_url: str | None = None
    """The payments provider's address; none, and money can be proposed and approved but not paid."""
    payments_token: SecretStr | None = None

    scheduler_port: int | None = Field(None, ge=1, le=65535)
    """Where the scheduler answers /health and /metrics; none, and it does not."""
    scheduler_host: str = Field("127.0.0.1", min_length=1)
    """The address that it listens on; those pages ask for no sign-in, so it is this machine's alone by default."""

    @field_validator("database_url")
    @classmethod
    def _postgresql(cls, url: str) -> str:
        scheme, separator, rest = url.partition("://")
        if not separator or scheme not in {"postgresql+asyncpg", "postgresql", "postgres"}:
            raise ValueError(
                "has to be a PostgreSQL address such as postgresql+asyncpg://user:password@host/name"
            )
        return f"postgresql+asyncpg://{rest}"

    @field_validator("temporal_address")
    @classmethod
    def _host_and_port(cls, address: str) -> str:
        host, _, port = address.rpartition(":")
        if not host or not port.isdigit() or "/" in address:
            raise ValueError("has to be host:port, such as 127.0.0.1:7233")
        return address

    @field_validator("master_key")
    @classmethod
    def _thirty_two_bytes(cls, key: SecretStr) -> SecretStr:
        try:
            length = len(base64.b64decode(key.get_secret_value(), validate=True))
        except (binascii.Error, ValueError):
            length = 0
        if length != _MASTER_KEY_BYTES:
            raise ValueError("has to be 32 random bytes in base64 (make one with: openssl rand -base64 32)")
        return key

    @field_validator("base_url", "payments_url")
    @classmethod
    def _web_address(cls, url: str | None) -> str | None:
        if url is None:
            return None
        parts = urlsplit(url)
        if parts.scheme not in {"http", "https"} or not parts.netloc:
            raise ValueError("has to be a web address such as https://complaints.example.org")
        return url.rstrip("/")

    @field_validator("mail_from", "bounces_to")
    @classmethod
    def _mail_address(cls, address: str | None) -> str | None:
        if address is None:
            return None
        name, _, host = address.rpartition("@")
        if not name or not host or any(c.isspace() for c in address):
            raise ValueError("has to be a mail address such as complaints@example.org")
        return address

    @field_validator("morning_at", mode="before")
    @classmethod
    def _time_of_day(cls, value: object) -> object:
        if not isinstance(value, str):
            return value
        if re.fullmatch(r"([01][0-9]|2[0-3]):[0-5][0-9](:00)?", value.strip()) is None:
            raise ValueError("has to be a time of day such as 07:30")
        return time.fromisoformat(value.strip())

    @field_validator("timezone")
    @classmethod
    def _known_zone(cls, name: str | None) -> str | None:
        if name is not None and name not in available_timezones():
            raise ValueError("has to be a time zone of the IANA database, such as Europe/Berlin")
        return name

    @field_validator("staff_networks", mode="before")
    @classmethod
    def _networks(cls, value: object) -> object:
        if not isinstance(value, str):
            return value
        try:
            return tuple(ip_network(part.strip()) for part in value.split(","))
        except ValueError:
            raise ValueError(
                "has to be networks by their first address and length, such as 10.0.0.0/8, separated by commas"
            ) from None

    @field_validator("staff_hours", mode="before")
    @classmethod
    def _hours(cls, value: object) -> object:
        return parse_hours(value) if isinstance(value, str) else value

    @field_validator("second_factor_roles", mode="before")
    @classmethod
    def _roles(cls, value: object) -> object:
        return tuple(part.strip() for part in value.split(",")) if isinstance(value, str) else value

    @field_validator("pack_dirs", mode="before")
    @classmethod
    def _split_like_path(cls, value: object) -> object:
        return tuple(Path(p) for p in value.split(os.pathsep) if p) if isinstance(value, str) else value

    @field_validator(
        "temporal_tls_client_cert_path", "temporal_tls_client_key_path", "temporal_tls_server_ca_cert_path"
    )
    @classmethod
    def _readable(cls, path: Path | None, info: ValidationInfo) -> Path | None:
        if path is not None and not path.is_file():
            raise ValueError("names a file that is not there")
        return path

    @model_validator(mode="after")
    def _only_system_time_in_production(self) -> Self:
        if self.mode == "production" and self.clock is not None:
            raise ValueError("REDRESS_CLOCK is refused in production, where only the system's time counts.")
        return self

    @model_validator(mode="after")
    def _certificate_with_key(self) -> Self:
        if (self.temporal_tls_client_cert_path is None) != (self.temporal_tls_client_key_path is None):
            raise ValueError(
                "TEMPORAL_TLS_CLIENT_CERT_PATH and TEMPORAL_TLS_CLIENT_KEY_PATH have to be set together."
            )
        return self

    @property
    def clock_spec(self) -> ClockSpec:
        """The clock's arithmetic, the system's where none is set."""
        return SYSTEM if self.clock is None else self.clock

    def make_clock(self) -> Clock:
        """The clock that these settings ask for."""
        return Clock(self.clock_spec)

    @property
    def master_key_bytes(self) -> bytes:
        """The master key itself, 32 bytes."""
        return base64.b64decode(self.master_key.get_secret_value())


def load_settings(**overrides: Any) -> Settings:
    """The settings of the environment, with `overrides` by field name before them.

    Raises `SettingsError` with one sentence for every setting that is missing or wrong.
    """
    try:
        return Settings(**overrides)
    except ValidationError as error:
        raise SettingsError(sentences(error)) from None


def sentences(error: ValidationError) -> tuple[str, ...]:
    """One sentence for each setting that pydantic refused, naming its variable and never its value."""
    return tuple(_sentence(e["loc"], e["type"], e["msg"]) for e in error.errors())


def _sentence(location: tuple[int | str, ...], kind: str, message: str) -> str:
    message = message.removeprefix("Value error, ").rstrip(".")
    if not location:
        return f"{message}."
    name = str(location[0])
    name = name.upper() if name.startswith(("REDRESS_", "redress_")) else f"REDRESS_{name.upper()}"
    plain = name.removeprefix("REDRESS_")
    if plain == "DATABASE_URL" or plain.startswith("TEMPORAL_"):
        name = plain
    if kind == "missing":
        return f"{name} is not set: {_PURPOSE.get(plain, 'the service cannot start without it')}."
    part = ".".join(str(p) for p in location[1:])
    return f"{name} {f'({part}) ' if part else ''}{_verb(message)}."


def _verb(message: str) -> str:
    """Our own messages go on from the setting's name; pydantic's are clauses of their own."""
    if message.startswith(("has ", "names ")):
        return message
    return f"is not right: {message[:1].lower()}{message[1:]}"


_PURPOSE = {
    "DATABASE_URL": "the address of the PostgreSQL database, such as postgresql+asyncpg://user:password@host/name",
    "TEMPORAL_ADDRESS": "the address of the Temporal server, such as 127.0.0.1:7233",
    "MASTER_KEY": "the key that protects every complaint's texts, 32 random bytes in base64"
    " (make one with: openssl rand -base64 32)",
}
