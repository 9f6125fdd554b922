"""How devices come to trust the service's own authority; open, since that comes before the first login."""

from __future__ import annotations

from cryptography import x509
from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, Response

from api.admission import entrance_of
from api.links import base_url
from api.quick_route import QuickRoute
from gis_service.certificates.folder import as_pem
from gis_service.errors import NotFoundError
from maps.trust_page import trust_page

router = APIRouter(tags=["people"], route_class=QuickRoute)

AUTHORITY_TYPE = "application/x-x509-ca-cert"
_FRESH = {"Cache-Control": "no-store"}
# Not as an attachment: iOS offers to install what it shows, and puts what it saves among the files. In ASCII only,
# since Android and certutil show or take the name as it is.
_NAMED = {"Content-Disposition": 'inline; filename="authority.crt"'}


@router.get("/trust", summary="怎样让手机和电脑信任本服务", response_class=HTMLResponse)
async def trust(request: Request) -> HTMLResponse:
    """Show what to do on each system, and what to compare."""
    return HTMLResponse(trust_page(_authority_of(request), base_url(request)), headers=_FRESH)


@router.get(
    "/authority.crt", summary="本服务自建的证书机构的证书", response_class=Response,
    responses={200: {"content": {AUTHORITY_TYPE: {}}}},
)  # fmt: skip
async def authority(request: Request) -> Response:
    """Return the certificate of the own authority, for devices to trust."""
    return Response(as_pem([_authority_of(request)]), media_type=AUTHORITY_TYPE, headers={**_NAMED, **_FRESH})


def _authority_of(request: Request) -> x509.Certificate:
    certificate = entrance_of(request).certificate
    if certificate is None:
        raise NotFoundError(
            "本服务自己没有证书,不用信任什么;要用 https,请管理员运行 gis-service tls make。",
            "The service has no certificate of its own.",
        )
    if certificate.held.authority is None:
        raise NotFoundError(
            f"本服务的证书由“{certificate.held.issuer}”签发,不是自建的机构,这里没有要安装的证书;浏览器提示不安全时请找管理员。",
            "The certificate was signed by another authority.",
        )
    return certificate.held.authority
