"""Where certificates lie: the folder ``tls`` of the data folder.

::

    authority.crt   the certificate of the service's own authority, to be given to phones and computers
    authority.key   its key; whoever has it can pretend to be the service
    server.pem      the service's certificate with its key and what lies between it and its authority

Certificate and key are one file, so that it is replaced as a whole: never a new key beside an old certificate.
"""

from __future__ import annotations

import os
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.x509.oid import NameOID

from gis_service.certificates.names import covers, names_of
from gis_service.data_lock import DataLock
from gis_service.errors import InputError
from gis_service.features.question import SHANGHAI

SOON_DAYS = 30
"""A certificate that ends within so many days should be renewed."""


@dataclass(frozen=True)
class Certificate:
    """A server certificate, and the own authority that signed it, if one did.

    Attributes
    ----------
    leaf
        What browsers are shown.
    authority
        The certificate of the service's own authority; None when another one signed ``leaf``.
    """

    leaf: x509.Certificate
    authority: x509.Certificate | None

    @cached_property
    def names(self) -> tuple[str, ...]:
        """The names and addresses that it is for."""
        return names_of(self.leaf)

    @property
    def issuer(self) -> str:
        """Who signed it, as people call them."""
        return called(self.leaf.issuer)

    @property
    def until(self) -> datetime:
        """The moment after which browsers refuse it."""
        return self.leaf.not_valid_after_utc

    def covers(self, host: str) -> bool:
        """Return whether it is good for a host."""
        return covers(self.names, host)

    def days_left(self, now: datetime | None = None) -> int:
        """Return how many whole days are left; negative when it has ended."""
        return (self.until - (now or datetime.now(UTC))).days


class CertificateFolder:
    """The folder of certificates of a data folder.

    Parameters
    ----------
    data
        The data folder.
    """

    def __init__(self, data: Path) -> None:
        self.folder = data / "tls"
        self.server = self.folder / "server.pem"
        self.authority = self.folder / "authority.crt"
        self.authority_key = self.folder / "authority.key"

    def exists(self) -> bool:
        """Return whether there is a server certificate."""
        return self.server.is_file()

    def certificate(self) -> Certificate | None:
        """Return the server certificate, or None without one; InputError when it can't be read."""
        if not self.exists():
            return None
        leaf = read_certificates(self.server)[0]
        authority = read_certificates(self.authority)[0] if self.authority.is_file() else None
        return Certificate(leaf, authority if authority is not None and is_signed_by(leaf, authority) else None)

    @contextmanager
    def changing(self) -> Iterator[None]:
        """Make the folder, and keep every other command out of it meanwhile."""
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        lock = DataLock(self.folder / "lock")
        lock.acquire(wait=True)
        with lock:
            yield

    def replace_server(self, chain: bytes, key: bytes) -> None:
        """Put a certificate (PEM, with what lies between it and its authority) and its key in place of the old ones.

        Raises
        ------
        InputError
            When it can't be served; the old ones are still there.
        """
        draft = write_private(self.server, key + chain)
        try:
            context_of(draft)
        except InputError:
            draft.unlink()
            raise
        draft.replace(self.server)


def context_of(path: Path) -> ssl.SSLContext:
    """Return how to speak TLS with the certificate and key of a file; InputError when they can't be used."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_alpn_protocols(["http/1.1"])
    try:
        context.load_cert_chain(path, password=_no_password)
    except (ssl.SSLError, OSError) as error:
        reason = getattr(error, "reason", None) or error
        raise InputError(
            f"证书和私钥不能用({reason});请换一对,或用 gis-service tls make 另做一张。",
            f"The certificate can't be served: {reason}.",
        ) from error
    return context


def _no_password() -> str:
    """Keep OpenSSL from asking on the terminal for the password of a key."""
    return ""


def write_private(path: Path, content: bytes) -> Path:
    """Write what only its owner may read beside a file, on the disk as a whole; return the draft, to be renamed."""
    draft = path.with_name(path.name + ".part")
    draft.unlink(missing_ok=True)
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    return draft


def read_certificates(path: Path) -> list[x509.Certificate]:
    """Return the certificates of a PEM file, or the one of a DER file; InputError when there are none."""
    try:
        content = path.read_bytes()
    except OSError as error:
        raise InputError(f"读不了 {path}({error.strerror});请检查路径和权限。", f"{path} can't be read.") from error
    try:
        if b"-----BEGIN" in content:
            return x509.load_pem_x509_certificates(content)
        return [x509.load_der_x509_certificate(content)]
    except ValueError as error:
        raise InputError(
            f"{path} 里没有读得懂的证书;应是 PEM 格式的文本,以 -----BEGIN CERTIFICATE----- 开头"
            "(只有 PFX 或 JKS 文件时,请先请签发的人另给一份 PEM)。",
            f"There is no certificate in {path}.",
        ) from error


def is_signed_by(certificate: x509.Certificate, issuer: x509.Certificate) -> bool:
    """Return whether one certificate was signed with the key of another."""
    try:
        certificate.verify_directly_issued_by(issuer)
    except (ValueError, TypeError, InvalidSignature):
        return False
    return True


def as_pem(certificates: list[x509.Certificate]) -> bytes:
    """Return certificates as text, one after the other."""
    return b"".join(one.public_bytes(serialization.Encoding.PEM) for one in certificates)


def called(name: x509.Name) -> str:
    """Return what people call the subject or the issuer of a certificate."""
    for kind in NameOID.COMMON_NAME, NameOID.ORGANIZATIONAL_UNIT_NAME, NameOID.ORGANIZATION_NAME:
        found = name.get_attributes_for_oid(kind)
        if found:
            return str(found[0].value)
    return name.rfc4514_string() or "(没有名字)"


def fingerprint_of(certificate: x509.Certificate) -> str:
    """Return the SHA-256 of a certificate in pairs of digits, as phones and Firefox show it."""
    return certificate.fingerprint(hashes.SHA256()).hex(":").upper()


def windows_fingerprint_of(certificate: x509.Certificate) -> str:
    """Return the SHA-1 of a certificate, the only one in the window of Windows; nobody can make another with the same.

    What is broken of SHA-1 is that two can be made alike, not that one can be made like another's.
    """
    return certificate.fingerprint(hashes.SHA1()).hex(":").upper()  # noqa: S303


def day_of(moment: datetime) -> str:
    """Return the day of a moment in Shanghai."""
    return f"{moment.astimezone(SHANGHAI):%Y-%m-%d}"
