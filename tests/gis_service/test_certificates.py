"""Certificates: what is made verifies as browsers verify it, and what is taken has been looked at."""

from __future__ import annotations

import datetime as dt
import ipaddress
import os
import ssl
import stat
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID
from cryptography.x509.verification import PolicyBuilder, Store, VerificationError

from gis_service.certificates.authority import SERVER_DAYS, make_certificate
from gis_service.certificates.folder import CertificateFolder, as_pem, context_of, read_certificates
from gis_service.certificates.names import covers, read_names
from gis_service.certificates.taken import chain_is_short, take_certificate
from gis_service.deployment import check_certificate
from gis_service.errors import InputError, ServiceError

NAMES = ("map.xinqun.lan", "地图.内网", "192.168.1.20", "fd00::20")
NOW = dt.datetime.now(dt.UTC)
DAY = dt.timedelta(days=1)


@pytest.fixture
def folder(tmp_path: Path) -> CertificateFolder:
    return CertificateFolder(tmp_path / "data")


def subject_of(name: str) -> x509.DNSName | x509.IPAddress:
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)


def verified(folder: CertificateFolder, name: str, at: dt.datetime = NOW) -> bool:
    """Return whether cryptography's verifier, which keeps to the rules for browsers, takes it for a name."""
    root, (leaf, *between) = read_certificates(folder.authority)[0], read_certificates(folder.server)
    verifier = PolicyBuilder().store(Store([root])).time(at).build_server_verifier(subject_of(name))
    try:
        verifier.verify(leaf, between)
    except VerificationError:
        return False
    return True


def shaken(folder: CertificateFolder, name: str) -> bool:
    """Return whether OpenSSL, a second opinion, ends a handshake with the certificate under a name."""
    client = ssl.create_default_context(cafile=folder.authority)
    to_client, to_server = ssl.MemoryBIO(), ssl.MemoryBIO()
    sides = [
        context_of(folder.server).wrap_bio(to_server, to_client, server_side=True),
        client.wrap_bio(to_client, to_server, server_hostname=name),
    ]
    waiting = {0, 1}
    for _ in range(10):
        for side in sorted(waiting):
            try:
                sides[side].do_handshake()
                waiting.discard(side)
            except ssl.SSLWantReadError:
                continue
            except ssl.SSLCertVerificationError:
                return False
    return not waiting


def test_what_is_made_is_trusted_for_its_names_only(folder: CertificateFolder) -> None:
    made = make_certificate(folder, NAMES)
    assert made.names == ("map.xinqun.lan", "xn--wcs7d.xn--v6q792i", "192.168.1.20", "fd00::20")
    for name in made.names:
        assert (verified(folder, name), shaken(folder, name)) == (True, True), name
    for name in ("other.xinqun.lan", "sub.map.xinqun.lan", "192.168.1.21", "localhost"):
        assert (verified(folder, name), shaken(folder, name)) == (False, False), name
    leaf, root = made.leaf, made.authority
    assert root is not None
    assert isinstance(leaf.public_key(), ec.EllipticCurvePublicKey)
    assert leaf.not_valid_after_utc - leaf.not_valid_before_utc <= dt.timedelta(days=397)
    assert 3650 <= (root.not_valid_after_utc - root.not_valid_before_utc).days <= 3653
    # A phone's clock may be slow, and the last day counts.
    assert verified(folder, made.names[0], NOW - dt.timedelta(hours=20))
    assert verified(folder, made.names[0], NOW + (SERVER_DAYS - 2) * DAY)
    assert not verified(folder, made.names[0], NOW + (SERVER_DAYS + 1) * DAY)
    assert {path.name: stat.S_IMODE(path.stat().st_mode) for path in folder.folder.iterdir()} == {
        "authority.crt": 0o644, "authority.key": 0o600, "server.pem": 0o600, "lock": 0o644,
    }  # fmt: skip
    assert stat.S_IMODE(folder.folder.stat().st_mode) == 0o700


def test_renewing_keeps_the_authority_and_the_names(folder: CertificateFolder) -> None:
    first = make_certificate(folder, NAMES, now=NOW - 300 * DAY)
    root, key = folder.authority.read_bytes(), folder.authority_key.read_bytes()
    again = make_certificate(folder)
    assert again.names == first.names
    assert again.until > first.until + 299 * DAY
    assert (folder.authority.read_bytes(), folder.authority_key.read_bytes()) == (root, key)
    assert again.leaf.public_key() != first.leaf.public_key()
    other = make_certificate(folder, ["10.1.2.3"])
    assert other.names == ("10.1.2.3",)
    assert verified(folder, "10.1.2.3")
    assert not verified(folder, "map.xinqun.lan")
    assert shaken(folder, "10.1.2.3")
    fresh = make_certificate(folder, new_authority=True)
    assert (fresh.names, fresh.authority != first.authority) == (("10.1.2.3",), True)
    assert verified(folder, "10.1.2.3")


