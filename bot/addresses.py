"""Which addresses of other people's servers may be asked: https, and nothing inside our network."""

from __future__ import annotations

import ipaddress
import re
from typing import Final
from urllib.parse import urlsplit

_NAME: Final = re.compile(r"[^.]+(\.[^.]+)*\.[a-z][a-z0-9-]*\.?", re.ASCII)  # xn--… included
_NAT64: Final = ipaddress.ip_network("64:ff9b::/32")


class Forbidden(Exception):  # noqa: N818  # the state is the name
    """An address that nothing is sent to; says why."""


def check_url(url: str) -> None:
    """Raise Forbidden for an address that is not https to a public host."""
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname or "", parts.port  # which raises for one that is none
    except ValueError:
        raise Forbidden("its address is none") from None
    if parts.scheme != "https":
        raise Forbidden("its address is not https")
    if not host or parts.username is not None or parts.password is not None:
        raise Forbidden("its address has no host, or a password")
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        # A name is looked at again when it is resolved; `2130706433` and `0x7f.1` are numbers.
        if not _NAME.fullmatch(host):
            raise Forbidden("its host is no public name") from None
        return
    if not is_public(str(address)):
        raise Forbidden("its address is private")


def is_public(text: str) -> bool:
    """Whether an IP address is one of the public internet.

    Addresses that carry another one inside (mapped, 6to4, Teredo, NAT64) are none.
    """
    address = ipaddress.ip_address(text.partition("%")[0])
    if isinstance(address, ipaddress.IPv6Address):
        is_carrier = address.ipv4_mapped or address.sixtofour or address.teredo
        if is_carrier or address in _NAT64:
            return False
    return address.is_global and not address.is_multicast
