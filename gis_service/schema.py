"""The DDL that the declarations ask for: tables, functions, row-level security, triggers and grants.

Migrations are written from it as literal SQL, so an old migration never changes when a declaration does; the drift
test builds a database straight from here and compares it with a migrated one.
"""

from __future__ import annotations

from importlib import resources

from gis_service import account_tables, audit_tables, export_tables, past, proposal_tables, tables, work_day_tables
from gis_service.case_schema import case_statements
from gis_service.people.roles import ROLES, Right
from gis_service.table_ddl import (
    HOLDS_AREAS,
    READERS,
    SEES_COMMUNITY,
    SEES_GRID,
    WRITES_COMMUNITY,
    create_table,
    secure_table,
)
from gis_service.tables import tables_of
from layers.layer import Layer
from layers.registry import LAYERS

_FUNCTIONS = (resources.files("gis_service") / "functions.sql").read_text(encoding="utf-8")
_ACCOUNT_FUNCTIONS = (resources.files("gis_service") / "accounts.sql").read_text(encoding="utf-8")
_TRANSITIONS = (
    ("insert", "new table as new_rows"),
    ("update", "old table as old_rows new table as new_rows"),
    ("delete", "old table as old_rows"),
)

_UNFINISHED_JOBS = (
    "create function gis.unfinished_jobs() returns table (community text, id uuid) language sql stable security definer"
    " set search_path = gis, pg_catalog, pg_temp as 'select community, id from job"
    " where state in (''waiting'', ''running'') order by created_at, id';"
    "\ncomment on function gis.unfinished_jobs() is 'Definer: which jobs there are to do and nothing of what they do,"
    " so that a worker finds them before it knows whose they are.';"
)

_COMMUNITY_WIDE = {"community", "grid"}
"""Layers whose rows decide about rows of others: the boundary, and the grids that features are placed in."""


def system_statements() -> list[str]:
    """Return the DDL of functions and of the service's own tables, in the order in which it must run."""
    sees, writes = (rule.format(community="community") for rule in (SEES_COMMUNITY, WRITES_COMMUNITY))
    statements = [
        f"grant usage on schema gis to {READERS};",
        _FUNCTIONS,
        *create_table(tables.AREA),
        *secure_table(tables.AREA, SEES_COMMUNITY.format(community="code"), WRITES_COMMUNITY.format(community="code")),
        "create function gis.registered_areas() returns setof text language sql stable security definer"
        " set search_path = gis, pg_catalog, pg_temp as 'select code from area order by code';",
        "comment on function gis.registered_areas() is 'Definer: the codes of registered communities and nothing"
        " else, so that the operator of this machine can name all of them as a scope.';",
    ]
    for table in (tables.AREA_RULE, tables.REPORTED_TOTAL, work_day_tables.WORK_DAY):
        statements += [*create_table(table), *secure_table(table, sees, writes)]
    statements += [*create_table(tables.LAYER_VERSION), *secure_table(tables.LAYER_VERSION, sees), *_remembered(sees)]
    # Uploads are a record of what happened: whoever has the whole community adds to it, nobody changes it. What one
    # wrote is counted over all grids, so it isn't for one grid's people; whose data it is stands on everybody's map.
    statements += [
        *create_table(tables.UPLOAD),
        *secure_table(tables.UPLOAD, writes),
        f"create policy adds on gis.upload for insert to gis_app with check {writes};",
        "grant insert on gis.upload to gis_app;",
        *_attributions(),
    ]
    # What waits for a decision changes until it is made. A proposal shows first rows, places and the file itself, of
    # whatever grid they are, so it isn't for one grid's people; rows are seen by their grid, like the features they
    # become.
    by_grid = SEES_GRID.format(community="community")
    for table, rule in (
        (proposal_tables.PROPOSAL, writes), (proposal_tables.HEADER_ANSWER, sees),
        # What somebody of one grid sends for is their own; whoever has the community sees all of it.
        (tables.JOB, f"({writes} or {HOLDS_AREAS})"), (export_tables.EXPORT, f"({HOLDS_AREAS})"),
    ):  # fmt: skip
        statements += [*create_table(table), *secure_table(table, rule, rule)]
    statements += [
        *create_table(proposal_tables.PROPOSAL_ROW),
        *secure_table(proposal_tables.PROPOSAL_ROW, by_grid, by_grid),
    ]
    # Each row is marked once more when it is written: with room on its page the index needs no new entry.
    statements += [
        "alter table gis.proposal_row set (fillfactor = 50);",
        "create trigger take_rows_along after delete on gis.proposal referencing old table as old_rows"
        " for each statement execute function gis.take_rows_along();",
    ]
    statements.append(_UNFINISHED_JOBS)
    return statements