def test_the_authority_never_outlives_itself(folder: CertificateFolder) -> None:
    first = make_certificate(folder, ["map.lan"], now=NOW - 3600 * DAY)
    assert first.authority is not None
    late = make_certificate(folder)
    assert late.until == first.authority.not_valid_after_utc
    assert verified(folder, "map.lan")
    with pytest.raises(InputError, match=r"到期.*--new-authority"):
        make_certificate(folder, now=NOW + 400 * DAY)


def test_a_stolen_authority_is_good_for_no_public_name(folder: CertificateFolder) -> None:
    """The key signs what its owner would never sign: every verifier refuses it."""
    make_certificate(folder, ["map.xinqun.lan", "map.example.gov.cn", "22.1.2.3"])
    root = read_certificates(folder.authority)[0]
    root_key = serialization.load_pem_private_key(folder.authority_key.read_bytes(), None)
    assert isinstance(root_key, ec.EllipticCurvePrivateKey)
    taken: dict[str, bool] = {}
    for name in ("www.example.com", "gov.cn", "8.8.8.8", "22.1.2.4", "2001:db8::1", "evil.lan", "map.example.gov.cn",
                 "22.1.2.3", "172.31.0.1", "printer.local", "notlan"):  # fmt: skip
        forged = Forged(names=(name,), root_key=root_key, root=root)
        folder.replace_server(forged.chain(), forged.key_pem())
        assert verified(folder, name) == shaken(folder, name), name
        taken[name] = verified(folder, name)
    assert [name for name, good in taken.items() if good] == [
        "evil.lan", "map.example.gov.cn", "22.1.2.3", "172.31.0.1", "printer.local",
    ]  # fmt: skip
    for name in ("www.example.com", "8.8.8.8", "notlan"):
        with pytest.raises(InputError, match=r"不能担保.*--new-authority"):
            make_certificate(folder, [name])
    assert verified(folder, "notlan") is False


@pytest.mark.parametrize(
    "name",
    ["https://map.lan", "map.lan:8000", "map.lan/x", "", " ", "1.2.3", "300.1.1.1", "a_b.lan", "-a.lan", "a..lan",
     "*.lan", "a" * 64 + ".lan", "a.b" * 90, "10.0.0.0/8", "fe80::1%eth0", "\u202e.lan", "a.lan\nb"],
)  # fmt: skip
def test_what_is_no_name_is_refused(folder: CertificateFolder, name: str) -> None:
    with pytest.raises(InputError, match="不是主机名") as refused:
        make_certificate(folder, [name])
    assert str(refused.value).count("。") == 1
    assert not folder.exists()
    assert read_names([" MAP.lan. ", "[fd00::1]", "map.lan"]) == ("map.lan", "fd00::1")


def test_without_names_there_is_nothing_to_renew(folder: CertificateFolder) -> None:
    with pytest.raises(InputError, match="写明"):
        make_certificate(folder)
    assert not folder.authority.exists()


@pytest.mark.parametrize("harm", ["gone", "other", "garbage"])
def test_an_authority_without_its_key_is_told(folder: CertificateFolder, tmp_path: Path, harm: str) -> None:
    make_certificate(folder, ["map.lan"])
    before = folder.server.read_bytes()
    if harm == "gone":
        folder.authority_key.unlink()
    elif harm == "other":
        other = CertificateFolder(tmp_path / "other")
        make_certificate(other, ["map.lan"])
        folder.authority_key.write_bytes(other.authority_key.read_bytes())
    else:
        folder.authority_key.write_bytes(b"garbage")
    with pytest.raises(InputError, match=r"私钥.*--new-authority"):
        make_certificate(folder)
    assert folder.server.read_bytes() == before
    assert make_certificate(folder, new_authority=True).names == ("map.lan",)


def test_two_at_once_make_one_authority(folder: CertificateFolder) -> None:
    made = [threading.Thread(target=make_certificate, args=(folder, [f"m{number}.lan"])) for number in range(6)]
    for one in made:
        one.start()
    for one in made:
        one.join()
    held = folder.certificate()
    assert held is not None
    assert held.authority is not None
    assert shaken(folder, held.names[0])


