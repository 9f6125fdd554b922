"""What the overview map needs to know of one community: its layers, extent, date and provenance."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass
from datetime import date

from sqlalchemy import func, literal, select, text, union_all
from sqlalchemy.engine import Connection

from gis_service.areas import read_area
from gis_service.errors import NotFoundError
from gis_service.features.question import SHANGHAI, Question
from gis_service.features.read import read_extent, stream_features
from gis_service.features.select import conditions, rows_of
from gis_service.scope import Scope
from gis_service.tables import LAYER_VERSION
from layers.field import LayerField
from layers.layer import Layer
from layers.record import Source
from layers.registry import LAYERS


@dataclass(frozen=True)
class LayerAnswer:
    """One layer of the overview.

    Attributes
    ----------
    count
        Rows in the database within the scope.
    geojson
        A FeatureCollection (CRS84) as JSON text straight from SQL, or None where the page fetches it.
    url
        Where a served page fetches it, or None where it stands in the page.
    names
        The only fields that are told, or None for all of them.
    squared
        Whether a page fetches what stands in view only: there is too much to fetch it whole.
    """

    layer: Layer
    count: int
    geojson: str | None
    url: str | None
    names: tuple[str, ...] | None = None
    squared: bool = False

    @property
    def fields(self) -> tuple[LayerField, ...]:
        """The fields that are told."""
        return tuple(field for field in self.layer.fields if self.names is None or field.name in self.names)


@dataclass(frozen=True)
class Overview:
    """One community as it is drawn: extent ``bbox`` is (west, south, east, north) in degrees, CGCS2000.

    ``left_out`` are the titles of layers that were asked for and have too many features to draw one by one.
    """

    community: str
    name: str
    bbox: tuple[float, float, float, float]
    layers: tuple[LayerAnswer, ...]
    data_date: str
    synthetic: bool
    attributions: tuple[str, ...]
    crs_note: str
    left_out: tuple[str, ...] = ()


def read_overview(
    conn: Connection,
    scope: Scope,
    community: str,
    *,
    url: Callable[[Layer], str] | None = None,
    layers: Collection[str] = LAYERS.keys(),
    names: tuple[str, ...] | None = None,
    most: int | None = None,
) -> Overview:
    """Return a community's overview.

    Parameters
    ----------
    url
        Where a served page fetches a layer; without it every layer's features stand in the answer.
    layers
        Names of the layers to show.
    names
        The only fields to tell; for what leaves the house.
    most
        Of layers with more features a served page fetches what stands in view; without ``url`` they are left out.

    Raises
    ------
    NotFoundError
        When the community isn't registered, has no extent yet, or lies outside the scope.
    """
    area = read_area(conn, community)
    asked = scope.narrowed(community)
    counts = _count_layers(conn, asked)
    wanted = [layer for layer in LAYERS.values() if layer.name in layers]
    large = {layer.name for layer in wanted if most is not None and counts[layer.name][0] > most}
    changed = read_data_date(conn, community)
    bbox = read_extent(conn, LAYERS["community"], asked) or next(
        (extent for layer in LAYERS.values() if (extent := read_extent(conn, layer, asked))), None
    )
    if bbox is None:
        raise NotFoundError(
            f"社区 {community} 还没有边界和数据:请先用 gis-service upload 导入。",
            f"The community {community} has no boundary and no features yet.",
        )
    return Overview(
        community=area.code,
        name=area.name,
        bbox=bbox,
        layers=tuple(
            LayerAnswer(
                layer,
                counts[layer.name][0],
                None if url else read_collection(conn, layer, asked, names),
                url(layer) if url else None,
                names,
                layer.name in large,
            )
            for layer in wanted
            if url or layer.name not in large
        ),
        data_date=changed.isoformat() if changed else "",
        synthetic=any(synthetic for _, synthetic in counts.values()),
        attributions=_attributions(conn, community),
        crs_note=f"CGCS2000(EPSG:4490),量测用 EPSG:{area.metric_srid}",
        left_out=() if url else tuple(layer.title for layer in wanted if layer.name in large),
    )


def credits_of(conn: Connection, community: str) -> tuple[str, ...]:
    """Return what an overview says beside its layers, for entity tags: the community and whose data it shows."""
    area = read_area(conn, community)
    return (area.code, area.name, str(area.metric_srid), *_attributions(conn, community))


def _attributions(conn: Connection, community: str) -> tuple[str, ...]:
    return tuple(conn.execute(text("select gis.attributions(:community)"), {"community": community}).scalars())


def read_collection(conn: Connection, layer: Layer, scope: Scope, names: tuple[str, ...] | None = None) -> str:
    """Return a whole layer as a FeatureCollection for a page, empty fields left out."""
    return b"".join(stream_features(conn, layer, scope, Question(), nulls=False, names=names)).decode()


def count_by_layer(conn: Connection, scope: Scope, grid: str | None = None) -> dict[Layer, int]:
    """Return how many rows of each layer the scope sees; of a grid without the layers that no grid holds."""
    counts = _count_layers(conn, scope, Question(grid=grid))
    return {
        layer: counts[layer.name][0] for layer in LAYERS.values() if grid is None or layer.name not in _GRIDLESS
    }  # fmt: skip


_GRIDLESS = {"community", "grid"}


def _count_layers(conn: Connection, scope: Scope, question: Question = Question()) -> dict[str, tuple[int, bool]]:
    """Return for every layer its rows within the scope, and whether some of them are synthetic."""
    queries = []
    for layer in LAYERS.values():
        rows = rows_of(layer, question)
        queries.append(
            select(
                literal(layer.name),
                func.count(),
                func.coalesce(func.bool_or(rows.c.source == str(Source.SYNTHETIC)), False),
            ).where(conditions(layer, rows, scope, question))
        )
    return {name: (count, synthetic) for name, count, synthetic in conn.execute(union_all(*queries), question.values())}


def read_data_date(conn: Connection, community: str) -> date | None:
    """Return the day in Shanghai on which the data of a community last changed; None where nothing was ever written."""
    changed = conn.execute(
        select(func.max(LAYER_VERSION.c.changed_at)).where(LAYER_VERSION.c.community == community)
    ).scalar()
    return changed.astimezone(SHANGHAI).date() if changed else None
