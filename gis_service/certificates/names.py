"""Names and addresses: as people write them, as a certificate holds them, as a browser compares them."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable, Sequence

from cryptography import x509

from gis_service.errors import InputError

PRIVATE_ENDINGS = ("home.arpa", "internal", "intranet", "lan", "local", "private", "corp", "home", "test")
"""Endings that no public name has: RFC 8375, ICANN's .internal, RFC 6762 (with its appendix G) and RFC 6761."""
PRIVATE_NETWORKS = ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "127.0.0.0/8", "fc00::/7", "::1/128")
"""Networks within an office and this machine itself: RFC 1918, RFC 1122 and RFC 4193."""

_LABEL = r"(?!-)[a-z0-9-]{1,63}(?<!-)"
_IS_HOST = re.compile(rf"{_LABEL}(\.{_LABEL})*")
_LONGEST = 253


def ascii_name(host: str) -> str:
    """Return a host's name as the wire has it (地图.内网 is xn--…), in small letters; as given when it has none."""
    host = host.strip().rstrip(".").lower()
    try:
        return host.encode("idna").decode("ascii") if not host.isascii() else host
    except UnicodeError:
        return host


def shown_name(name: str) -> str:
    """Return a name as people write it."""
    try:
        return name.encode("ascii").decode("idna") if "xn--" in name else name
    except UnicodeError:
        return name


def read_names(given: Iterable[str]) -> tuple[str, ...]:
    """Return names and addresses as certificates hold them, each once.

    Raises
    ------
    InputError
        For what is neither the name of a host nor an address.
    """
    return tuple(dict.fromkeys(_read_name(one) for one in given))


def _read_name(given: str) -> str:
    try:
        address = ipaddress.ip_address(given.strip().strip("[]"))
    except ValueError:
        name = ascii_name(given)
    else:
        if not getattr(address, "scope_id", None):
            return str(address)
        name = given
    last = name.rpartition(".")[2]
    if not _IS_HOST.fullmatch(name) or len(name) > _LONGEST or last.isdigit():
        raise InputError(
            f"“{given}”不是主机名,也不是 IP 地址;请只写名字或地址本身,不带 https://、端口和路径,"
            "例如 map.xinqun.lan 或 192.168.1.20。",
            f"{given!r} is neither the name of a host nor an address.",
        )
    return name


def general_name(name: str) -> x509.GeneralName:
    """Return a name as an entry of a certificate."""
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)


def names_of(certificate: x509.Certificate) -> tuple[str, ...]:
    """Return the names and addresses that a certificate is for; its subject, which browsers don't read, isn't asked."""
    try:
        held = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return ()
    addresses = (str(one) for one in held.get_values_for_type(x509.IPAddress))
    return (*(one.lower() for one in held.get_values_for_type(x509.DNSName)), *addresses)


def covers(names: Iterable[str], host: str) -> bool:
    """Return whether a certificate with these names is good for a host; * stands for one label (RFC 9525)."""
    wanted = ascii_name(host.strip("[]"))
    names = tuple(names)
    if wanted in names:
        return True
    rest = wanted.partition(".")[2]
    return bool(rest) and not wanted.rpartition(".")[2].isdigit() and f"*.{rest}" in names


def permitted_for(names: Iterable[str]) -> tuple[x509.GeneralName, ...]:
    """Return what an authority for these names may vouch for: them, and whatever no public host is called."""
    networks = [ipaddress.ip_network(one) for one in PRIVATE_NETWORKS]
    endings, more = list(PRIVATE_ENDINGS), []
    for name in names:
        try:
            address = ipaddress.ip_address(name)
        except ValueError:
            if not _is_below(name, endings):
                endings.append(name)
        else:
            if not any(address in network for network in networks):
                more.append(ipaddress.ip_network(address))
    return (*map(x509.DNSName, endings), *map(x509.IPAddress, [*networks, *more]))


def refused_by(authority: x509.Certificate, names: Iterable[str]) -> tuple[str, ...]:
    """Return the names that an authority may not vouch for."""
    try:
        permitted = authority.extensions.get_extension_for_class(x509.NameConstraints).value.permitted_subtrees or ()
    except x509.ExtensionNotFound:
        return ()
    endings = [one.value for one in permitted if isinstance(one, x509.DNSName)]
    networks = [one.value for one in permitted if isinstance(one, x509.IPAddress)]
    return tuple(name for name in names if not _is_permitted(name, endings, networks))


def _is_permitted(name: str, endings: list[str], networks: Sequence[object]) -> bool:
    try:
        address = ipaddress.ip_address(name)
    except ValueError:
        return _is_below(name, endings)
    return any(
        address in one for one in networks if isinstance(one, ipaddress.IPv4Network | ipaddress.IPv6Network)
    )  # fmt: skip


def _is_below(name: str, endings: list[str]) -> bool:
    return any(name == one or name.endswith(f".{one}") for one in endings)
