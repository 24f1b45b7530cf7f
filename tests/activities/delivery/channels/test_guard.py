"""The guard: every range that is not the open internet's, however it is written, and names that lead there."""

from __future__ import annotations

import pytest

from activities.delivery.channels import guard
from activities.delivery.channels.errors import ChannelDeferred, ChannelRefused

PUBLIC = "93.184.215.14"
PUBLIC_6 = "2606:2800:21f:cb07:6820:80da:af6b:8b2c"


@pytest.mark.parametrize(
    "address",
    [
        "0.0.0.0", "10.0.0.1", "100.64.0.1", "100.127.255.254", "127.0.0.1", "127.8.9.1", "169.254.169.254",  # noqa: S104 - refused
        "172.16.0.1", "172.31.255.254", "192.0.0.1", "192.0.2.1", "192.88.99.1", "192.168.1.1", "198.18.0.1",
        "198.19.255.254", "198.51.100.1", "203.0.113.1", "224.0.0.1", "239.255.255.255", "240.0.0.1",
        "255.255.255.255",
        "::", "::1", "::ffff:127.0.0.1", "::ffff:10.0.0.1", f"::ffff:{PUBLIC}", "::127.0.0.1", "64:ff9b::7f00:1",
        "64:ff9b:1::a00:1", "100::1", "2001::1", "2001:0:7f00:1::", "2001:db8::1", "2002:7f00:1::1", "3fff::1",
        "fc00::1", "fd12:3456::1", "fe80::1", "fec0::1", "ff02::1",
    ],
)  # fmt: skip
def test_an_address_that_is_not_on_the_open_internet_is_not_public(address: str) -> None:
    assert not guard.is_public(address)
    with pytest.raises(ChannelRefused) as refused:
        guard.checked("hooks.example.org", 443, allowed=(), resolver=lambda host, port: [address])
    assert refused.value.status == "private_address"
    assert not isinstance(refused.value, ChannelDeferred), "trying again is of no use"


@pytest.mark.parametrize(
    "address",
    [PUBLIC, "1.1.1.1", "100.63.255.255", "100.128.0.1", "172.15.0.1", "172.32.0.1", "223.255.255.255",
     PUBLIC_6, "2a00:1450:4001::200e"],
)  # fmt: skip
def test_an_address_of_the_open_internet_is(address: str) -> None:
    assert guard.is_public(address)
    assert guard.checked("a.example", 443, allowed=(), resolver=lambda host, port: [address]) == (address,)


@pytest.mark.parametrize(
    "found", [(PUBLIC, "10.0.0.1"), ("10.0.0.1", PUBLIC), (PUBLIC, PUBLIC_6, "::1"), ("fe80::1%eth0",)]
)
def test_a_name_with_one_private_address_is_refused_whole(found: tuple[str, ...]) -> None:
    with pytest.raises(ChannelRefused, match="private_address"):
        guard.checked("both.example", 443, allowed=(), resolver=lambda host, port: found)


@pytest.mark.parametrize("host", ["127.0.0.1", "127.1", "0x7f000001", "2130706433", "0177.0.0.1", "localhost",
                                  "LOCALHOST", "::1"])  # fmt: skip
def test_however_it_is_written_this_machine_is_private(host: str) -> None:
    with pytest.raises(ChannelRefused, match="private_address"):
        guard.checked(host, 80, allowed=())


def test_only_the_very_host_that_was_allowed_may_be_private() -> None:
    def private(host: str, port: int) -> list[str]:
        return ["10.0.0.7"]

    allowed = {guard.plain_host("Chat.Internal.")}
    assert guard.checked("CHAT.internal", 443, allowed=allowed, resolver=private) == ("10.0.0.7",)
    for other in ("chat.internal.example", "x.chat.internal", "10.0.0.7"):
        with pytest.raises(ChannelRefused):
            guard.checked(other, 443, allowed=allowed, resolver=private)


def test_a_name_that_nobody_knows_is_tried_again() -> None:
    def unknown(host: str, port: int) -> list[str]:
        raise OSError("no such host")

    def empty(host: str, port: int) -> list[str]:
        return []

    for resolver in (unknown, empty):
        with pytest.raises(ChannelDeferred, match="name_not_resolved"):
            guard.checked("nowhere.example", 443, allowed=(), resolver=resolver)


@pytest.mark.parametrize(
    ("written", "kept"),
    [
        ("[::1]", "::1"),
        ("EXAMPLE.org.", "example.org"),
        ("[2001:DB8:0:0::1]", "2001:db8::1"),
        (" a.b ", "a.b"),
    ],
)
def test_a_host_is_compared_in_one_way_of_writing_it(written: str, kept: str) -> None:
    assert guard.plain_host(written) == kept
