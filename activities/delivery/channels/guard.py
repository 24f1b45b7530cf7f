"""The guard before every address that an alert is posted to: nothing leaves for a private address by mistake.

Whoever may enter an address could otherwise have the service knock at doors that only it can reach: databases,
consoles, a cloud's metadata (OWASP, Server-Side Request Forgery Prevention). Names are resolved here, and what is
connected to is the very address that was looked at: a name that answers differently the second time gains nothing.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable, Collection, Sequence
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address
from typing import Final

from activities.delivery.channels.errors import ChannelDeferred, ChannelRefused

PRIVATE: Final = "private_address"
"""The status of what was refused because its host is, or may be, within the house."""
UNRESOLVED: Final = "name_not_resolved"

Resolver = Callable[[str, int], Sequence[str]]
"""From a host and a port to the addresses of that host; may block. Raises OSError."""

# IANA's special-purpose registries, and multicast. Written out, as what Python takes for global differs between
# its versions. Of IPv6 only 2000::/3 is given out to anybody; within that, what carries an IPv4 address inside it
# (6to4, Teredo) may lead anywhere, as IPv4-mapped and NAT64 addresses may, which lie outside.
_CLOSED_4: Final[Sequence[IPv4Network]] = [
    IPv4Network(text)
    for text in (
        *("0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12"),
        *("192.0.0.0/24", "192.0.2.0/24", "192.31.196.0/24", "192.52.193.0/24", "192.88.99.0/24"),
        *("192.168.0.0/16", "192.175.48.0/24", "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24"),
        *("224.0.0.0/4", "240.0.0.0/4"),
    )
]
_OPEN_6: Final = IPv6Network("2000::/3")
_CLOSED_6: Final[Sequence[IPv6Network]] = [
    IPv6Network(text)
    for text in ("2001::/23", "2001:db8::/32", "2002::/16", "2620:4f:8000::/48", "3fff::/20")
]


def is_public(address: str) -> bool:
    """Whether this IP address may be anybody's on the open internet. Raises ValueError where it is none."""
    known = ip_address(address)
    if isinstance(known, IPv4Address):
        return not any(known in network for network in _CLOSED_4)
    return _is_public_6(known)


def _is_public_6(address: IPv6Address) -> bool:
    return address in _OPEN_6 and not any(address in network for network in _CLOSED_6)


def plain_host(host: str) -> str:
    """A host as it is compared with those an administrator allowed: small letters, no brackets, no last dot."""
    plain = host.strip().lower().removeprefix("[").removesuffix("]").rstrip(".")
    try:
        return str(ip_address(plain))
    except ValueError:
        return plain


def resolve(host: str, port: int) -> Sequence[str]:
    """The addresses of a host, as the machine's own resolver gives them. Raises OSError."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return tuple(dict.fromkeys(str(address[4][0]) for address in found))


def checked(
    host: str, port: int, *, allowed: Collection[str], resolver: Resolver = resolve
) -> tuple[str, ...]:
    """The addresses of a host, each of which may be connected to. Blocks while it is resolved.

    A host that an administrator `allowed` may be anywhere. Of any other not a single address may be private:
    a name that has both is one that somebody made for this. Raises ChannelRefused (PRIVATE), and
    ChannelDeferred (UNRESOLVED) for a name that nobody knows now.
    """
    try:
        addresses = tuple(resolver(host, port))
    except (OSError, UnicodeError):
        raise ChannelDeferred(UNRESOLVED) from None
    if not addresses:
        raise ChannelDeferred(UNRESOLVED)
    if plain_host(host) not in allowed and not all(map(_may_be_reached, addresses)):
        raise ChannelRefused(PRIVATE)
    return addresses


def _may_be_reached(address: str) -> bool:
    try:
        return is_public(address)
    except ValueError:  # with a zone (fe80::1%eth0), which only a link-local address has
        return False


async def checked_soon(
    host: str, port: int, *, allowed: Collection[str], resolver: Resolver = resolve
) -> tuple[str, ...]:
    """As `checked`, in a thread."""
    return await asyncio.to_thread(checked, host, port, allowed=allowed, resolver=resolver)