def _remembered(sees: str) -> list[str]:
    """Return the DDL of the twins of tables that answers are drawn from beside the layers."""
    statements = []
    for table in past.REMEMBERED:
        twin = past.TWINS[table.name]
        statements += [
            *create_table(twin),
            *secure_table(twin, SEES_COMMUNITY.format(community="code") if table is tables.AREA else sees),
            f"create trigger keep_past after insert or update or delete on gis.{table.name} for each row"
            f" execute function gis.keep_past({past.key_of(table)});",
        ]
    return statements


def _attributions() -> list[str]:
    seen = SEES_COMMUNITY.format(community="u.community")
    return [
        "create function gis.attributions(wanted text) returns setof text language sql stable security definer"
        " set search_path = gis, pg_catalog, pg_temp as $$ select distinct attribution from upload u"
        f" where community = wanted and attribution is not null and {seen} order by attribution $$;",
        "comment on function gis.attributions(text) is 'Definer: whose data must be named on a community''s maps, also"
        " on those of people who don''t see its uploads.';",
    ]


def account_statements() -> list[str]:
    """Return the DDL of people: whoever logs in isn't known yet, so that few functions look past the policies."""
    account, area, credential, attempt = (
        account_tables.ACCOUNT, account_tables.ACCOUNT_AREA, account_tables.CREDENTIAL, account_tables.LOGIN_ATTEMPT,
    )  # fmt: skip
    statements = [line for table in (account, area, credential, attempt) for line in create_table(table)]
    roles = {
        mark: ", ".join(f"'{role.name}'" for role in ROLES.values() if right in role.rights)
        for mark, right in ((":readers", Right.READ), (":viewers", Right.VIEW_AS))
    }
    functions = _ACCOUNT_FUNCTIONS
    for mark, names in roles.items():
        functions = functions.replace(mark, names)
    statements.append(functions)
    own = "= current_setting('gis.actor', true)"
    operator = "current_setting('gis.role', true) = 'operator'"
    others = f"(account <> current_setting('gis.actor', true) or {operator})"
    shown = ", ".join(column.name for column in account.columns if column.name != "password")
    kept = ", ".join(column.name for column in credential.columns if column.name != "hash")
    statements += [
        *(f"alter table gis.{table.name} enable row level security;" for table in (account, area, credential, attempt)),
        f"create policy sees on gis.account for select to gis_app using (name {own} or gis.manages(name));",
        "create policy adds on gis.account for insert to gis_app with check"
        " (current_setting('gis.role', true) in ('operator', 'admin'));",
        f"create policy changes on gis.account for update to gis_app using (name {own} or gis.manages(name));",
        f"create policy removes on gis.account for delete to gis_app using ({operator});",
        f"grant select ({shown}), insert, delete, update (title, role, password, password_by, active) on gis.account"
        " to gis_app;",
        f"create policy sees on gis.account_area for select to gis_app using (account {own} or gis.manages(account));",
        "create policy adds on gis.account_area for insert to gis_app"
        f" with check ((gis.manages(account) or gis.is_new(account)) and gis.manages_area(area) and {others});",
        f"create policy changes on gis.account_area for update to gis_app using (gis.manages(account) and {others});",
        "grant select, insert, update (until) on gis.account_area to gis_app;",
        f"create policy sees on gis.credential for select to gis_app using (account {own} or gis.manages(account));",
        f"create policy adds on gis.credential for insert to gis_app with check (account {own} or {operator});",
        f"create policy changes on gis.credential for update to gis_app using (account {own});",
        f"create policy removes on gis.credential for delete to gis_app using (account {own} or gis.manages(account));",
        f"grant select ({kept}), insert, update (viewing), delete on gis.credential to gis_app;",
        f"create policy sees on gis.login_attempt for select to gis_app using (account {own});",
        f"create policy changes on gis.login_attempt for update to gis_app using (account {own});",
        "grant select (id, account), update (succeeded) on gis.login_attempt to gis_app;",
        "create trigger guard_account before update on gis.account for each row execute function gis.guard_account();",
        "create trigger mark_demo before insert on gis.account for each row execute function gis.mark_demo();",
        "create trigger guard_credential before insert or update on gis.credential"
        " for each row execute function gis.guard_credential();",
        *(f"grant select on gis.{table.name} to gis_backup;" for table in (account, area, credential, attempt)),
        f"grant select on sequence gis.{attempt.name}_id_seq to gis_backup;",
    ]
    return statements


