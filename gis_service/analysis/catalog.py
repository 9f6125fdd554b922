"""All analyses by name: HTTP, the command line, the atlas and the home page derive from this list."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Protocol

from sqlalchemy.engine import Connection

from gis_service.analysis.answer import Answer
from gis_service.analysis.contradictions import contradictions
from gis_service.analysis.coverage import FACILITIES, coverage_of
from gis_service.analysis.crowding import crowding
from gis_service.analysis.density import density, density_change, public_density
from gis_service.analysis.drainage import drainage
from gis_service.analysis.due import due
from gis_service.analysis.environment import construction_waste, green_loss
from gis_service.analysis.freshness import freshness
from gis_service.analysis.hazards import hazards
from gis_service.analysis.illegal_structures import illegal_structures
from gis_service.analysis.nearest_facility import nearest_facility
from gis_service.analysis.networks import overhead_wires, road_renewal
from gis_service.analysis.parking_balance import parking_balance
from gis_service.analysis.premises import premises
from gis_service.areas import Area
from gis_service.errors import ForbiddenError
from gis_service.scope import Scope


class Compute(Protocol):
    """Reckons an answer about one community for one day; coordinates and metres in the area's own system."""

    def __call__(self, conn: Connection, scope: Scope, area: Area, *, on: date) -> Answer:
        """Return the answer."""


@dataclass(frozen=True)
class Analysis:
    """One question that is asked of a whole community.

    Attributes
    ----------
    name
        In addresses and on the command line: ``/analyses/<name>``, ``/maps/<name>``, ``gis-service analyse <name>``.
    group, title, description
        Chinese, for lists and pages.
    public
        Whether its answer may leave the house: people on the protected lattice only, and a map without other layers of
        people.
    by_grid
        Whether a sheet of one grid shows the answer about that grid: what is asked there doesn't reach over its edge,
        as ways and clusters do.
    """

    name: str
    group: str
    title: str
    description: str
    compute: Compute
    public: bool = False
    by_grid: bool = False


ANALYSES: dict[str, Analysis] = {
    one.name: one
    for one in (
        Analysis(
            "due", "今日", "今日待办",
            "今天该办什么:到期的隐患、疑似逾期的登记、该复查的出租房、该走访的企业,最急的在前", due, by_grid=True,
        ),
        Analysis(
            "density", "密度", "人口、租户、企业与隐患密度", "每公顷多少人、多少户、多少家,按方格、网格和小区", density
        ),
        Analysis("density_change", "密度", "租户增减", "上期到本期,哪里的租户多了、哪里少了", density_change),
        Analysis(
            "public_density",
            "密度",
            "对外人口密度",
            "可以对外的人口密度:小数隐去,推算不回去",
            public_density,
            public=True,
        ),
        Analysis("hazards", "隐患", "隐患", "哪些隐患没有办结、超期多久,集中在哪里", hazards),
        Analysis("premises", "隐患", "厂中厂", "哪些地块租给了别家,谁租给谁,哪些没签安全协议", premises),
        Analysis("drainage", "隐患", "雨污混流", "哪些企业地块雨污混流、哪些没有检查过", drainage, by_grid=True),
        Analysis(
            "illegal_structures", "隐患", "违建拆前拆后", "拆了哪些、还剩哪些,图上面积与上报符不符", illegal_structures
        ),
        *(
            Analysis(
                one.name, "覆盖", one.title, f"哪些住宅走到最近的{one.word}太远,住着多少人,再设在哪里最有用",
                coverage_of(one),
            )
            for one in FACILITIES.values()
        ),
        Analysis("nearest_facility", "覆盖", "最近设施", "每幢住宅走到最近的各类设施要多远", nearest_facility),
        Analysis(
            "parking_balance", "停车", "停车供需", "哪里缺车位、夜里停得多满,企业院落共享能补多少", parking_balance
        ),
        Analysis("crowding", "出租房", "群租疑似", "哪些出租房像群租,符合哪几条;哪些楼达到规模出租", crowding,
                 by_grid=True),
        Analysis("green_loss", "环境", "毁绿占绿", "多少绿地被菜园、停车、踩踏占去,在哪里", green_loss),
        Analysis(
            "construction_waste", "环境", "装修垃圾堆放", "渣土和施工废弃料堆在哪里,离堆放点多远", construction_waste
        ),
        Analysis("overhead_wires", "环境", "架空飞线", "各网格还有多少线路架空或明敷,哪些杂乱", overhead_wires),
        Analysis("road_renewal", "环境", "道路白改黑", "改造了多少路面、还有哪些水泥路和破损路", road_renewal),
        Analysis("freshness", "数据", "信息保鲜", "记录有多旧、走访到没有、核对准不准,哪些登记疑似逾期", freshness,
                 by_grid=True),
        Analysis("contradictions", "数据", "疑点核查", "哪些记录互相矛盾,该到现场核对什么", contradictions),
    )
}  # fmt: skip
"""Every analysis by name, in the order it is listed."""


def refuse_partial(scope: Scope, analysis: Analysis | None, community: str) -> None:
    """Raise ForbiddenError for what leaves the house, unless the scope holds the whole community."""
    if analysis is not None and analysis.public and not any(community.startswith(code) for code in scope.areas):
        raise ForbiddenError(
            "对外的图表要由管整个社区的人来出:只看得到一个网格的人,数字会少。",
            "What is for outside is made by whoever sees the whole community.",
        )