def test_names_with_a_star_stand_for_one_label() -> None:
    names = ("map.lan", "*.xinqun.gov.cn", "10.0.0.1")
    good = ["map.lan", "MAP.lan.", "a.xinqun.gov.cn", "10.0.0.1"]
    assert [host for host in good if not covers(names, host)] == []
    assert not any(covers(names, host) for host in ("a.b.xinqun.gov.cn", "xinqun.gov.cn", "10.0.0.2", "x.map.lan", ""))
    assert not covers(("*.0.0.1",), "10.0.0.1")


# -- certificates of others ---------------------------------------------------------------------------------------


@dataclass
class Forged:
    """A certificate as some office's authority would make it, and as none should; each part can be another."""

    names: tuple[str, ...] = ("map.xinqun.gov.cn", "10.0.0.5")
    begins: dt.datetime = NOW - DAY
    ends: dt.datetime = NOW + 300 * DAY
    uses: tuple[x509.ObjectIdentifier, ...] = (ExtendedKeyUsageOID.SERVER_AUTH,)
    key: Any = field(default_factory=lambda: ec.generate_private_key(ec.SECP256R1()))
    root_key: ec.EllipticCurvePrivateKey = field(default_factory=lambda: ec.generate_private_key(ec.SECP256R1()))
    root: x509.Certificate | None = None
    digest: Any = field(default_factory=hashes.SHA256)
    middle_ends: dt.datetime | None = None

    def __post_init__(self) -> None:
        """Sign what was asked for."""
        self.root = self.root or self._signed("某单位根证书", self.root_key, None, authority=True)
        self.between: list[x509.Certificate] = []
        above, above_key = self.root, self.root_key
        if self.middle_ends is not None:
            key = ec.generate_private_key(ec.SECP256R1())
            above = self._signed("某单位中级", key, above, above_key, authority=True, ends=self.middle_ends)
            above_key = key
            self.between = [above]
        self.leaf = self._signed("map", self.key, above, above_key)

    def _signed(
        self, title: str, key: Any, above: x509.Certificate | None, above_key: Any = None, *, authority: bool = False,
        ends: dt.datetime | None = None,
    ) -> x509.Certificate:  # fmt: skip
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, title)])
        made = (
            x509.CertificateBuilder(above.subject if above else name, name, key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(NOW - 20 * DAY if authority else self.begins)
            .not_valid_after(ends or (NOW + 900 * DAY if authority else self.ends))
            .add_extension(x509.BasicConstraints(ca=authority, path_length=None), critical=True)
        )
        issuer = (above_key or key).public_key()
        made = made.add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer), critical=False)
        made = made.add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        if not authority and self.names:
            names = x509.SubjectAlternativeName([subject_of(one) for one in self.names])
            made = made.add_extension(names, critical=False)
        if not authority and self.uses:
            made = made.add_extension(x509.ExtendedKeyUsage(self.uses), critical=False)
        return made.sign(above_key or key, hashes.SHA256() if authority else self.digest)

    def chain(self) -> bytes:
        return as_pem([self.leaf, *self.between])

    def key_pem(self, password: bytes | None = None) -> bytes:
        how = serialization.BestAvailableEncryption(password) if password else serialization.NoEncryption()
        pem: bytes = self.key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, how)
        return pem


def take(folder: CertificateFolder, chain: bytes, key: bytes, host: str | None = None) -> None:
    given = folder.folder.parent.parent / "given"
    given.mkdir(exist_ok=True)
    (given / "chain.pem").write_bytes(chain)
    (given / "key.pem").write_bytes(key)
    take_certificate(folder, given / "chain.pem", given / "key.pem", host)


@pytest.mark.parametrize("kind", ["ec", "rsa", "middle", "disorder", "star", "no uses"])
def test_a_good_certificate_is_taken(folder: CertificateFolder, kind: str) -> None:
    options: dict[str, dict[str, Any]] = {
        "rsa": {"key": rsa.generate_private_key(65537, 2048)}, "middle": {"middle_ends": NOW + 500 * DAY},
        "disorder": {"middle_ends": NOW + 500 * DAY}, "star": {"names": ("*.xinqun.gov.cn",)}, "no uses": {"uses": ()},
    }  # fmt: skip
    given = Forged(**options.get(kind, {}))
    chain = given.chain()
    if kind == "disorder":
        chain = as_pem([Forged().leaf, *given.between, given.leaf])
    take(folder, chain, given.key_pem(), "map.xinqun.gov.cn")
    held = folder.certificate()
    assert held is not None
    assert (held.leaf, held.authority) == (given.leaf, None)
    assert read_certificates(folder.server) == [given.leaf, *given.between]
    assert chain_is_short(folder) == (not given.between)
    assert stat.S_IMODE(folder.server.stat().st_mode) == 0o600
    # As a client that trusts that office finds it.
    assert given.root is not None
    folder.authority.write_bytes(as_pem([given.root]))
    assert shaken(folder, "map.xinqun.gov.cn")