_NOTED = {
    "area": ("r.code", "''", "r.name", "insert update delete"),
    "area_rule": ("r.community", "''", "r.rule || ' = ' || r.value", "insert update delete"),
    "reported_total": ("r.community", "''", "''", "insert update delete"),
    "work_day": ("r.community", "''", "r.day || case when r.working then ' 班 ' else ' 休 ' end || r.name",
                 "insert update delete"),
    "upload": ("r.community", "''", "r.layer || ' ' || r.file_name", "insert"),
    "proposal": ("r.community", "''", "r.file_name", "insert delete"),
    "export": ("r.community", "''", "r.name || ' ' || r.format || ' ' || r.code", "insert delete"),
    "header_answer": ("r.community", "''", "''", "insert update delete"),
    "case_step": ("r.community", "r.case_id::text", "r.step", "insert"),
    "sync_edit": ("r.community", "''", "''", "insert update"),
    "case_photo": ("r.community", "r.case_id::text", "r.stage", "insert delete"),
    "account": ("''", "r.name", "r.role || case when r.active then '' else ' 停用' end || coalesce(' 口令由 ' "
                "|| r.password_by || ' 设置', '')", "insert update delete"),
    "account_area": ("''", "r.account", "r.area || ' ' || r.since || '—' || coalesce(r.until::text, '')"
                     " || case when r.substitutes = '' then '' else ' 顶替 ' || r.substitutes end",
                     "insert update delete"),
    "credential": ("''", "r.account", "case r.kind when 'session' then '登录' else '令牌' end || case when r.read_only"
                   " then ' 只读' else '' end", "insert delete"),
}  # fmt: skip
"""What the audit says of tables without a history: the community, about whom, what; and of which operations.

A proposal's steps and the uses of a login aren't writes of anybody's; what a job does says itself.
"""


def personal_statements() -> list[str]:
    """Return the DDL of personal fields: functions that look into their tables, which nobody else may."""
    keepers = ", ".join(f"'{role.name}'" for role in ROLES.values() if Right.PERSONAL in role.rights)
    sees = SEES_GRID.format(community="f.community").replace("grid =", "f.grid =")
    text = (resources.files("gis_service") / "personal.sql").read_text(encoding="utf-8")
    return [text.replace(":keepers", keepers).replace(":sees", sees.replace("'", "''"))]


def audit_statements() -> list[str]:
    """Return the DDL of the audit: the application's role reads what concerns its areas, and changes nothing."""
    checks = (
        "(current_setting('gis.role', true) = 'operator' or current_setting('gis.role', true) in ('admin', 'auditor')"
        " and exists (select from unnest(string_to_array(current_setting('gis.managed', true), ',')) m"
        " where m <> '' and starts_with(area, m)))"
    )
    kept = (audit_tables.TOUCH, audit_tables.AUDIT, audit_tables.AUDIT_HEAD)
    statements = [line for table in kept for line in create_table(table)]
    statements += [
        (resources.files("gis_service") / "audit.sql").read_text(encoding="utf-8").replace(":holds", HOLDS_AREAS),
        "create constraint trigger count_versions after insert on gis.touch deferrable initially deferred"
        " for each row execute function gis.count_versions();",
        # Empty outside transactions, but pg_dump must be able to lock it.
        "grant select on gis.touch to gis_backup;",
        *secure_table(audit_tables.AUDIT, checks),
        *secure_table(audit_tables.AUDIT_HEAD, checks),
    ]
    return statements


def noted_statements() -> list[str]:
    """Return the triggers that note writes of tables without a history in the audit."""
    kinds, statements = dict(_TRANSITIONS), []
    for table, (community, key, detail, operations) in _NOTED.items():
        said = ", ".join("'" + part.replace("'", "''") + "'" for part in (community, key, detail))
        statements += [
            f"create trigger note_{operation} after {operation} on gis.{table} referencing {kinds[operation]}"
            f" for each statement execute function gis.note_write({said});"
            for operation in operations.split()
        ]
    statements.append(
        "create trigger note_viewing after update on gis.credential for each row"
        " when (old.viewing is distinct from new.viewing) execute function gis.note_viewing();"
    )
    return statements


