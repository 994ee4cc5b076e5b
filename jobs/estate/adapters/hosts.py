"""To which hosts a connection may go. Else whoever may add instances could probe the network."""

from __future__ import annotations

from collections.abc import Iterable
from fnmatch import fnmatchcase
from ipaddress import ip_address, ip_network

from jobs.estate.adapters.errors import HostNotPermitted


def require_permitted(host: str, permitted: Iterable[str]) -> None:
    """Raises HostNotPermitted unless one of `permitted` is the host, or there is none at all.

    Each is a name, in which * stands for any part, or an address, or a network as in
    10.2.0.0/16. A name is compared as it is written: an address that it leads to is not looked
    up, so what is listed as a network is reached by its addresses alone.
    """
    patterns = list(permitted)
    if patterns and not any(_fits(host.strip().casefold(), pattern) for pattern in patterns):
        raise HostNotPermitted(host, patterns)


def _fits(host: str, pattern: str) -> bool:
    try:
        network = ip_network(pattern, strict=False)
    except ValueError:
        return fnmatchcase(host.rstrip("."), pattern.casefold())
    try:
        return ip_address(host) in network
    except ValueError:
        return False
