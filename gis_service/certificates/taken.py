"""A certificate that the office got elsewhere: looked at closely before it takes the place of what is served."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID

from gis_service.certificates.folder import (
    Certificate,
    CertificateFolder,
    as_pem,
    day_of,
    is_signed_by,
    read_certificates,
)
from gis_service.certificates.names import covers, names_of, shown_name
from gis_service.errors import InputError

_LEAST_RSA_BITS = 2048
_CURVES = ("secp256r1", "secp384r1", "secp521r1")
_Key = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey


def take_certificate(
    folder: CertificateFolder, chain: Path, key: Path, host: str | None = None, *, now: datetime | None = None
) -> Certificate:
    """Put a certificate of another authority in place of what is served.

    Parameters
    ----------
    chain
        PEM: the certificate and, in any order, those between it and its authority.
    key
        PEM: its key, without a password.
    host
        The name under which people reach the service, where one was set.
    now
        The moment that the dates are compared with; now if not given.

    Raises
    ------
    InputError
        When browsers wouldn't take it; what was served before is still there.
    """
    now = now or datetime.now(UTC)
    held = read_certificates(chain)
    owned = _read_key(key)
    leaf = _of_key(held, owned, chain, key)
    _check_readable(leaf, chain)
    _check_dates(leaf, now)
    _check_strength(leaf, owned)
    _check_names(leaf, host)
    _check_use(leaf)
    line = _line_from(leaf, held)
    for one in line[1:]:
        _check_dates(one, now)
    text = owned.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    with folder.changing():
        folder.replace_server(as_pem(line), text)
    return Certificate(leaf, None)


def chain_is_short(folder: CertificateFolder) -> bool:
    """Return whether nothing lies between the certificate and an authority: phones may then not find the way."""
    held = read_certificates(folder.server)
    return len(held) == 1 and not is_signed_by(held[0], held[0])


def _read_key(path: Path) -> _Key:
    try:
        content = path.read_bytes()
    except OSError as error:
        raise InputError(f"读不了 {path}({error.strerror});请检查路径和权限。", f"{path} can't be read.") from error
    try:
        key = serialization.load_pem_private_key(content, None)
    except TypeError as error:
        raise InputError(
            f"私钥 {path} 设了口令,服务启动时没有人能输入;请先去掉口令(openssl pkey -in 旧文件 -out 新文件)。",
            f"The key {path} has a password; remove it first.",
        ) from error
    except (ValueError, UnsupportedAlgorithm) as error:
        raise InputError(
            f"{path} 里没有读得懂的私钥;应是 PEM 格式的文本,以 -----BEGIN PRIVATE KEY----- 或类似的一行开头。",
            f"There is no key in {path}.",
        ) from error
    if not isinstance(key, _Key):
        raise InputError(
            f"私钥 {path} 的种类浏览器不支持;请另要一张 RSA(2048 位以上)或 ECDSA(P-256)的证书。",
            "Browsers take RSA and ECDSA keys only.",
        )
    return key


def _of_key(held: list[x509.Certificate], key: _Key, chain: Path, key_path: Path) -> x509.Certificate:
    """Return the certificate that a key belongs to; offices hand over chains in any order."""
    unknown = 0
    for one in held:
        try:
            if one.public_key() == key.public_key():
                return one
        except (UnsupportedAlgorithm, ValueError):
            unknown += 1
    if unknown:
        raise InputError(
            f"{chain} 里有浏览器不支持的证书(例如国密 SM2);请另要一张 RSA(2048 位以上)或 ECDSA(P-256)的证书。",
            "The certificate is of a kind that browsers don't take, such as SM2.",
        )
    raise InputError(
        f"私钥 {key_path} 与 {chain} 里的证书不是一对;请找到申请这张证书时生成的那个私钥。",
        "The key doesn't belong to the certificate.",
    )


def _check_readable(leaf: x509.Certificate, chain: Path) -> None:
    try:
        names_of(leaf)
    except (ValueError, x509.DuplicateExtension, x509.UnsupportedGeneralNameType) as error:
        raise InputError(
            f"{chain} 里的证书写得不合规范,浏览器读不懂;请签发的人另给一张。", "The certificate can't be parsed."
        ) from error


def _check_dates(certificate: x509.Certificate, now: datetime) -> None:
    begins, ends = certificate.not_valid_before_utc, certificate.not_valid_after_utc
    # It may be the certificate or one between it and its authority, so it is named.
    shown = "、".join(map(shown_name, names_of(certificate))) or certificate.subject.rfc4514_string()
    if ends <= now:
        raise InputError(f"证书({shown})已于 {day_of(ends)} 到期;请换新的。", "The certificate has expired.")
    if begins > now:
        raise InputError(
            f"证书({shown})从 {day_of(begins)} 才开始有效;请到那天再换,或检查这台机器的时钟。",
            "The certificate isn't valid yet.",
        )


def _check_strength(leaf: x509.Certificate, key: _Key) -> None:
    weak = key.key_size < _LEAST_RSA_BITS if isinstance(key, rsa.RSAPrivateKey) else key.curve.name not in _CURVES
    if weak:
        raise InputError(
            "证书的密钥太短或种类少见,浏览器不接受;请另要一张 RSA(2048 位以上)或 ECDSA(P-256)的证书。",
            "The key is too weak or of a rare kind.",
        )
    digest = leaf.signature_hash_algorithm
    if digest is not None and digest.digest_size < hashes.SHA224.digest_size:
        raise InputError(
            f"证书用 {digest.name.upper()} 签的,浏览器不接受;请另要一张用 SHA-256 签的证书。",
            "The certificate is signed with a weak digest.",
        )


def _check_names(leaf: x509.Certificate, host: str | None) -> None:
    names = names_of(leaf)
    if not names:
        raise InputError(
            "证书里没有 SAN(使用者可选名称),浏览器不看“使用者”一栏里的名字;请另要一张把主机名写进 SAN 的证书。",
            "The certificate has no subject alternative name.",
        )
    if host is not None and not covers(names, host):
        raise InputError(
            f"证书只用于 {'、'.join(map(shown_name, names))},不包括 GIS_PUBLIC_URL 里的 {host};"
            "请另要一张包括它的证书,或改 GIS_PUBLIC_URL。",
            "The certificate doesn't cover the host of GIS_PUBLIC_URL.",
        )


def _check_use(leaf: x509.Certificate) -> None:
    try:
        uses = leaf.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    except x509.ExtensionNotFound:
        return
    if not {ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE} & set(uses):
        raise InputError(
            "证书不是给网站用的(增强型密钥用法里没有“服务器身份验证”);请另要一张网站证书。",
            "The certificate isn't for servers.",
        )


def _line_from(leaf: x509.Certificate, held: list[x509.Certificate]) -> list[x509.Certificate]:
    """Return the certificate and those above it, each signed by the next; the others of the file are left out."""
    line = [leaf]
    while True:
        above = next((one for one in held if one not in line and is_signed_by(line[-1], one)), None)
        if above is None:
            return line
        line.append(above)
