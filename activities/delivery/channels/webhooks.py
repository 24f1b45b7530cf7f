"""Webhooks out: alerts posted as signed JSON to the endpoints that an administrator entered, and how each fared."""

from __future__ import annotations

import asyncio
import json
import ssl
from collections.abc import Mapping, Sequence
from typing import Any, Final
from urllib.parse import quote

import httpx
from sqlalchemy.ext.asyncio import AsyncEngine

from activities.delivery.channels import guard
from activities.delivery.channels.errors import ChannelDeferred, ChannelRefused
from activities.delivery.channels.signing import sign
from ledger.webhooks import Endpoints, Target, allowed_hosts
from runtime.clock import SYSTEM, Clock

PING: Final = "ping"
"""The kind of a delivery that only tries an endpoint out."""
NOT_THERE: Final = "no_such_endpoint"
SWITCHED_OFF: Final = "switched_off"
NOT_HTTPS: Final = "not_https"
TIMED_OUT: Final = "timed_out"
NOT_REACHED: Final = "not_reached"
_CONNECTS_WITHIN = 5.0
_ANSWERS_WITHIN = 10.0
_GONE = 410
_TOO_MANY = 429
_SERVER_ERROR = 500
_LONGEST_WAIT = 10  # characters of a Retry-After
_SAFE = "!#$%&'()*+,-./:;<=>?@[]^_`{|}~"


class Webhooks:
    """Posts to endpoints. No answer's words are read, kept or shown: they are somebody else's."""

    def __init__(
        self,
        engine: AsyncEngine,
        master_key: bytes,
        *,
        resolver: guard.Resolver = guard.resolve,
        trust: ssl.SSLContext | None = None,
    ) -> None:
        """`master_key` is 32 bytes; `trust` says whose certificates hold, where that is not the usual."""
        self._engine = engine
        self._endpoints = Endpoints(engine, master_key)
        self._resolver = resolver
        self._clock = Clock(SYSTEM)  # a timestamp is for the world outside
        # No connection is used twice: one that was opened for a name must not serve another of the same address.
        # No proxy of the environment either: it, and not we, would find out where the name leads.
        self._client = httpx.AsyncClient(
            verify=trust or True, trust_env=False, follow_redirects=False,
            timeout=httpx.Timeout(_ANSWERS_WITHIN, connect=_CONNECTS_WITHIN),
            limits=httpx.Limits(max_keepalive_connections=0),
        )  # fmt: skip

    async def close(self) -> None:
        """Give back what is open."""
        await self._client.aclose()

    async def endpoints(self, kind: str) -> tuple[str, ...]:
        """The ids of the active endpoints that are to hear of this kind of alert."""
        return await self._endpoints.subscribed(kind)

    async def send(self, endpoint: str, key: str, body: Mapping[str, Any]) -> None:
        """Post a delivery; returns when the endpoint has taken it (2xx). `key` is the same each time it is tried.

        Raises ChannelDeferred (429, 5xx, too slow, not to be reached) and ChannelRefused (any other answer, a
        private host that nobody allowed). An endpoint that says 410 is switched off.
        """
        target = await self._endpoints.target(endpoint)
        if target is None:
            raise ChannelRefused(NOT_THERE)
        if not target.active:
            raise ChannelRefused(SWITCHED_OFF)
        await self._noted(endpoint, target, key, body)

    async def ping(self, endpoint: str, key: str) -> str:
        """Try an endpoint out, also one that is switched off; the status it answered with. Raises as `send`."""
        target = await self._endpoints.target(endpoint)
        if target is None:
            raise ChannelRefused(NOT_THERE)
        return await self._noted(endpoint, target, key, {"kind": PING})

    async def _noted(self, endpoint: str, target: Target, key: str, body: Mapping[str, Any]) -> str:
        try:
            status = await self._posted(target, key, body)
        except ChannelRefused as failed:
            await self._endpoints.note(endpoint, failed.status, taken=False)
            if failed.status == str(_GONE):
                await self._endpoints.switch_off(endpoint)
            raise
        await self._endpoints.note(endpoint, status, taken=True)
        return status

    async def _posted(self, target: Target, key: str, body: Mapping[str, Any]) -> str:
        url = httpx.URL(target.url)
        port = url.port or (443 if url.scheme == "https" else 80)
        allowed = await allowed_hosts(self._engine)
        if url.scheme != "https" and guard.plain_host(url.host) not in allowed:
            raise ChannelRefused(NOT_HTTPS)
        try:
            async with asyncio.timeout(_CONNECTS_WITHIN):
                addresses = await guard.checked_soon(url.host, port, allowed=allowed, resolver=self._resolver)
        except TimeoutError:
            raise ChannelDeferred(guard.UNRESOLVED) from None
        content = json.dumps({**body, "delivery": key}, ensure_ascii=False, sort_keys=True).encode()
        timestamp = int(self._clock.now().timestamp())
        headers = {
            "Content-Type": "application/json",
            "User-Agent": "Redress",
            "Redress-Delivery": quote(key, safe=_SAFE),
            "Redress-Timestamp": str(timestamp),
            "Redress-Signature": sign(target.secrets, timestamp, content),
        }
        try:
            async with asyncio.timeout(_ANSWERS_WITHIN):
                response = await self._reached(url, addresses, content, headers)
        except (TimeoutError, httpx.TimeoutException):
            raise ChannelDeferred(TIMED_OUT) from None
        except httpx.HTTPError:
            raise ChannelDeferred(NOT_REACHED) from None
        return _judged(response)

    async def _reached(
        self, url: httpx.URL, addresses: Sequence[str], content: bytes, headers: Mapping[str, str]
    ) -> httpx.Response:
        """The head of the answer from the first of these addresses that takes a connection.

        The address stands in the place of the name; the name goes into Host and into the TLS handshake, whose
        certificate is checked against it.
        """
        named = {**headers, "Host": url.netloc.decode("ascii")}
        for left, address in zip(reversed(range(len(addresses))), addresses, strict=True):
            request = self._client.build_request(
                "POST", url.copy_with(host=address), content=content, headers=named,
                extensions={**self._timeouts(), "sni_hostname": url.raw_host.decode("ascii")},
            )  # fmt: skip
            try:
                response = await self._client.send(request, stream=True)
            except (httpx.ConnectError, httpx.ConnectTimeout):
                if not left:
                    raise
                continue
            await response.aclose()  # what it says is not read, however long it is
            return response
        raise ChannelDeferred(NOT_REACHED)

    def _timeouts(self) -> Mapping[str, Any]:
        return {"timeout": self._client.timeout.as_dict()}


def _judged(response: httpx.Response) -> str:
    """The status of an answer that took the delivery. Raises ChannelDeferred, ChannelRefused."""
    code = response.status_code
    if response.is_success:
        return str(code)
    if code == _TOO_MANY or code >= _SERVER_ERROR:
        wait = response.headers.get("retry-after", "")
        after = (
            f" retry-after {wait}" if wait.isascii() and wait.isdigit() and len(wait) < _LONGEST_WAIT else ""
        )
        raise ChannelDeferred(f"{code}{after}")
    raise ChannelRefused(str(code))
