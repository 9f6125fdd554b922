"""The HTTP application: routes, errors, log and headers, put together around one database."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from importlib.metadata import version

import orjson
from anyio import CapacityLimiter
from fastapi import FastAPI

from api import errors
from api.admission import Entrance
from api.asked import DEFAULT_LIMIT, MAX_LIMIT
from api.head import Head
from api.identities import Identities
from api.limits import ClientLimits, Limits
from api.metrics import Metrics
from api.openapi import describe, describe_page
from api.quick_route import QuickRoute
from api.request_log import RequestLog, to_stdout
from api.route_table import RouteTable
from api.routes import (
    account,
    accounts,
    analyses,
    audit,
    calendars,
    cases,
    changes,
    collections,
    desk,
    exports,
    features,
    field,
    forms,
    health,
    jobs,
    landing,
    login,
    maps,
    metrics,
    personal,
    questions,
    schemas,
    sync,
    tiles,
    today,
    transactions,
    trust,
    uploads,
    versions,
    visits,
)
from api.turns import Readings, Shares, Turns
from gis_service.database import Database
from gis_service.features.extents import Extents
from gis_service.photos.files import PhotoFiles
from gis_service.sheets.files import SheetFiles
from gis_service.surveys.originals import Originals
from maps.base_map import BaseLayer
from maps.page import PAGE_FILES
from maps.static_files import static_file
from maps.table_page import TABLE_FILES

# In the order in which a request looks for its route: what is asked most comes first.
_ROUTERS = (
    features.router, questions.router, tiles.router, versions.router, personal.router, transactions.router, maps.router,
    analyses.router, today.router, cases.router, visits.router, sync.router, changes.router, desk.router, field.router,
    collections.router, schemas.router, forms.router, uploads.router, jobs.router, landing.router, login.router,
    account.router, accounts.router, audit.router, metrics.router, exports.router, calendars.router,
    health.router, trust.router,
)  # fmt: skip


def create_app(
    database: Database,
    base_layers: Sequence[BaseLayer] = (),
    limits: Limits | None = None,
    originals: Originals | None = None,
    wake: Callable[[], None] = lambda: None,
    entrance: Entrance | None = None,
    log: Callable[[bytes], None] = to_stdout,
    sheets: SheetFiles | None = None,
    author: str = "",
    photos: PhotoFiles | None = None,
) -> FastAPI:
    """Return the application.

    Parameters
    ----------
    database
        Engines of the application's role; the caller closes them.
    base_layers
        Tile layers of the settings, shown beside the community's own base map.
    limits
        What one request may cost; the usual ones if not given.
    originals
        Where uploaded files are kept; without it nothing can be uploaded.
    wake
        Called when there is work for a worker process.
    entrance
        How people come in; by HTTP on this machine if not given.
    log
        Takes the lines of the log.
    sheets
        Where the files of sheets are kept; without it none can be made.
    author
        Who answers for sheets, unless whoever asks for one says otherwise.
    photos
        Where photos of cases are kept; without it none are taken.

    Raises
    ------
    LookupError
        At import: when a route has no rule that says who may call it.
    """

    @asynccontextmanager
    async def reading(app: FastAPI) -> AsyncIterator[None]:
        reader = database.quick()
        await reader.open()
        app.state.reader, app.state.identities = reader, Identities(database)
        app.state.changes = database.changes()
        app.state.turns, app.state.readings, app.state.logins = Turns(), Readings(), CapacityLimiter(2)
        app.state.encodings, app.state.syncs = Readings(), Shares()
        app.state.extents = Extents(reader)
        yield
        await app.state.changes.close()
        await reader.close()

    app = FastAPI(
        title="社区空间管理服务",
        version=version("gis-service"),
        description="城市社区的工作地图:图层、查询、地图与普查导入。",
        lifespan=reading,
        openapi_url=None,
        docs_url=None,
        redoc_url=None,
        # The service keeps its own log and metrics, and tells nobody else.
        telemetry={"tracing": False, "metrics": False, "logs": False},
    )
    routes = all_routes()
    app.router.routes.extend(routes)
    errors.install(app)
    app.add_middleware(RouteTable, routes=routes, handlers=app.exception_handlers)
    app.add_middleware(Head)
    app.add_middleware(ClientLimits, limits=limits)
    entrance, app.state.metrics = entrance or Entrance(), Metrics()
    app.add_middleware(RequestLog, write=log, metrics=app.state.metrics, secure=entrance.strict)
    app.state.database, app.state.entrance = database, entrance
    app.state.base_layers = tuple(base_layers)
    app.state.originals, app.state.wake = originals, wake
    app.state.sheets, app.state.author, app.state.photos = sheets, author, photos
    app.state.page_version = _page_version(base_layers)
    app.state.openapi = describe(app, DEFAULT_LIMIT, MAX_LIMIT)
    app.state.openapi_text = orjson.dumps(app.state.openapi)
    app.state.openapi_page = describe_page(app.state.openapi)
    return app


def all_routes() -> list[QuickRoute]:
    """Return every route, in the order in which a request looks for its own.

    Raises
    ------
    TypeError
        When one is of another kind, which no rule would stand before.
    """
    routes: list[QuickRoute] = []
    for router in _ROUTERS:
        for route in router.routes:
            if not isinstance(route, QuickRoute):
                raise TypeError(f"{route} is no QuickRoute: no rule says who may call it")
            routes.append(route)
    return routes


def _page_version(base_layers: Sequence[BaseLayer]) -> str:
    """Return a digest of what pages are made of beside data, so that an upgraded service isn't answered with 304."""
    parts = [
        version("gis-service"),
        repr(tuple(base_layers)),
        *(static_file(name).version for name in (*PAGE_FILES, *TABLE_FILES)),
    ]
    return hashlib.sha256("|".join(parts).encode()).hexdigest()[:12]
