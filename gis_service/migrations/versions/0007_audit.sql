drop trigger count_versions on gis.layer_touch;
drop function gis.count_versions();
drop table gis.layer_touch;
create or replace function gis.write_history() returns trigger language plpgsql security definer
set search_path = gis, public, pg_temp as $$
declare
  history text := format('gis.%I', tg_table_name || '_history');
  names text;
  deleted text;
begin
  select string_agg(quote_ident(attname), ', ' order by attnum),
         string_agg(case attname
           when 'version' then 'o.version + 1'
           when 'recorded_at' then 'greatest(transaction_timestamp(), o.recorded_at)'
           when 'recorded_by' then 'coalesce(nullif(current_setting(''gis.actor'', true), ''''), session_user)'
           when 'upload' then 'nullif(current_setting(''gis.upload'', true), '''')::uuid'
           else 'o.' || quote_ident(attname) end, ', ' order by attnum)
  into names, deleted
  from pg_catalog.pg_attribute where attrelid = tg_relid and attnum > 0 and not attisdropped;
  if tg_op = 'INSERT' then
    execute format('update %s h set recorded_to = greatest(n.recorded_at, h.recorded_at) from new_rows n'
      ' where h.community = n.community and h.id = n.id and h.recorded_to = ''infinity'' and h.operation = ''delete''', history);
  elsif tg_op = 'UPDATE' then
    execute format('update %s h set recorded_to = n.recorded_at from new_rows n'
      ' where h.community = n.community and h.id = n.id and h.recorded_to = ''infinity''', history);
  else
    execute format('update %s h set recorded_to = greatest(transaction_timestamp(), h.recorded_at) from old_rows o'
      ' where h.community = o.community and h.id = o.id and h.recorded_to = ''infinity''', history);
    execute format('insert into %s (%s, operation) select %s, ''delete'' from old_rows o', history, names, deleted);
    insert into touch as t
    select pg_current_xact_id()::text, community, tg_table_name, lower(tg_op), '', '', count(*), true from old_rows group by 2
    on conflict (xact, community, subject, operation, key, detail) do update set rows = t.rows + excluded.rows;
    return null;
  end if;
  execute format('insert into %s (%s, operation) select %s, %L from new_rows', history, names, names, lower(tg_op));
  insert into touch as t
  select pg_current_xact_id()::text, community, tg_table_name, lower(tg_op), '', '', count(*), true from new_rows group by 2
  on conflict (xact, community, subject, operation, key, detail) do update set rows = t.rows + excluded.rows;
  return null;
