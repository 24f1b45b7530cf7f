"""Chat: alerts to a person's or a team's own room, through Apprise, which knows the services.

An address is an Apprise URL (`slack://…`, `mmosts://…`), which is a secret: it stands in no log line and no error.
"""

from __future__ import annotations

import asyncio
import logging
import warnings
from collections.abc import Callable, Collection
from functools import cache
from types import ModuleType
from typing import TYPE_CHECKING, Any, Final, cast
from urllib.parse import parse_qsl, urlsplit

from sqlalchemy.ext.asyncio import AsyncEngine

from activities.delivery.channels import guard
from activities.delivery.channels.errors import ChannelDeferred, ChannelRefused
from activities.delivery.channels.pinned import guarded
from ledger.webhooks import allowed_hosts

if TYPE_CHECKING:  # it takes most of a second, and only a process that sends needs it
    from apprise import NotifyBase

NOT_AN_ADDRESS: Final = "chat_address_not_valid"
NOT_SECURE: Final = "chat_not_https"
NOT_TAKEN: Final = "chat_not_taken"
TIMED_OUT: Final = "chat_timed_out"
_CONNECTS_WITHIN = 5.0
_ANSWERS_WITHIN = 10.0
_DONE_WITHIN = 18.0  # a service may want several requests; less than half of a dispatcher's lease

SERVICES: Final = frozenset(
    {
        *(
            "slack",
            "discord",
            "tgram",
            "workflow",
            "workflows",
            "gchat",
            "webex",
            "wxteams",
            "zulip",
            "twist",
        ),
        *("feishu", "lark", "wecombot", "dingtalk", "line", "pover"),
        *(
            "mmost",
            "mmosts",
            "rocket",
            "rockets",
            "matrix",
            "matrixs",
            "nctalk",
            "nctalks",
            "signal",
            "signals",
        ),
        *("ntfy", "ntfys", "gotify", "gotifys", "bark", "barks"),
        *("json", "jsons", "xml", "xmls", "form", "forms"),
    }
)
"""The schemes that are taken: services of chat and push that are reached over HTTP, where the guard stands.
Others of Apprise's run programs of this machine, or speak protocols that it does not see."""
_READS_A_FILE = "template"  # a parameter that has Apprise read a file of this machine

_NEVER_LOGGED = ("apprise", "urllib3", "requests")  # they name addresses, with what is secret in them


def is_chat_address(address: str) -> bool:
    """Whether this looks like the address of a service that alerts may go to; says nothing of whether it works."""
    try:
        parts = urlsplit(address.strip())
        named = {name.lower() for name, _ in parse_qsl(parts.query, keep_blank_values=True)}
    except ValueError:
        return False
    return parts.scheme.lower() in SERVICES and bool(parts.netloc) and _READS_A_FILE not in named


class Chat:
    """Sends to chat services, each message in a thread of its own."""

    def __init__(self, engine: AsyncEngine, *, resolver: guard.Resolver = guard.resolve) -> None:
        self._engine = engine
        self._resolver = resolver

    async def send(self, address: str, subject: str, body: str) -> None:
        """Hand a message to the service of this address; returns when it has taken it.

        Raises ChannelDeferred (not taken, too slow, not to be reached) and ChannelRefused (not an address that is
        known here; a private host that no administrator allowed; without TLS). A service that falls silent may
        have taken it: it is sent again then.
        """
        if not is_chat_address(address):
            raise ChannelRefused(NOT_AN_ADDRESS)
        allowed = await allowed_hosts(self._engine)
        try:
            async with asyncio.timeout(_DONE_WITHIN):
                await asyncio.to_thread(_send, address.strip(), subject, body, allowed, self._resolver)
        except TimeoutError:
            raise ChannelDeferred(TIMED_OUT) from None


def _send(address: str, subject: str, body: str, allowed: Collection[str], resolver: guard.Resolver) -> None:
    service = _service(address)
    _require_tls(service, allowed)
    notify: Callable[..., Any] = service.notify
    with guarded(allowed, resolver) as watch:
        try:
            taken = bool(notify(body=body, title=subject))
        except Exception:  # whatever a service's code stumbles over: its words may hold the address
            taken = False
    if watch.refused is not None:
        raise watch.refused
    if not taken:
        raise ChannelDeferred(NOT_TAKEN)


@cache
def apprise_loaded() -> ModuleType:
    """Apprise with all its services, silenced; the first call takes most of a second."""
    with warnings.catch_warnings():  # of what its modules use that Python will drop one day
        warnings.simplefilter("ignore", DeprecationWarning)
        import apprise
        from apprise.manager_plugins import NotificationManager

        load: Callable[[], None] = cast(Any, NotificationManager)().load_modules
        load()
    for name in _NEVER_LOGGED:
        logger = logging.getLogger(name)
        logger.setLevel(logging.CRITICAL + 1)
        logger.propagate = False
    return apprise


def _service(address: str) -> NotifyBase:
    """The service that an address names, held to our limits. Raises ChannelRefused."""
    apprise = apprise_loaded()
    asset = apprise.AppriseAsset(app_id="Redress", app_desc="Redress", http_redirects=False)
    service: NotifyBase | None = apprise.Apprise.instantiate(address, asset=asset)
    if service is None:
        raise ChannelRefused(NOT_AN_ADDRESS)
    # An address may ask for other values of these.
    service.redirects = False
    service.retry = 0
    service.socket_connect_timeout = _CONNECTS_WITHIN
    service.socket_read_timeout = _ANSWERS_WITHIN
    return service


def _require_tls(service: NotifyBase, allowed: Collection[str]) -> None:
    """Without TLS, or with any certificate, only within the house. Raises ChannelRefused."""
    host = guard.plain_host(getattr(service, "host", None) or "")
    if host in allowed:
        return
    has_both: Any = getattr(service, "protocol", None) and getattr(service, "secure_protocol", None)
    if has_both and not service.secure:
        raise ChannelRefused(NOT_SECURE)
    service.verify_certificate = True
