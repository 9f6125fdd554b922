"""The service's own certificate authority: made once, trusted once on each device, signs the service's certificate.

It may vouch for private names and addresses only, so that a stolen key isn't good for anybody's bank.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from gis_service.certificates.folder import (
    Certificate,
    CertificateFolder,
    as_pem,
    day_of,
    read_certificates,
    write_private,
)
from gis_service.certificates.names import general_name, permitted_for, read_names, refused_by, shown_name
from gis_service.errors import InputError

SERVER_DAYS = 397
"""iOS takes up to 825 days from a private authority (Apple 103769); 397 is what public ones may give, which every
browser takes whatever it knows of the authority."""
AUTHORITY_YEARS = 10
_EARLIER = timedelta(days=1)
"""Certificates begin a day before they are made, for phones whose clocks are slow."""


def make_certificate(
    folder: CertificateFolder, given: Sequence[str] = (), *, new_authority: bool = False, now: datetime | None = None
) -> Certificate:
    """Make a certificate for names and addresses, and the authority that signs it when there is none yet.

    Parameters
    ----------
    given
        Names and addresses as people write them; without any, those of the certificate that there is.
    new_authority
        Whether the authority is made anew; every device must then trust it again.
    now
        When it is made; now if not given.

    Raises
    ------
    InputError
        Without names, for a name that is none, and for one that the authority may not vouch for.
    """
    now = now or datetime.now(UTC)
    with folder.changing():
        names = read_names(given) or _names_before(folder)
        authority, key = (None, None) if new_authority else _read_authority(folder)
        if authority is None or key is None:
            authority, key = _make_authority(names, now)
            _sign_and_replace(folder, authority, key, names, now, fresh=True)
        else:
            _check_authority(authority, names, now)
            _sign_and_replace(folder, authority, key, names, now, fresh=False)
    made = folder.certificate()
    if made is None:
        raise InputError(f"{folder.server} 刚写好就不见了;请再运行一次。", f"{folder.server} has gone.")
    return made


def _names_before(folder: CertificateFolder) -> tuple[str, ...]:
    before = folder.certificate()
    if before is None:
        raise InputError(
            "请写明大家用什么名字或地址访问,例如 gis-service tls make map.xinqun.lan 192.168.1.20。",
            "Say under which names or addresses people reach the service.",
        )
    return before.names


def _read_authority(
    folder: CertificateFolder,
) -> tuple[x509.Certificate, ec.EllipticCurvePrivateKey] | tuple[None, None]:
    if not folder.authority.exists():
        return None, None
    authority = read_certificates(folder.authority)[0]
    try:
        key = serialization.load_pem_private_key(folder.authority_key.read_bytes(), None)
    except (OSError, ValueError, TypeError, UnsupportedAlgorithm):
        key = None
    if not isinstance(key, ec.EllipticCurvePrivateKey) or key.public_key() != authority.public_key():
        raise InputError(
            f"证书机构的私钥 {folder.authority_key} 不见了或与证书不是一对;请从备份找回,"
            "或加 --new-authority 另建一个机构(各设备要重新信任)。",
            "The key of the authority is missing or another one; make a new authority with --new-authority.",
        )
    return authority, key


def _check_authority(authority: x509.Certificate, names: Sequence[str], now: datetime) -> None:
    if authority.not_valid_after_utc <= now:
        raise InputError(
            f"证书机构已于 {day_of(authority.not_valid_after_utc)} 到期;"
            "请加 --new-authority 另建一个(各设备要重新信任)。",
            "The authority has expired; make a new one with --new-authority.",
        )
    refused = refused_by(authority, names)
    if refused:
        raise InputError(
            f"现有的证书机构不能担保“{'、'.join(map(shown_name, refused))}”(它只担保内网的名字、地址和建立时写的名字);"
            "请换一个名字,或加 --new-authority 另建一个机构(各设备要重新信任)。",
            "The authority may not vouch for these names; make a new one with --new-authority.",
        )


def _sign_and_replace(
    folder: CertificateFolder,
    authority: x509.Certificate,
    authority_key: ec.EllipticCurvePrivateKey,
    names: Sequence[str],
    now: datetime,
    *,
    fresh: bool,
) -> None:
    """Write what is new; the server's file last, so that what is served was always signed by what lies beside it."""
    key = ec.generate_private_key(ec.SECP256R1())
    leaf = _signed(key.public_key(), authority, authority_key, names, now)
    if fresh:
        drafts = [
            (folder.authority_key, write_private(folder.authority_key, _private_pem(authority_key))),
            (folder.authority, write_private(folder.authority, as_pem([authority]))),
        ]
        # The certificate is for everybody, unlike the folder that it lies in.
        drafts[1][1].chmod(0o644)
        for place, draft in drafts:
            draft.replace(place)
    folder.replace_server(as_pem([leaf]), _private_pem(key))


def _make_authority(names: Sequence[str], now: datetime) -> tuple[x509.Certificate, ec.EllipticCurvePrivateKey]:
    key = ec.generate_private_key(ec.SECP256R1())
    # With name and day, so that people find the right one in a phone's list.
    name = _subject(f"社区地图证书机构 {shown_name(names[0])[:40]} {day_of(now)}")
    begins = now - _EARLIER
    made = (
        x509.CertificateBuilder(issuer_name=name, subject_name=name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(begins)
        .not_valid_after(begins + timedelta(days=round(365.25 * AUTHORITY_YEARS)))
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_usage(signs=True), critical=True)
        .add_extension(x509.NameConstraints(permitted_for(names), None), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .sign(key, hashes.SHA256())
    )
    return made, key


def _signed(
    key: ec.EllipticCurvePublicKey,
    authority: x509.Certificate,
    authority_key: ec.EllipticCurvePrivateKey,
    names: Sequence[str],
    now: datetime,
) -> x509.Certificate:
    begins = now - _EARLIER
    identifier = authority.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value
    return (
        # Some take a subject that looks like a name for one, and then find that the authority may not vouch for it.
        x509.CertificateBuilder(issuer_name=authority.subject, subject_name=_subject("社区地图服务"))
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(max(begins, authority.not_valid_before_utc))
        .not_valid_after(min(begins + timedelta(days=SERVER_DAYS), authority.not_valid_after_utc))
        .add_extension(x509.SubjectAlternativeName([general_name(name) for name in names]), critical=False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_usage(signs=False), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(identifier), critical=False
        )
        .sign(authority_key, hashes.SHA256())
    )  # fmt: skip


def _usage(*, signs: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not signs, key_cert_sign=signs, crl_sign=signs, content_commitment=False,
        key_encipherment=False, data_encipherment=False, key_agreement=False, encipher_only=False, decipher_only=False,
    )  # fmt: skip


def _subject(title: str) -> x509.Name:
    return x509.Name([
        x509.NameAttribute(NameOID.ORGANIZATION_NAME, "gis-service"), x509.NameAttribute(NameOID.COMMON_NAME, title),
    ])  # fmt: skip


def _private_pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
