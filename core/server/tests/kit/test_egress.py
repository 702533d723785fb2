from __future__ import annotations

from ipaddress import ip_address, ip_network

import pytest
from csai.kit.egress import EgressPolicy

NOT_PUBLIC = [
    "0.0.0.0",
    "10.1.2.3",
    "100.64.0.1",
    "100.100.100.200",
    "127.0.0.1",
    "127.255.255.254",
    "168.63.129.16",
    "169.254.169.254",
    "172.16.0.1",
    "172.31.255.255",
    "192.0.0.192",
    "192.0.2.1",
    "192.88.99.1",
    "192.168.1.1",
    "198.18.0.1",
    "198.51.100.7",
    "203.0.113.9",
    "224.0.0.1",
    "240.0.0.1",
    "255.255.255.255",
    "::",
    "::1",
    "::7f00:1",
    "::ffff:127.0.0.1",
    "::ffff:169.254.169.254",
    "64:ff9b::10.0.0.1",
    "64:ff9b:1::808:808",
    "100::1",
    "2001:10::1",
    "2001:db8::1",
    "2001:0:7f00:1::f7f7:f7f7",
    "2001:0:808:808::80ff:fffe",
    "2002:7f00:1::1",
    "2002:c0a8:101::1",
    "3fff::1",
    "5f00::1",
    "fc00::1",
    "fd00:ec2::254",
    "fe80::1",
    "fe80::1%eth0",
    "fec0::1",
    "ff02::1",
]
PUBLIC = [
    "1.1.1.1",
    "8.8.8.8",
    "100.128.0.1",
    "172.32.0.1",
    "192.0.1.1",
    "::ffff:8.8.8.8",
    "64:ff9b::8.8.8.8",
    "2001:0:808:808::f7f7:f7f7",
    "2001:4860:4860::8888",
    "2002:808:808::1",
    "2606:4700::1111",
    "2a00:1450:4001::1",
]


@pytest.mark.parametrize("address", NOT_PUBLIC)
def test_address_that_is_not_public_is_refused(address: str) -> None:
    assert not EgressPolicy().allows(ip_address(address))


@pytest.mark.parametrize("address", PUBLIC)
def test_public_address_is_allowed(address: str) -> None:
    assert EgressPolicy().allows(ip_address(address))


@pytest.mark.parametrize("address", ["10.2.3.4", "::ffff:10.2.3.4", "64:ff9b::10.2.3.4", "fd12::1"])
def test_address_in_a_network_of_the_operator_is_allowed_also_when_wrapped(address: str) -> None:
    policy = EgressPolicy([ip_network("10.0.0.0/8"), ip_network("fd12::/16")])
    assert policy.allows(ip_address(address))


@pytest.mark.parametrize("address", ["127.0.0.1", "11.0.0.1", "fd13::1", "::1", "169.254.169.254"])
def test_operators_network_opens_nothing_beside_itself(address: str) -> None:
    policy = EgressPolicy([ip_network("10.0.0.0/8"), ip_network("fd12::/16")])
    assert policy.allows(ip_address(address)) is (address == "11.0.0.1")