def _encrypted(one: Forged) -> tuple[bytes, bytes]:
    return one.chain(), one.key_pem(b"secret")


BAD: dict[str, tuple[Callable[[], tuple[bytes, bytes]], str]] = {
    "another key": (lambda: (Forged().chain(), Forged().key_pem()), "不是一对"),
    "expired": (lambda: _pair(Forged(ends=NOW - dt.timedelta(hours=1))), "到期"),
    "not yet": (lambda: _pair(Forged(begins=NOW + DAY)), "才开始有效"),
    "expired between": (lambda: _pair(Forged(middle_ends=NOW - DAY)), "某单位中级.*到期"),
    "no names": (lambda: _pair(Forged(names=())), "没有 SAN"),
    "other names": (lambda: _pair(Forged(names=("other.gov.cn",))), "不包括 GIS_PUBLIC_URL"),
    "for clients": (lambda: _pair(Forged(uses=(ExtendedKeyUsageOID.CLIENT_AUTH,))), "不是给网站用的"),
    "short key": (lambda: _pair(Forged(key=rsa.generate_private_key(65537, 1024))), "太短"),  # noqa: S505
    "rare curve": (lambda: _pair(Forged(key=ec.generate_private_key(ec.SECP256K1()))), "种类少见"),
    "ed25519": (lambda: _pair(Forged(key=ed25519.Ed25519PrivateKey.generate())), "种类浏览器不支持"),
    "password": (lambda: _encrypted(Forged()), "设了口令"),
    "garbage": (lambda: (os.urandom(500), Forged().key_pem()), "没有读得懂的证书"),
    "empty": (lambda: (b"", Forged().key_pem()), "没有读得懂的证书"),
    "broken text": (lambda: (Forged().chain().replace(b"MII", b"!!!", 1), Forged().key_pem()), "没有读得懂的证书"),
    "garbage key": (lambda: (Forged().chain(), b"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"),
                    "没有读得懂的私钥"),
    "the wrong way round": (lambda: _pair(Forged())[::-1], "没有读得懂的证书"),
}  # fmt: skip


def _pair(one: Forged) -> tuple[bytes, bytes]:
    return one.chain(), one.key_pem()


@pytest.mark.parametrize("before", [True, False])
@pytest.mark.parametrize("kind", BAD)
def test_a_bad_certificate_is_refused_and_changes_nothing(
    folder: CertificateFolder, kind: str, *, before: bool
) -> None:
    if before:
        make_certificate(folder, ["map.lan"])
    held = {path.name: path.read_bytes() for path in folder.folder.glob("*")}
    make, said = BAD[kind]
    with pytest.raises(ServiceError, match=said) as refused:
        take(folder, *make(), "map.xinqun.gov.cn")
    sentence = str(refused.value)
    assert sentence.count("。") == 1
    assert "\n" not in sentence
    assert refused.value.english
    assert {path.name: path.read_bytes() for path in folder.folder.glob("*")} == held


def test_files_that_are_not_there_are_named(folder: CertificateFolder, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"nowhere\.pem"):
        take_certificate(folder, tmp_path / "nowhere.pem", tmp_path / "key.pem")


def test_what_cannot_be_served_never_takes_the_place(folder: CertificateFolder) -> None:
    """The last gate: whatever was overlooked, OpenSSL itself must be able to use what is put there."""
    make_certificate(folder, ["map.lan"])
    before = folder.server.read_bytes()
    with pytest.raises(InputError, match="不能用"):
        folder.replace_server(Forged().chain(), Forged().key_pem())
    assert folder.server.read_bytes() == before
    assert not list(folder.folder.glob("*.part"))


@pytest.mark.parametrize(
    ("age", "host", "good", "needed", "said"),
    [
        (0, None, True, False, ""),
        (0, "map.lan", True, False, ""),
        (0, "elsewhere.lan", False, False, "不包括"),
        (SERVER_DAYS - 20, None, False, False, "还有 18 天"),
        (SERVER_DAYS + 5, None, False, True, "已到期"),
    ],
)
def test_how_it_stands(
    folder: CertificateFolder, age: int, host: str | None, said: str, *, good: bool, needed: bool
) -> None:
    made = make_certificate(folder, ["map.lan"], now=NOW - age * DAY)
    check = check_certificate(made, host)
    assert (check.good, check.needed) == (good, needed)
    assert said in check.said