end $$;
comment on function gis.write_history() is 'Definer: writes the twin and notes what a transaction changed; the application''s role can do neither itself.';
CREATE TABLE gis.touch (
	xact TEXT NOT NULL, 
	community TEXT NOT NULL, 
	subject TEXT NOT NULL, 
	operation TEXT NOT NULL, 
	key TEXT NOT NULL, 
	detail TEXT NOT NULL, 
	rows BIGINT NOT NULL, 
	versioned BOOLEAN NOT NULL, 
	CONSTRAINT touch_pkey PRIMARY KEY (xact, community, subject, operation, key, detail)
);
COMMENT ON TABLE gis.touch IS '本事务写过和看过的;提交时转为版本号和审计记录';
COMMENT ON COLUMN gis.touch.xact IS '事务号';
COMMENT ON COLUMN gis.touch.community IS '12 位社区代码;与社区无关的为空';
COMMENT ON COLUMN gis.touch.subject IS '图层或表';
COMMENT ON COLUMN gis.touch.operation IS 'insert、update、delete 或 read';
COMMENT ON COLUMN gis.touch.key IS '对谁或对什么:账户名,或看了谁的个人信息';
COMMENT ON COLUMN gis.touch.detail IS '说明:给了什么,或为什么看';
COMMENT ON COLUMN gis.touch.rows IS '行数';
COMMENT ON COLUMN gis.touch.versioned IS '图层有版本号';
CREATE TABLE gis.audit (
	area TEXT NOT NULL, 
	position BIGINT NOT NULL, 
	at TIMESTAMP WITH TIME ZONE NOT NULL, 
	actor TEXT NOT NULL, 
	role TEXT NOT NULL, 
	upload UUID, 
	entries JSONB NOT NULL, 
	previous BYTEA, 
	digest BYTEA NOT NULL, 
	CONSTRAINT audit_pkey PRIMARY KEY (area, position)
);
CREATE INDEX audit_at_idx ON gis.audit (at);
COMMENT ON TABLE gis.audit IS '审计记录:每个事务一条,连成一条链';
COMMENT ON COLUMN gis.audit.area IS '社区代码;关于账户的是它的范围共有的前缀';
COMMENT ON COLUMN gis.audit.position IS '在链上的位置,从 1 起不间断';
COMMENT ON COLUMN gis.audit.at IS '提交时刻';
COMMENT ON COLUMN gis.audit.actor IS '谁';
COMMENT ON COLUMN gis.audit.role IS '以什么角色';
COMMENT ON COLUMN gis.audit.upload IS '哪次上传';
COMMENT ON COLUMN gis.audit.entries IS '一个事务写过和看过的';
COMMENT ON COLUMN gis.audit.previous IS '前一条的摘要';
COMMENT ON COLUMN gis.audit.digest IS '前一条的摘要和本条内容的 SHA-256';
CREATE TABLE gis.audit_head (
	area TEXT NOT NULL, 
	position BIGINT DEFAULT 0 NOT NULL, 
	digest BYTEA, 
	CONSTRAINT audit_head_pkey PRIMARY KEY (area)
);
COMMENT ON TABLE gis.audit_head IS '每条审计链的末端';
COMMENT ON COLUMN gis.audit_head.area IS '哪一条链';
COMMENT ON COLUMN gis.audit_head.position IS '最后一条的位置';
COMMENT ON COLUMN gis.audit_head.digest IS '最后一条的摘要';
-- The audit: what a transaction touched becomes one link of a chain when it commits.
create function gis.realm_of(whom text) returns text language plpgsql stable security definer
set search_path = gis, pg_catalog, pg_temp as $$
begin
  return (select case
      when count(distinct left(area, 12)) = 1 and min(length(area)) >= 12 then left(min(area), 12)
      when count(distinct left(area, 9)) = 1 and min(length(area)) >= 9 then left(min(area), 9)
      when count(distinct left(area, 6)) = 1 then left(min(area), 6)
      else '' end
    from unnest(held_of(whom)) area);
end $$;
comment on function gis.realm_of(text) is 'Definer: the area that all areas of an account lie in; whoever administers it sees what is done to the account.';

create function gis.audit_digest(previous bytea, area text, "position" bigint, at timestamptz, actor text, role text, upload uuid, entries jsonb)
returns bytea language sql stable set search_path = pg_catalog, pg_temp as $$
  select sha256(convert_to(jsonb_build_array(encode(previous, 'hex'), area, "position", extract(epoch from at), actor, role, upload, entries)::text, 'UTF8'))
$$;
comment on function gis.audit_digest(bytea, text, bigint, timestamptz, text, text, uuid, jsonb) is 'The digest of one link: what it says, and the digest of the one before it.';

create function gis.count_versions() returns trigger language plpgsql security definer
set search_path = gis, public, pg_temp as $$
declare
  gone touch[];
  noted record;
  here bigint;
  previous bytea;
  made bytea;
  moment timestamptz := clock_timestamp();
  who text := coalesce(nullif(current_setting('gis.actor', true), ''), session_user);
  whose text := coalesce(nullif(current_setting('gis.role', true), ''), 'database');
  which uuid := nullif(current_setting('gis.upload', true), '')::uuid;
