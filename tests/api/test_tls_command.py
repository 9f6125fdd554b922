"""``gis-service tls``, and what other commands say of the certificate."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import pytest
from rich.emoji import Emoji

from gis_service.certificates.authority import make_certificate
from gis_service.certificates.folder import Certificate, CertificateFolder, fingerprint_of
from tests.api.conftest import Command
from tests.api.https_office import NAME
from tests.api.own_service import free_port
from tests.gis_service.test_certificates import Forged


def test_commands_say_what_there_is_and_what_to_do(
    command: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = tmp_path / "data"
    monkeypatch.setenv("GIS_DATA_DIR", str(data))
    none = command("tls", "show")
    assert (none.code, none.out, none.err.count("。")) == (1, "", 1)
    made = command("tls", "make", NAME, "192.168.1.20")
    assert made.code == 0
    for word in (NAME, "证书信任设置", "CA 证书", "certutil", str(data / "tls" / "authority.crt"), "重启一次"):
        assert word in made.out
    held = CertificateFolder(data).certificate()
    assert held is not None
    assert held.authority is not None

    def line_of(held: Certificate) -> str:
        return f"证书的指纹(SHA-256):{fingerprint_of(held.leaf)}"

    while Emoji.replace(line_of(held)) == line_of(held):
        # Until one has an :AB: that a terminal would be shown as a picture.
        held = make_certificate(CertificateFolder(data))
    shown = command("tls", "show")
    assert shown.code == 0
    assert f"{line_of(held)}\n" in shown.out
    assert held.authority is not None
    for certificate in (held.leaf, held.authority):
        assert f"{fingerprint_of(certificate)}\n" in shown.out
    assert "注意" not in shown.out
    again = command("tls", "make")
    assert again.code == 0
    assert "已续期" in again.out
    assert "certutil" not in again.out
    doctor = command("doctor")
    assert "证书(" in doctor.out
    monkeypatch.setenv("GIS_PUBLIC_URL", "https://elsewhere.lan")
    assert "不包括 GIS_PUBLIC_URL 里的 elsewhere.lan" in command("tls", "show").out
    taken = Forged(names=("elsewhere.lan",))
    (tmp_path / "c.pem").write_bytes(taken.chain())
    (tmp_path / "k.pem").write_bytes(taken.key_pem())
    refused = command("tls", "take", tmp_path / "c.pem", data / "tls" / "authority.key")
    assert (refused.code, refused.out, refused.err.count("。")) == (1, "", 1)
    done = command("tls", "take", tmp_path / "c.pem", tmp_path / "k.pem")
    assert done.code == 0
    assert "某单位根证书" in done.out
    assert "certutil" not in done.out
    assert "中间证书" in done.out
    assert "authority.crt" not in command("tls", "show").out


def test_what_ends_soon_or_has_ended_is_said(command: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GIS_DATA_DIR", str(tmp_path))
    now = dt.datetime.now(dt.UTC)
    for age, code, word in ((380, 0, "还有 15 天到期"), (400, 1, "到期,浏览器会拦住")):
        make_certificate(CertificateFolder(tmp_path), [NAME], now=now - dt.timedelta(days=age))
        shown = command("tls", "show")
        assert (shown.code, word in shown.out) == (code, True), shown.out


@pytest.mark.parametrize("harm", ["public address", "garbage"])
def test_a_service_that_cannot_serve_https_does_not_start(
    command: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, harm: str
) -> None:
    monkeypatch.setenv("GIS_DATA_DIR", str(tmp_path))
    folder = CertificateFolder(tmp_path)
    make_certificate(folder, [NAME])
    if harm == "garbage":
        folder.server.write_bytes(b"garbage")
    else:
        monkeypatch.setenv("GIS_PUBLIC_URL", f"http://{NAME}")
    ran = command("serve", "--port", str(free_port()))
    assert (ran.code, ran.err.strip().count("\n"), ran.err.count("。")) == (1, 0, 1)
