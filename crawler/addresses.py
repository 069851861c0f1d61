"""Which IP addresses anyone on the Internet can have."""

from __future__ import annotations

import ipaddress


def public_address(ip: str) -> bool:
    """Is this an address anyone on the Internet can have? Anything doubtful is not.

    The list is ours (IANA special-purpose registries, 2025), since `is_global` differs between Pythons.
    """
    try:
        address = ipaddress.ip_address(ip.strip("[]").partition("%")[0])
    except ValueError:
        return False
    if isinstance(address, ipaddress.IPv6Address):
        number = int(address)
        for network, shift in _CARRIERS:
            if address in network:
                return public_address(str(ipaddress.IPv4Address(number >> shift & 0xFFFFFFFF)))
        return address in _UNICAST and not any(address in n for n in _NOT_PUBLIC_6)
    return not any(address in n for n in _NOT_PUBLIC_4)


_NOT_PUBLIC_4 = tuple(
    map(
        ipaddress.IPv4Network,
        (
            *("0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12"),
            *("192.0.0.0/24", "192.0.2.0/24", "192.88.99.0/24", "192.168.0.0/16", "198.18.0.0/15"),
            *("198.51.100.0/24", "203.0.113.0/24", "224.0.0.0/4", "240.0.0.0/4"),
        ),
    )
)
_UNICAST = ipaddress.IPv6Network("2000::/3")
_NOT_PUBLIC_6 = tuple(map(ipaddress.IPv6Network, ("2001::/23", "2001:db8::/32", "3fff::/20")))
# IPv4 inside IPv6: mapped, NAT64, 6to4; and how far right its 32 bits lie
_CARRIERS = (
    (ipaddress.IPv6Network("::ffff:0:0/96"), 0),
    (ipaddress.IPv6Network("64:ff9b::/96"), 0),
    (ipaddress.IPv6Network("2002::/16"), 80),
)