begin
  -- The first of the transaction's notes counts for all of them, in one order for everyone, so that no two
  -- transactions wait for each other in a circle; the locks are held for the commit only.
  with deleted as (delete from touch t where t.xact = pg_current_xact_id()::text returning t)
  select array_agg(deleted.t) into gone from deleted;
  if gone is null then
    return null;
  end if;
  insert into layer_version as v (community, layer, version, changed_at)
  select distinct g.community, g.subject, 1, moment from unnest(gone) g where g.versioned order by g.community, g.subject
  on conflict (community, layer) do update set version = v.version + 1, changed_at = excluded.changed_at;
  for noted in
    select coalesce(nullif(g.community, ''), realm_of(g.key)) as area,
      jsonb_agg(jsonb_build_object('subject', g.subject, 'operation', g.operation, 'key', g.key, 'detail', g.detail, 'rows', g.rows)
                order by g.subject, g.operation, g.key, g.detail) as entries
    from unnest(gone) g group by 1 order by 1
  loop
    insert into audit_head as h (area, position) values (noted.area, 1)
    on conflict (area) do update set position = h.position + 1 returning h.position, h.digest into here, previous;
    made := audit_digest(previous, noted.area, here, moment, who, whose, which, noted.entries);
    insert into audit (area, position, at, actor, role, upload, entries, previous, digest)
    values (noted.area, here, moment, who, whose, which, noted.entries, previous, made);
    update audit_head h set digest = made where h.area = noted.area;
  end loop;
  return null;
end $$;
comment on function gis.count_versions() is 'Definer: at its commit, one step of the version counter for each layer that a transaction changed, and one link of the audit for each area.';

create function gis.note_write() returns trigger language plpgsql security definer
set search_path = gis, public, pg_temp as $$
begin
  execute format('insert into touch as t select pg_current_xact_id()::text, %s, %L, %L, %s, %s, count(*), false from %s r group by 2, 5, 6'
    ' on conflict (xact, community, subject, operation, key, detail) do update set rows = t.rows + excluded.rows',
    tg_argv[0], tg_table_name, lower(tg_op), tg_argv[1], tg_argv[2], case tg_op when 'DELETE' then 'old_rows' else 'new_rows' end);
  return null;
end $$;
comment on function gis.note_write() is 'Definer: notes what is written in a table without a history; its arguments say whose it is, about whom, and what.';

create function gis.note_viewing() returns trigger language plpgsql security definer
set search_path = gis, public, pg_temp as $$
begin
  insert into touch as t values (pg_current_xact_id()::text, '', tg_table_name, 'update', new.account,
    coalesce('以 ' || new.viewing || ' 的身份查看', '结束以 ' || old.viewing || ' 的身份查看'), 1, false)
  on conflict (xact, community, subject, operation, key, detail) do update set rows = t.rows + 1;
  return null;
end $$;
comment on function gis.note_viewing() is 'Definer: notes through whose eyes somebody begins, or ends, to look.';

