"""``gis-service tls``: the certificate with which the service speaks HTTPS."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from api.console import CONSOLE
from api.start import certificates_of, public_host_of, read_settings
from gis_service.certificates.authority import make_certificate
from gis_service.certificates.folder import (
    SOON_DAYS,
    Certificate,
    CertificateFolder,
    called,
    day_of,
    fingerprint_of,
    windows_fingerprint_of,
)
from gis_service.certificates.names import shown_name
from gis_service.certificates.taken import chain_is_short, take_certificate
from gis_service.errors import NotFoundError
from gis_service.settings import Settings
from maps.trust_steps import STEPS

app = typer.Typer(help="HTTPS 的证书:自己做、换成单位的、查看。", no_args_is_help=True)

Data = Annotated[Path | None, typer.Option(help="数据目录,默认 .data(GIS_DATA_DIR)")]


@app.command("make")
def make(
    names: Annotated[
        list[str] | None, typer.Argument(metavar="[NAME]...", help="大家访问用的主机名、IP 地址;不写则同现在的证书")
    ] = None,
    new_authority: Annotated[bool, typer.Option("--new-authority", help="另建一个证书机构;各设备都要重新信任")] = False,
    data: Data = None,
) -> None:
    """自建证书机构(只在第一次),签发一张服务证书;再次运行是续期,各设备不用再动。"""
    settings = read_settings()
    folder = certificates_of(settings, data)
    first = not folder.exists()
    known = folder.authority.exists() and not new_authority
    made = make_certificate(folder, names or (), new_authority=new_authority)
    _say("已续期。" if known and not first else "已签发。", made, folder)
    _say_restart(first=first)
    _warn(made, settings)
    if not known:
        _say_steps(made)


@app.command("take")
def take(
    certificate: Annotated[Path, typer.Argument(help="单位的证书,PEM:服务证书和中间证书在一个文件里")],
    key: Annotated[Path, typer.Argument(help="它的私钥,PEM,没有口令")],
    data: Data = None,
) -> None:
    """换成单位自己的证书;先核对私钥、有效期和名称,不对的说明原因,原来的不动。"""
    settings = read_settings()
    folder = certificates_of(settings, data)
    first = not folder.exists()
    taken = take_certificate(folder, certificate, key, public_host_of(settings))
    _say("已换上。", taken, folder)
    _say_restart(first=first)
    _warn(taken, settings)
    if chain_is_short(folder):
        CONSOLE.print(
            "注意:文件里只有服务证书,没有中间证书;电脑认而手机不认时,请向签发的人要完整的证书链。", soft_wrap=True
        )
    CONSOLE.print(f"设备本来就信任“{taken.issuer}”的,不用再做什么。", soft_wrap=True)


@app.command("show")
def show(data: Data = None) -> None:
    """查看证书:名称、签发者、有效期、指纹;没有证书或已到期时退出码为 1。"""
    settings = read_settings()
    folder = certificates_of(settings, data)
    held = folder.certificate()
    if held is None:
        raise NotFoundError(
            f"{folder.folder} 里没有证书,服务用的是 http;请运行 gis-service tls make 名称…,"
            "或 gis-service tls take 证书 私钥。",
            "There is no certificate.",
        )
    _say("", held, folder)
    ended = held.days_left() < 0
    _warn(held, settings)
    if held.authority is not None and not ended:
        _say_steps(held)
    if ended:
        raise typer.Exit(1)


def _say(done: str, held: Certificate, folder: CertificateFolder) -> None:
    lines = [
        f"{done}名称:{'、'.join(map(shown_name, held.names))}",
        f"签发者:{held.issuer}",
        f"有效到:{day_of(held.until)}(还有 {held.days_left()} 天)" if held.days_left() >= 0 else
        f"有效到:{day_of(held.until)}(已到期)",
        f"证书的指纹(SHA-256):{fingerprint_of(held.leaf)}",
    ]  # fmt: skip
    if held.authority is not None:
        lines += [
            f"证书机构:{called(held.authority.subject)},有效到 {day_of(held.authority.not_valid_after_utc)}",
            f"证书机构的文件:{folder.authority}",
            f"证书机构的指纹(SHA-256):{fingerprint_of(held.authority)}",
            f"证书机构的指纹(SHA-1,Windows 显示这个):{windows_fingerprint_of(held.authority)}",
        ]
    for line in lines:
        # Or the :AB: of a fingerprint becomes a picture.
        CONSOLE.print(line, soft_wrap=True)


def _say_restart(*, first: bool) -> None:
    if first:
        CONSOLE.print("服务从下一次启动起用 https;正在运行的请重启一次,以后更换证书不用重启。", soft_wrap=True)
    else:
        CONSOLE.print("正在运行的服务从下一个连接起就用新的证书,不用重启。", soft_wrap=True)


def _warn(held: Certificate, settings: Settings) -> None:
    again = "gis-service tls make" if held.authority is not None else "gis-service tls take 新证书 私钥"
    left, host = held.days_left(), public_host_of(settings)
    if left < 0:
        CONSOLE.print(f"证书已于 {day_of(held.until)} 到期,浏览器会拦住;请运行 {again}。", soft_wrap=True)
    elif left < SOON_DAYS:
        CONSOLE.print(f"注意:证书还有 {left} 天到期,请运行 {again}。", soft_wrap=True)
    if host is not None and not held.covers(host):
        CONSOLE.print(
            f"注意:证书不包括 GIS_PUBLIC_URL 里的 {shown_name(host)},用它访问时浏览器会拦住。", soft_wrap=True
        )


def _say_steps(held: Certificate) -> None:
    where = shown_name(held.names[0])
    CONSOLE.print(
        "\n每台设备信任一次证书机构(装以前核对上面的指纹)。服务运行时,在设备上打开下面的网页下载,同样的步骤也在那里;"
        f"也可以把证书机构的文件发过去:https://{where}:端口/trust",
        soft_wrap=True,
    )  # fmt: skip
    for system, steps in STEPS:
        CONSOLE.print(f"\n{system}")
        for number, step in enumerate(steps, 1):
            CONSOLE.print(f"  {number}. {step}", soft_wrap=True)