def layer_statements(layer: Layer) -> list[str]:
    """Return the DDL of one layer: its tables with comments, checks and indexes, security, triggers and grants."""
    found = tables_of(layer)
    name = layer.name
    sees = (SEES_COMMUNITY if layer.visibility == "community" else SEES_GRID).format(community="community")
    writes = (WRITES_COMMUNITY if name in _COMMUNITY_WIDE else SEES_GRID).format(community="community")
    kept = {"version", "recorded_at", "recorded_by", "upload"}
    given = [column.name for column in found.current.columns if column.name not in kept]
    by_step = {field.name for field in layer.fields if field.by_step}
    settable, changeable = ", ".join(given), ", ".join(one for one in given if one not in by_step)
    statements = [
        *create_table(found.current),
        *create_table(found.history),
        f"alter table gis.{name} enable row level security;",
        f"create policy sees on gis.{name} for select to gis_app using {sees};",
        f"create policy adds on gis.{name} for insert to gis_app with check {writes};",
        f"create policy changes on gis.{name} for update to gis_app using {writes} with check {writes};",
        f"create policy removes on gis.{name} for delete to gis_app using {writes};",
        f"grant select, delete, insert ({settable}), update ({changeable}) on gis.{name} to gis_app;",
        f"grant select on gis.{name} to gis_backup;",
        *secure_table(found.history, sees),
        f"create trigger mark_version before update on gis.{name} for each row execute function gis.mark_version();",
    ]
    statements.append(
        f"create trigger refuse_truncate before truncate on gis.{name} for each statement"
        " execute function gis.refuse_truncate();"
    )
    for operation, transition in _TRANSITIONS:
        statements.append(
            f"create trigger history_on_{operation} after {operation} on gis.{name} referencing {transition}"
            " for each statement execute function gis.write_history();"
        )
        # Triggers fire in the order of their names: history first, so that a settled grid is a later version.
        if operation != "delete":
            statements.append(
                f"create trigger settle_grid_on_{operation} after {operation} on gis.{name} referencing"
                " new table as new_rows for each statement execute function gis.settle_grid();"
            )
    if found.personal is not None:
        statements += create_table(found.personal)
        same = f"f.community = {name}_personal.community and f.id = {name}_personal.id"
        owner = f"exists (select from gis.{name} f where {same})"
        statements += [
            f"alter table gis.{name}_personal enable row level security;",
            f"create policy sees on gis.{name}_personal to gis_app using ({owner}) with check ({owner});",
            f"grant select on gis.{name}_personal to gis_backup;",
        ]
    if name == "grid":
        statements += [
            f"create trigger redraw_grids_on_{operation} after {operation} on gis.grid referencing {transition}"
            " for each statement execute function gis.redraw_grids();"
            for operation, transition in _TRANSITIONS
        ]
    return statements


_CALLED = (
    "registered_areas()", "unfinished_jobs()", "attributions(text)", "granted(bytea)", "use_credential(bytea)",
    "begin_login(text, text, integer, integer)", "end_session(bytea)", "manages(text)", "manages_area(text)",
    "is_new(text)", "viewable()", "audit_digest(bytea, text, bigint, timestamptz, text, text, uuid, jsonb, uuid)",
    "personal_masked(text, text, uuid)", "personal_whole(text, text, uuid, text)",
    "personal_written(text, text, uuid, jsonb)", "expire_personal(integer)", "export_taken(text, uuid)",
    "offices_in(text)", "photo_hashes()",
)  # fmt: skip
"""The functions that the application itself calls; every other one is a trigger's, or another function's."""


def privilege_statements() -> list[str]:
    """Return who may call which function: a definer trigger put on somebody's own table would run as the owner."""
    return [
        "revoke execute on all functions in schema gis from public;",
        *(f"grant execute on function gis.{name} to gis_app;" for name in _CALLED),
    ]


def all_statements() -> list[str]:
    """Return the whole schema as it is declared now."""
    return [
        *system_statements(),
        *account_statements(),
        *audit_statements(),
        *personal_statements(),
        *(line for layer in LAYERS.values() for line in layer_statements(layer)),
        *case_statements(),
        *noted_statements(),
        *privilege_statements(),
    ]