create constraint trigger count_versions after insert on gis.touch deferrable initially deferred for each row execute function gis.count_versions();
grant select on gis.touch to gis_backup;
alter table gis.audit enable row level security;
create policy sees on gis.audit for select to gis_app using (current_setting('gis.role', true) = 'operator' or current_setting('gis.role', true) in ('admin', 'auditor') and exists (select from unnest(string_to_array(current_setting('gis.managed', true), ',')) m where m <> '' and starts_with(area, m)));
grant select on gis.audit to gis_app, gis_backup;
alter table gis.audit_head enable row level security;
create policy sees on gis.audit_head for select to gis_app using (current_setting('gis.role', true) = 'operator' or current_setting('gis.role', true) in ('admin', 'auditor') and exists (select from unnest(string_to_array(current_setting('gis.managed', true), ',')) m where m <> '' and starts_with(area, m)));
grant select on gis.audit_head to gis_app, gis_backup;
create trigger note_insert after insert on gis.area referencing new table as new_rows for each statement execute function gis.note_write('r.code', '''''', 'r.name');
create trigger note_update after update on gis.area referencing old table as old_rows new table as new_rows for each statement execute function gis.note_write('r.code', '''''', 'r.name');
create trigger note_delete after delete on gis.area referencing old table as old_rows for each statement execute function gis.note_write('r.code', '''''', 'r.name');
create trigger note_insert after insert on gis.area_rule referencing new table as new_rows for each statement execute function gis.note_write('r.community', '''''', 'r.rule || '' = '' || r.value');
create trigger note_update after update on gis.area_rule referencing old table as old_rows new table as new_rows for each statement execute function gis.note_write('r.community', '''''', 'r.rule || '' = '' || r.value');
create trigger note_delete after delete on gis.area_rule referencing old table as old_rows for each statement execute function gis.note_write('r.community', '''''', 'r.rule || '' = '' || r.value');
create trigger note_insert after insert on gis.reported_total referencing new table as new_rows for each statement execute function gis.note_write('r.community', '''''', '''''');
create trigger note_update after update on gis.reported_total referencing old table as old_rows new table as new_rows for each statement execute function gis.note_write('r.community', '''''', '''''');
create trigger note_delete after delete on gis.reported_total referencing old table as old_rows for each statement execute function gis.note_write('r.community', '''''', '''''');
create trigger note_insert after insert on gis.upload referencing new table as new_rows for each statement execute function gis.note_write('r.community', '''''', 'r.layer || '' '' || r.file_name');
create trigger note_insert after insert on gis.proposal referencing new table as new_rows for each statement execute function gis.note_write('r.community', '''''', 'r.file_name');
create trigger note_delete after delete on gis.proposal referencing old table as old_rows for each statement execute function gis.note_write('r.community', '''''', 'r.file_name');
create trigger note_insert after insert on gis.header_answer referencing new table as new_rows for each statement execute function gis.note_write('r.community', '''''', '''''');
create trigger note_update after update on gis.header_answer referencing old table as old_rows new table as new_rows for each statement execute function gis.note_write('r.community', '''''', '''''');
create trigger note_delete after delete on gis.header_answer referencing old table as old_rows for each statement execute function gis.note_write('r.community', '''''', '''''');
create trigger note_insert after insert on gis.account referencing new table as new_rows for each statement execute function gis.note_write('''''', 'r.name', 'r.role || case when r.active then '''' else '' 停用'' end || coalesce('' 口令由 '' || r.password_by || '' 设置'', '''')');
create trigger note_update after update on gis.account referencing old table as old_rows new table as new_rows for each statement execute function gis.note_write('''''', 'r.name', 'r.role || case when r.active then '''' else '' 停用'' end || coalesce('' 口令由 '' || r.password_by || '' 设置'', '''')');
create trigger note_delete after delete on gis.account referencing old table as old_rows for each statement execute function gis.note_write('''''', 'r.name', 'r.role || case when r.active then '''' else '' 停用'' end || coalesce('' 口令由 '' || r.password_by || '' 设置'', '''')');
create trigger note_insert after insert on gis.account_area referencing new table as new_rows for each statement execute function gis.note_write('''''', 'r.account', 'r.area || '' '' || r.since || ''—'' || coalesce(r.until::text, '''') || case when r.substitutes = '''' then '''' else '' 顶替 '' || r.substitutes end');
create trigger note_update after update on gis.account_area referencing old table as old_rows new table as new_rows for each statement execute function gis.note_write('''''', 'r.account', 'r.area || '' '' || r.since || ''—'' || coalesce(r.until::text, '''') || case when r.substitutes = '''' then '''' else '' 顶替 '' || r.substitutes end');
create trigger note_delete after delete on gis.account_area referencing old table as old_rows for each statement execute function gis.note_write('''''', 'r.account', 'r.area || '' '' || r.since || ''—'' || coalesce(r.until::text, '''') || case when r.substitutes = '''' then '''' else '' 顶替 '' || r.substitutes end');
create trigger note_insert after insert on gis.credential referencing new table as new_rows for each statement execute function gis.note_write('''''', 'r.account', 'case r.kind when ''session'' then ''登录'' else ''令牌'' end || case when r.read_only then '' 只读'' else '''' end');
create trigger note_delete after delete on gis.credential referencing old table as old_rows for each statement execute function gis.note_write('''''', 'r.account', 'case r.kind when ''session'' then ''登录'' else ''令牌'' end || case when r.read_only then '' 只读'' else '''' end');
create trigger note_viewing after update on gis.credential for each row when (old.viewing is distinct from new.viewing) execute function gis.note_viewing();
