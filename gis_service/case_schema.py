"""The DDL of cases: the table of steps and what guards it, what belongs to a case, and what phones have sent."""

from __future__ import annotations

from importlib import resources

from gis_service import case_tables
from gis_service.people.roles import ROLES, Right
from gis_service.table_ddl import HOLDS_AREAS, SEES_GRID, WRITES_COMMUNITY, create_table, secure_table


def case_statements() -> list[str]:
    """Return the DDL of cases: the table of steps, what guards it, and what belongs to a case."""
    step, photo = case_tables.CASE_STEP, case_tables.CASE_PHOTO
    made = {"community", "id", "case_id", "step", "at", "due_at", "remind_at", "due_on", "note", "handler",
            "department", "reference", "level", "main_code"}  # fmt: skip
    given = ", ".join(column.name for column in step.columns if column.name in made)
    sees = SEES_GRID.format(community="h.community").replace("grid =", "h.grid =")
    writers = ", ".join(f"'{role.name}'" for role in ROLES.values() if Right.WRITE in role.rights)
    functions = (resources.files("gis_service") / "cases.sql").read_text(encoding="utf-8")
    statements = [
        *create_table(case_tables.FLOW_STEP),
        *case_tables.flow_rows(),
        # Only the definer functions read it; clients are told by the declarations that it was made from.
        "alter table gis.flow_step enable row level security;",
        "grant select on gis.flow_step to gis_backup;",
        *(line for table in (step, photo) for line in create_table(table)),
        functions.replace(":sees", sees).replace(":writers", writers),
        "create trigger guard_structure before insert or update on gis.illegal_structure for each row"
        " execute function gis.guard_structure();",
        "create trigger keep_case before delete on gis.hazard for each row execute function gis.keep_case();",
        "create trigger begin_case before insert on gis.hazard for each row execute function gis.begin_case();",
        "create trigger take_step before insert on gis.case_step for each row execute function gis.take_step();",
    ]
    # What belongs to a case is seen by whoever sees the case, wherever its grid is drawn today.
    for table in (step, photo):
        case = f"h.community = {table.name}.community and h.id = {table.name}.case_id"
        seen = f"(exists (select from gis.hazard h where {case}))"
        statements += [
            *secure_table(table, seen),
            f"create policy adds on gis.{table.name} for insert to gis_app with check {seen};",
        ]
    statements += [
        f"grant insert ({given}) on gis.case_step to gis_app;",
        "grant insert on gis.case_photo to gis_app;",
    ]
    own = f"({WRITES_COMMUNITY.format(community='community')} or {HOLDS_AREAS})"
    return [*statements, *create_table(case_tables.SYNC_EDIT), *secure_table(case_tables.SYNC_EDIT, own, own)]
