grant usage on schema gis to gis_app, gis_backup;
-- Functions of the schema. Definer functions are few; each says why it is one.
create collation gis.zh (provider = icu, locale = 'zh-u-kn-true');

create function gis.scope(digits integer) returns text[] language sql stable parallel safe
set search_path = pg_catalog, pg_temp as $$
  select coalesce(array_agg(code), '{}') from unnest(string_to_array(current_setting('gis.scope', true), ',')) code
  where length(code) = digits
$$;
comment on function gis.scope(integer) is 'Area codes of the transaction''s scope that have so many digits; none when no scope is set.';

create function gis.scope_communities() returns text[] language sql stable parallel safe
set search_path = pg_catalog, pg_temp as $$
  select coalesce(array_agg(left(code, 12)), '{}') from unnest(string_to_array(current_setting('gis.scope', true), ',')) code
  where length(code) >= 12
$$;
comment on function gis.scope_communities() is 'Communities of the transaction''s scope: a grid''s people see their community''s streets too.';

create function gis.mark_version() returns trigger language plpgsql set search_path = gis, public, pg_temp as $$
begin
  if (new.community, new.id) is distinct from (old.community, old.id) then
    raise exception 'community and id of a row never change' using errcode = 'integrity_constraint_violation';
  end if;
  new.version := old.version + 1;
  new.recorded_at := greatest(transaction_timestamp(), old.recorded_at);
  new.recorded_by := coalesce(nullif(current_setting('gis.actor', true), ''), session_user);
  new.upload := nullif(current_setting('gis.upload', true), '')::uuid;
  return new;
end $$;
comment on function gis.mark_version() is 'Counts a row''s versions and says who wrote this one, and when.';

create function gis.refuse_truncate() returns trigger language plpgsql set search_path = pg_catalog, pg_temp as $$
begin
  raise exception 'truncate would leave no history; use delete' using errcode = 'feature_not_supported';
end $$;
comment on function gis.refuse_truncate() is 'Every deleted row is a version; truncate shows no trigger the rows it takes.';

create function gis.write_history() returns trigger language plpgsql security definer
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
    insert into layer_touch select distinct pg_current_xact_id()::text, community, tg_table_name from old_rows
      on conflict do nothing;
    return null;
  end if;
  execute format('insert into %s (%s, operation) select %s, %L from new_rows', history, names, names, lower(tg_op));
  insert into layer_touch select distinct pg_current_xact_id()::text, community, tg_table_name from new_rows
    on conflict do nothing;
  return null;
end $$;
comment on function gis.write_history() is 'Definer: writes the twin and notes which layers a transaction changed; the application''s role can do neither itself.';

create function gis.count_versions() returns trigger language plpgsql security definer
set search_path = gis, public, pg_temp as $$
begin
  -- The first of the transaction's notes counts for all of them, in one order for everyone, so that no two
  -- transactions wait for each other in a circle; the locks are held for the commit only.
  with touched as (delete from layer_touch where xact = pg_current_xact_id()::text returning community, layer)
  insert into layer_version as v (community, layer, version, changed_at)
  select community, layer, 1, clock_timestamp() from touched order by community, layer
  on conflict (community, layer) do update set version = v.version + 1, changed_at = excluded.changed_at;
  return null;
end $$;
comment on function gis.count_versions() is 'Definer: one step of the version counter for each layer that a transaction changed, at its commit.';

create function gis.settle_grid() returns trigger language plpgsql set search_path = gis, public, pg_temp as $$
begin
  if not exists (select from new_rows) then
    return null;
  end if;
  execute format('
    with points as (select community, id, st_pointonsurface(geom) as point from new_rows),
    placed as (
      select p.community, p.id, min(g.code) as grid from points p
      left join grid g on g.community = p.community and g.level = ''governance''
        and g.geom && p.point and st_covers(g.geom, p.point)
      group by p.community, p.id)
    update %I t set grid = placed.grid from placed
    where t.community = placed.community and t.id = placed.id and t.grid is distinct from placed.grid', tg_table_name);
  return null;
end $$;
comment on function gis.settle_grid() is 'Keeps grid true to the geometry: the governance grid that covers a point on the feature.';

create function gis.redraw_grids() returns trigger language plpgsql set search_path = gis, public, pg_temp as $$
declare
  feature_table text;
  redrawn text[];
begin
  if tg_op = 'DELETE' then
    select array_agg(distinct community) into redrawn from old_rows where level = 'governance';
  elsif tg_op = 'INSERT' then
    select array_agg(distinct community) into redrawn from new_rows where level = 'governance';
  else
    select array_agg(distinct n.community) into redrawn from new_rows n join old_rows o using (community, id)
    where (n.code, n.level) is distinct from (o.code, o.level) or not st_equals(n.geom, o.geom);
  end if;
  if redrawn is null then
    return null;
  end if;
  for feature_table in
    select c.relname from pg_catalog.pg_class c join pg_catalog.pg_trigger t on t.tgrelid = c.oid
    where c.relnamespace = 'gis'::regnamespace and t.tgname = 'settle_grid_on_insert' order by c.relname
  loop
    execute format('
      with points as (select community, id, st_pointonsurface(geom) as point from %1$I where community = any ($1)),
      placed as (
        select p.community, p.id, min(g.code) as grid from points p
        left join grid g on g.community = p.community and g.level = ''governance''
          and g.geom && p.point and st_covers(g.geom, p.point)
        group by p.community, p.id)
      update %1$I t set grid = placed.grid from placed
      where t.community = placed.community and t.id = placed.id and t.grid is distinct from placed.grid', feature_table)
    using redrawn;
  end loop;
  return null;
end $$;
comment on function gis.redraw_grids() is 'When governance grids change, every feature of the community is placed anew.';

CREATE TABLE gis.area (
	code TEXT NOT NULL, 
	name TEXT NOT NULL, 
	metric_srid INTEGER NOT NULL, 
	created_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL, 
	CONSTRAINT area_pkey PRIMARY KEY (code), 
	CONSTRAINT area_code_digits CHECK (code ~ '^[0-9]{12}$')
);
COMMENT ON TABLE gis.area IS '社区:区域登记与其量测坐标系';
COMMENT ON COLUMN gis.area.code IS '12 位社区代码';
COMMENT ON COLUMN gis.area.name IS '名称';
COMMENT ON COLUMN gis.area.metric_srid IS '量测坐标系 EPSG 代码';
COMMENT ON COLUMN gis.area.created_at IS '建立时间';
alter table gis.area enable row level security;
create policy sees on gis.area for select to gis_app using (code = any ((select gis.scope_communities())::text[]) or left(code, 9) = any ((select gis.scope(9))::text[]) or left(code, 6) = any ((select gis.scope(6))::text[]));
grant select on gis.area to gis_app, gis_backup;
create policy adds on gis.area for insert to gis_app with check (code = any ((select gis.scope(12))::text[]) or left(code, 9) = any ((select gis.scope(9))::text[]) or left(code, 6) = any ((select gis.scope(6))::text[]));
create policy changes on gis.area for update to gis_app using (code = any ((select gis.scope(12))::text[]) or left(code, 9) = any ((select gis.scope(9))::text[]) or left(code, 6) = any ((select gis.scope(6))::text[])) with check (code = any ((select gis.scope(12))::text[]) or left(code, 9) = any ((select gis.scope(9))::text[]) or left(code, 6) = any ((select gis.scope(6))::text[]));
create policy removes on gis.area for delete to gis_app using (code = any ((select gis.scope(12))::text[]) or left(code, 9) = any ((select gis.scope(9))::text[]) or left(code, 6) = any ((select gis.scope(6))::text[]));
grant insert, update, delete on gis.area to gis_app;
create function gis.registered_areas() returns setof text language sql stable security definer set search_path = gis, pg_catalog, pg_temp as 'select code from area order by code';
comment on function gis.registered_areas() is 'Definer: the codes of registered communities and nothing else, so that the operator of this machine can name all of them as a scope.';
CREATE TABLE gis.area_rule (
	community TEXT NOT NULL, 
	rule TEXT NOT NULL, 
	value DOUBLE PRECISION NOT NULL, 
	basis TEXT NOT NULL, 
	CONSTRAINT area_rule_pkey PRIMARY KEY (community, rule), 
	CONSTRAINT area_rule_community_fkey FOREIGN KEY(community) REFERENCES gis.area (code) ON DELETE CASCADE
);
COMMENT ON TABLE gis.area_rule IS '社区对阈值的调整';
COMMENT ON COLUMN gis.area_rule.community IS '12 位社区代码';
COMMENT ON COLUMN gis.area_rule.rule IS '阈值代码';
COMMENT ON COLUMN gis.area_rule.value IS '本社区采用的数值';
COMMENT ON COLUMN gis.area_rule.basis IS '依据';
alter table gis.area_rule enable row level security;
create policy sees on gis.area_rule for select to gis_app using (community = any ((select gis.scope_communities())::text[]) or left(community, 9) = any ((select gis.scope(9))::text[]) or left(community, 6) = any ((select gis.scope(6))::text[]));
grant select on gis.area_rule to gis_app, gis_backup;
create policy adds on gis.area_rule for insert to gis_app with check (community = any ((select gis.scope(12))::text[]) or left(community, 9) = any ((select gis.scope(9))::text[]) or left(community, 6) = any ((select gis.scope(6))::text[]));
create policy changes on gis.area_rule for update to gis_app using (community = any ((select gis.scope(12))::text[]) or left(community, 9) = any ((select gis.scope(9))::text[]) or left(community, 6) = any ((select gis.scope(6))::text[])) with check (community = any ((select gis.scope(12))::text[]) or left(community, 9) = any ((select gis.scope(9))::text[]) or left(community, 6) = any ((select gis.scope(6))::text[]));
create policy removes on gis.area_rule for delete to gis_app using (community = any ((select gis.scope(12))::text[]) or left(community, 9) = any ((select gis.scope(9))::text[]) or left(community, 6) = any ((select gis.scope(6))::text[]));
grant insert, update, delete on gis.area_rule to gis_app;
CREATE TABLE gis.reported_total (
	community TEXT NOT NULL, 
	code TEXT NOT NULL, 
	position INTEGER NOT NULL, 
	title TEXT NOT NULL, 
	value DOUBLE PRECISION NOT NULL, 
	qualifier TEXT DEFAULT '' NOT NULL, 
	unit TEXT NOT NULL, 
	as_of TEXT DEFAULT '' NOT NULL, 
	measure TEXT NOT NULL, 
	source TEXT NOT NULL, 
	CONSTRAINT reported_total_pkey PRIMARY KEY (community, code), 
	CONSTRAINT reported_total_community_fkey FOREIGN KEY(community) REFERENCES gis.area (code) ON DELETE CASCADE
);
COMMENT ON TABLE gis.reported_total IS '上报总数:与图层核对用,不强求相等';
COMMENT ON COLUMN gis.reported_total.community IS '12 位社区代码';
COMMENT ON COLUMN gis.reported_total.code IS '指标代码';
COMMENT ON COLUMN gis.reported_total.position IS '排列次序';
COMMENT ON COLUMN gis.reported_total.title IS '指标';
COMMENT ON COLUMN gis.reported_total.value IS '上报数';
COMMENT ON COLUMN gis.reported_total.qualifier IS '约、余、近、左右,或空';
COMMENT ON COLUMN gis.reported_total.unit IS '单位';
COMMENT ON COLUMN gis.reported_total.as_of IS '时点原文';
COMMENT ON COLUMN gis.reported_total.measure IS '由图层计算的方法名';
COMMENT ON COLUMN gis.reported_total.source IS '出处';
alter table gis.reported_total enable row level security;
create policy sees on gis.reported_total for select to gis_app using (community = any ((select gis.scope_communities())::text[]) or left(community, 9) = any ((select gis.scope(9))::text[]) or left(community, 6) = any ((select gis.scope(6))::text[]));
grant select on gis.reported_total to gis_app, gis_backup;
create policy adds on gis.reported_total for insert to gis_app with check (community = any ((select gis.scope(12))::text[]) or left(community, 9) = any ((select gis.scope(9))::text[]) or left(community, 6) = any ((select gis.scope(6))::text[]));
create policy changes on gis.reported_total for update to gis_app using (community = any ((select gis.scope(12))::text[]) or left(community, 9) = any ((select gis.scope(9))::text[]) or left(community, 6) = any ((select gis.scope(6))::text[])) with check (community = any ((select gis.scope(12))::text[]) or left(community, 9) = any ((select gis.scope(9))::text[]) or left(community, 6) = any ((select gis.scope(6))::text[]));
create policy removes on gis.reported_total for delete to gis_app using (community = any ((select gis.scope(12))::text[]) or left(community, 9) = any ((select gis.scope(9))::text[]) or left(community, 6) = any ((select gis.scope(6))::text[]));
grant insert, update, delete on gis.reported_total to gis_app;
CREATE TABLE gis.layer_version (
	community TEXT NOT NULL, 
	layer TEXT NOT NULL, 
	version BIGINT NOT NULL, 
	changed_at TIMESTAMP WITH TIME ZONE NOT NULL, 
	CONSTRAINT layer_version_pkey PRIMARY KEY (community, layer)
);
COMMENT ON TABLE gis.layer_version IS '图层版本:缓存标识由它而来';
COMMENT ON COLUMN gis.layer_version.community IS '12 位社区代码';
COMMENT ON COLUMN gis.layer_version.layer IS '图层';
COMMENT ON COLUMN gis.layer_version.version IS '版本号:每个改动了该层的事务加一';
COMMENT ON COLUMN gis.layer_version.changed_at IS '最近改动时间';
alter table gis.layer_version enable row level security;
create policy sees on gis.layer_version for select to gis_app using (community = any ((select gis.scope_communities())::text[]) or left(community, 9) = any ((select gis.scope(9))::text[]) or left(community, 6) = any ((select gis.scope(6))::text[]));
grant select on gis.layer_version to gis_app, gis_backup;
CREATE TABLE gis.upload (
	community TEXT NOT NULL, 
	id UUID DEFAULT gen_random_uuid() NOT NULL, 
	key TEXT NOT NULL, 
	layer TEXT NOT NULL, 
	file_name TEXT NOT NULL, 
	sha256 TEXT NOT NULL, 
	crs TEXT NOT NULL, 
	crs_evidence TEXT NOT NULL, 
	encoding TEXT, 
	attribution TEXT, 
	added INTEGER NOT NULL, 
	changed INTEGER NOT NULL, 
	moved INTEGER NOT NULL, 
	unchanged INTEGER NOT NULL, 
	refused INTEGER NOT NULL, 
	actor TEXT DEFAULT coalesce(nullif(current_setting('gis.actor', true), ''), session_user) NOT NULL, 
	committed_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL, 
	CONSTRAINT upload_pkey PRIMARY KEY (community, id), 
	CONSTRAINT upload_key_key UNIQUE (community, key), 
	CONSTRAINT upload_community_fkey FOREIGN KEY(community) REFERENCES gis.area (code)
);
COMMENT ON TABLE gis.upload IS '入库的上传';
COMMENT ON COLUMN gis.upload.community IS '12 位社区代码';
COMMENT ON COLUMN gis.upload.id IS '标识';
COMMENT ON COLUMN gis.upload.key IS '幂等键';
COMMENT ON COLUMN gis.upload.layer IS '图层';
COMMENT ON COLUMN gis.upload.file_name IS '文件名';
COMMENT ON COLUMN gis.upload.sha256 IS '文件 SHA-256';
COMMENT ON COLUMN gis.upload.crs IS '文件坐标系';
COMMENT ON COLUMN gis.upload.crs_evidence IS '坐标系依据';
COMMENT ON COLUMN gis.upload.encoding IS '文字编码';
COMMENT ON COLUMN gis.upload.attribution IS '须在地图上注明的来源';
COMMENT ON COLUMN gis.upload.added IS '新增';
COMMENT ON COLUMN gis.upload.changed IS '变更';
COMMENT ON COLUMN gis.upload.moved IS '移位';
COMMENT ON COLUMN gis.upload.unchanged IS '未变';
COMMENT ON COLUMN gis.upload.refused IS '拒收';
COMMENT ON COLUMN gis.upload.actor IS '操作者';
COMMENT ON COLUMN gis.upload.committed_at IS '入库时间';
alter table gis.upload enable row level security;
create policy sees on gis.upload for select to gis_app using (community = any ((select gis.scope_communities())::text[]) or left(community, 9) = any ((select gis.scope(9))::text[]) or left(community, 6) = any ((select gis.scope(6))::text[]));
grant select on gis.upload to gis_app, gis_backup;
create policy adds on gis.upload for insert to gis_app with check (community = any ((select gis.scope_communities())::text[]) or left(community, 9) = any ((select gis.scope(9))::text[]) or left(community, 6) = any ((select gis.scope(6))::text[]));
grant insert on gis.upload to gis_app;
CREATE TABLE gis.layer_touch (
	xact TEXT NOT NULL, 
	community TEXT NOT NULL, 
	layer TEXT NOT NULL, 
	CONSTRAINT layer_touch_pkey PRIMARY KEY (xact, community, layer)
);
COMMENT ON TABLE gis.layer_touch IS '本事务改动过的图层;提交时转为版本号';
COMMENT ON COLUMN gis.layer_touch.xact IS '事务号';
COMMENT ON COLUMN gis.layer_touch.community IS '12 位社区代码';
COMMENT ON COLUMN gis.layer_touch.layer IS '图层';
create constraint trigger count_versions after insert on gis.layer_touch deferrable initially deferred for each row execute function gis.count_versions();
grant select on gis.layer_touch to gis_backup;
CREATE TABLE gis.water (
	community TEXT NOT NULL, 
	id UUID DEFAULT gen_random_uuid() NOT NULL, 
	grid TEXT, 
	code TEXT NOT NULL, 
	name TEXT, 
	source TEXT DEFAULT 'surveyed' NOT NULL, 
	accuracy TEXT, 
	surveyed_on DATE, 
	surveyor TEXT, 
	valid_from DATE, 
	valid_to DATE, 
	data_status TEXT DEFAULT 'normal' NOT NULL, 
	remark TEXT, 
	kind TEXT DEFAULT 'other' NOT NULL, 
	width_m DOUBLE PRECISION, 
	fenced BOOLEAN, 
	fire_intake BOOLEAN, 
	manager TEXT, 
	geom geometry(MULTIPOLYGON,4490) NOT NULL, 
	upload UUID DEFAULT nullif(current_setting('gis.upload', true), '')::uuid, 
	version INTEGER DEFAULT '1' NOT NULL, 
	recorded_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL, 
	recorded_by TEXT DEFAULT coalesce(nullif(current_setting('gis.actor', true), ''), session_user) NOT NULL, 
	CONSTRAINT water_pkey PRIMARY KEY (community, id), 
	CONSTRAINT water_community_digits CHECK (community ~ '^[0-9]{12}$'), 
	CONSTRAINT water_grid_in_community CHECK (left(grid, 12) = community and length(grid) = 15), 
	CONSTRAINT water_geom_valid CHECK (ST_IsValid(geom) and not ST_IsEmpty(geom)), 
	CONSTRAINT water_geom_on_globe CHECK (ST_XMin(geom) >= -180 and ST_XMax(geom) <= 180 and ST_YMin(geom) >= -90 and ST_YMax(geom) <= 90), 
	CONSTRAINT water_code_min_length CHECK (char_length(code) >= 1), 
	CONSTRAINT water_code_max_length CHECK (char_length(code) <= 64), 
	CONSTRAINT water_name_max_length CHECK (char_length(name) <= 200), 
	CONSTRAINT water_source_codes CHECK (source in ('surveyed', 'census', 'reported', 'open_data', 'synthetic')), 
	CONSTRAINT water_accuracy_codes CHECK (accuracy in ('A', 'B', 'C')), 
	CONSTRAINT water_surveyor_max_length CHECK (char_length(surveyor) <= 60), 
	CONSTRAINT water_data_status_codes CHECK (data_status in ('normal', 'to_check', 'void')), 
	CONSTRAINT water_remark_max_length CHECK (char_length(remark) <= 2000), 
	CONSTRAINT water_kind_codes CHECK (kind in ('river', 'riverbank', 'stream', 'canal', 'ditch', 'dock', 'lake', 'pond', 'basin', 'reservoir', 'swimming_pool', 'fountain', 'water', 'other')), 
	CONSTRAINT water_width_m_finite CHECK (width_m > '-infinity' and width_m < 'infinity'), 
	CONSTRAINT water_width_m_minimum CHECK (width_m > 0), 
	CONSTRAINT water_width_m_maximum CHECK (width_m <= 20000), 
	CONSTRAINT water_manager_max_length CHECK (char_length(manager) <= 120), 
	CONSTRAINT water_key UNIQUE (community, code), 
	CONSTRAINT water_community_fkey FOREIGN KEY(community) REFERENCES gis.area (code)
);
CREATE INDEX water_geom_idx ON gis.water USING gist (geom);
CREATE INDEX water_grid_idx ON gis.water (community, grid);
COMMENT ON TABLE gis.water IS '水系:河道、河浜和池塘:步行和消防水带难以跨越。';
COMMENT ON COLUMN gis.water.community IS '12 位社区代码';
COMMENT ON COLUMN gis.water.id IS '标识';
COMMENT ON COLUMN gis.water.grid IS '15 位网格代码,由几何推出';
COMMENT ON COLUMN gis.water.code IS '编码';
COMMENT ON COLUMN gis.water.name IS '名称';
COMMENT ON COLUMN gis.water.source IS '数据来源';
COMMENT ON COLUMN gis.water.accuracy IS '定位精度';
COMMENT ON COLUMN gis.water.surveyed_on IS '调查日期';
COMMENT ON COLUMN gis.water.surveyor IS '调查岗位';
COMMENT ON COLUMN gis.water.valid_from IS '生效日期';
COMMENT ON COLUMN gis.water.valid_to IS '失效日期';
COMMENT ON COLUMN gis.water.data_status IS '数据状态';
COMMENT ON COLUMN gis.water.remark IS '备注';
COMMENT ON COLUMN gis.water.kind IS '水体类型';
COMMENT ON COLUMN gis.water.width_m IS '平均宽度(m)';
COMMENT ON COLUMN gis.water.fenced IS '护栏';
COMMENT ON COLUMN gis.water.fire_intake IS '消防取水点';
COMMENT ON COLUMN gis.water.manager IS '管理单位';
COMMENT ON COLUMN gis.water.geom IS '几何,CGCS2000 经纬度';
COMMENT ON COLUMN gis.water.upload IS '写入它的上传';
COMMENT ON COLUMN gis.water.version IS '行版本';
COMMENT ON COLUMN gis.water.recorded_at IS '记录时间';
COMMENT ON COLUMN gis.water.recorded_by IS '记录者';
CREATE TABLE gis.water_history (
	community TEXT NOT NULL, 
	id UUID NOT NULL, 
	grid TEXT, 
	code TEXT NOT NULL, 
	name TEXT, 
	source TEXT NOT NULL, 
	accuracy TEXT, 
	surveyed_on DATE, 
	surveyor TEXT, 
	valid_from DATE, 
	valid_to DATE, 
	data_status TEXT NOT NULL, 
	remark TEXT, 
	kind TEXT NOT NULL, 
	width_m DOUBLE PRECISION, 
	fenced BOOLEAN, 
	fire_intake BOOLEAN, 
	manager TEXT, 
	geom geometry(MULTIPOLYGON,4490) NOT NULL, 
	upload UUID, 
	version INTEGER NOT NULL, 
	recorded_at TIMESTAMP WITH TIME ZONE NOT NULL, 
	recorded_by TEXT NOT NULL, 
	operation TEXT NOT NULL, 
	recorded_to TIMESTAMP WITH TIME ZONE DEFAULT 'infinity' NOT NULL, 
	written_at TIMESTAMP WITH TIME ZONE DEFAULT clock_timestamp() NOT NULL, 
	CONSTRAINT water_history_pkey PRIMARY KEY (community, id, version, recorded_at, written_at)
);
CREATE UNIQUE INDEX water_history_current_idx ON gis.water_history (community, id) WHERE recorded_to = 'infinity';
COMMENT ON TABLE gis.water_history IS '水系的历史版本';
COMMENT ON COLUMN gis.water_history.community IS '12 位社区代码';
COMMENT ON COLUMN gis.water_history.id IS '标识';
COMMENT ON COLUMN gis.water_history.grid IS '15 位网格代码,由几何推出';
COMMENT ON COLUMN gis.water_history.code IS '编码';
COMMENT ON COLUMN gis.water_history.name IS '名称';
COMMENT ON COLUMN gis.water_history.source IS '数据来源';
COMMENT ON COLUMN gis.water_history.accuracy IS '定位精度';
COMMENT ON COLUMN gis.water_history.surveyed_on IS '调查日期';
COMMENT ON COLUMN gis.water_history.surveyor IS '调查岗位';
COMMENT ON COLUMN gis.water_history.valid_from IS '生效日期';
COMMENT ON COLUMN gis.water_history.valid_to IS '失效日期';
COMMENT ON COLUMN gis.water_history.data_status IS '数据状态';
COMMENT ON COLUMN gis.water_history.remark IS '备注';
COMMENT ON COLUMN gis.water_history.kind IS '水体类型';
COMMENT ON COLUMN gis.water_history.width_m IS '平均宽度(m)';
COMMENT ON COLUMN gis.water_history.fenced IS '护栏';
COMMENT ON COLUMN gis.water_history.fire_intake IS '消防取水点';
COMMENT ON COLUMN gis.water_history.manager IS '管理单位';
COMMENT ON COLUMN gis.water_history.geom IS '几何,CGCS2000 经纬度';
COMMENT ON COLUMN gis.water_history.upload IS '写入它的上传';
COMMENT ON COLUMN gis.water_history.version IS '行版本';
COMMENT ON COLUMN gis.water_history.recorded_at IS '记录时间';
COMMENT ON COLUMN gis.water_history.recorded_by IS '记录者';
COMMENT ON COLUMN gis.water_history.operation IS 'insert、update 或 delete';
COMMENT ON COLUMN gis.water_history.recorded_to IS '记录止于';
COMMENT ON COLUMN gis.water_history.written_at IS '写入时刻';
alter table gis.water enable row level security;
create policy sees on gis.water for select to gis_app using (community = any ((select gis.scope_communities())::text[]) or left(community, 9) = any ((select gis.scope(9))::text[]) or left(community, 6) = any ((select gis.scope(6))::text[]));
create policy adds on gis.water for insert to gis_app with check (community = any ((select gis.scope(12))::text[]) or grid = any ((select gis.scope(15))::text[]) or left(community, 9) = any ((select gis.scope(9))::text[]) or left(community, 6) = any ((select gis.scope(6))::text[]));
create policy changes on gis.water for update to gis_app using (community = any ((select gis.scope(12))::text[]) or grid = any ((select gis.scope(15))::text[]) or left(community, 9) = any ((select gis.scope(9))::text[]) or left(community, 6) = any ((select gis.scope(6))::text[])) with check (community = any ((select gis.scope(12))::text[]) or grid = any ((select gis.scope(15))::text[]) or left(community, 9) = any ((select gis.scope(9))::text[]) or left(community, 6) = any ((select gis.scope(6))::text[]));
create policy removes on gis.water for delete to gis_app using (community = any ((select gis.scope(12))::text[]) or grid = any ((select gis.scope(15))::text[]) or left(community, 9) = any ((select gis.scope(9))::text[]) or left(community, 6) = any ((select gis.scope(6))::text[]));
grant select, delete, insert (community, id, grid, code, name, source, accuracy, surveyed_on, surveyor, valid_from, valid_to, data_status, remark, kind, width_m, fenced, fire_intake, manager, geom), update (community, id, grid, code, name, source, accuracy, surveyed_on, surveyor, valid_from, valid_to, data_status, remark, kind, width_m, fenced, fire_intake, manager, geom) on gis.water to gis_app;
grant select on gis.water to gis_backup;
alter table gis.water_history enable row level security;
create policy sees on gis.water_history for select to gis_app using (community = any ((select gis.scope_communities())::text[]) or left(community, 9) = any ((select gis.scope(9))::text[]) or left(community, 6) = any ((select gis.scope(6))::text[]));
grant select on gis.water_history to gis_app, gis_backup;
create trigger mark_version before update on gis.water for each row execute function gis.mark_version();
create trigger refuse_truncate before truncate on gis.water for each statement execute function gis.refuse_truncate();
create trigger history_on_insert after insert on gis.water referencing new table as new_rows for each statement execute function gis.write_history();
create trigger settle_grid_on_insert after insert on gis.water referencing new table as new_rows for each statement execute function gis.settle_grid();
create trigger history_on_update after update on gis.water referencing old table as old_rows new table as new_rows for each statement execute function gis.write_history();
create trigger settle_grid_on_update after update on gis.water referencing new table as new_rows for each statement execute function gis.settle_grid();
create trigger history_on_delete after delete on gis.water referencing old table as old_rows for each statement execute function gis.write_history();
CREATE TABLE gis.green (
	community TEXT NOT NULL, 
	id UUID DEFAULT gen_random_uuid() NOT NULL, 
	grid TEXT, 
	code TEXT NOT NULL, 
	name TEXT, 
	source TEXT DEFAULT 'surveyed' NOT NULL, 
	accuracy TEXT, 
	surveyed_on DATE, 
	surveyor TEXT, 
	valid_from DATE, 
	valid_to DATE, 
	data_status TEXT DEFAULT 'normal' NOT NULL, 
	remark TEXT, 
	kind TEXT DEFAULT 'other' NOT NULL, 
	occupation TEXT DEFAULT 'intact' NOT NULL, 
	manager TEXT, 
	geom geometry(MULTIPOLYGON,4490) NOT NULL, 
	upload UUID DEFAULT nullif(current_setting('gis.upload', true), '')::uuid, 
	version INTEGER DEFAULT '1' NOT NULL, 
	recorded_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL, 
	recorded_by TEXT DEFAULT coalesce(nullif(current_setting('gis.actor', true), ''), session_user) NOT NULL, 
	CONSTRAINT green_pkey PRIMARY KEY (community, id), 
	CONSTRAINT green_community_digits CHECK (community ~ '^[0-9]{12}$'), 
	CONSTRAINT green_grid_in_community CHECK (left(grid, 12) = community and length(grid) = 15), 
	CONSTRAINT green_geom_valid CHECK (ST_IsValid(geom) and not ST_IsEmpty(geom)), 
	CONSTRAINT green_geom_on_globe CHECK (ST_XMin(geom) >= -180 and ST_XMax(geom) <= 180 and ST_YMin(geom) >= -90 and ST_YMax(geom) <= 90), 
	CONSTRAINT green_code_min_length CHECK (char_length(code) >= 1), 
	CONSTRAINT green_code_max_length CHECK (char_length(code) <= 64), 
	CONSTRAINT green_name_max_length CHECK (char_length(name) <= 200), 
	CONSTRAINT green_source_codes CHECK (source in ('surveyed', 'census', 'reported', 'open_data', 'synthetic')), 
	CONSTRAINT green_accuracy_codes CHECK (accuracy in ('A', 'B', 'C')), 
	CONSTRAINT green_surveyor_max_length CHECK (char_length(surveyor) <= 60), 
	CONSTRAINT green_data_status_codes CHECK (data_status in ('normal', 'to_check', 'void')), 
	CONSTRAINT green_remark_max_length CHECK (char_length(remark) <= 2000), 
	CONSTRAINT green_kind_codes CHECK (kind in ('park', 'garden', 'estate_green', 'roadside', 'waterside', 'protection', 'grass', 'forest', 'natural_wood', 'wood', 'tree_row', 'hedge', 'recreation_ground', 'protected_area', 'farmland', 'other')), 
	CONSTRAINT green_occupation_codes CHECK (occupation in ('intact', 'vegetables', 'parking', 'trodden', 'stacked', 'built', 'bare')), 
	CONSTRAINT green_manager_max_length CHECK (char_length(manager) <= 120), 
	CONSTRAINT green_key UNIQUE (community, code), 
	CONSTRAINT green_community_fkey FOREIGN KEY(community) REFERENCES gis.area (code)
);
CREATE INDEX green_geom_idx ON gis.green USING gist (geom);
CREATE INDEX green_grid_idx ON gis.green (community, grid);
COMMENT ON TABLE gis.green IS '绿地:公共绿地,以及被占用的情况。';
COMMENT ON COLUMN gis.green.community IS '12 位社区代码';
COMMENT ON COLUMN gis.green.id IS '标识';
COMMENT ON COLUMN gis.green.grid IS '15 位网格代码,由几何推出';
COMMENT ON COLUMN gis.green.code IS '编码';
COMMENT ON COLUMN gis.green.name IS '名称';
COMMENT ON COLUMN gis.green.source IS '数据来源';
COMMENT ON COLUMN gis.green.accuracy IS '定位精度';
COMMENT ON COLUMN gis.green.surveyed_on IS '调查日期';
COMMENT ON COLUMN gis.green.surveyor IS '调查岗位';
COMMENT ON COLUMN gis.green.valid_from IS '生效日期';
COMMENT ON COLUMN gis.green.valid_to IS '失效日期';
COMMENT ON COLUMN gis.green.data_status IS '数据状态';
COMMENT ON COLUMN gis.green.remark IS '备注';
COMMENT ON COLUMN gis.green.kind IS '绿地类型';
COMMENT ON COLUMN gis.green.occupation IS '占用情况';
COMMENT ON COLUMN gis.green.manager IS '养护单位';
COMMENT ON COLUMN gis.green.geom IS '几何,CGCS2000 经纬度';
COMMENT ON COLUMN gis.green.upload IS '写入它的上传';
COMMENT ON COLUMN gis.green.version IS '行版本';
COMMENT ON COLUMN gis.green.recorded_at IS '记录时间';
COMMENT ON COLUMN gis.green.recorded_by IS '记录者';
CREATE TABLE gis.green_history (
	community TEXT NOT NULL, 
	id UUID NOT NULL, 
	grid TEXT, 
	code TEXT NOT NULL, 
	name TEXT, 
	source TEXT NOT NULL, 
	accuracy TEXT, 
	surveyed_on DATE, 
	surveyor TEXT, 
	valid_from DATE, 
	valid_to DATE, 
	data_status TEXT NOT NULL, 
	remark TEXT, 
	kind TEXT NOT NULL, 
	occupation TEXT NOT NULL, 
	manager TEXT, 
	geom geometry(MULTIPOLYGON,4490) NOT NULL, 
	upload UUID, 
	version INTEGER NOT NULL, 
	recorded_at TIMESTAMP WITH TIME ZONE NOT NULL, 
	recorded_by TEXT NOT NULL, 
	operation TEXT NOT NULL, 
	recorded_to TIMESTAMP WITH TIME ZONE DEFAULT 'infinity' NOT NULL, 
	written_at TIMESTAMP WITH TIME ZONE DEFAULT clock_timestamp() NOT NULL, 
	CONSTRAINT green_history_pkey PRIMARY KEY (community, id, version, recorded_at, written_at)
);
CREATE UNIQUE INDEX green_history_current_idx ON gis.green_history (community, id) WHERE recorded_to = 'infinity';
COMMENT ON TABLE gis.green_history IS '绿地的历史版本';
COMMENT ON COLUMN gis.green_history.community IS '12 位社区代码';
COMMENT ON COLUMN gis.green_history.id IS '标识';
COMMENT ON COLUMN gis.green_history.grid IS '15 位网格代码,由几何推出';
COMMENT ON COLUMN gis.green_history.code IS '编码';
COMMENT ON COLUMN gis.green_history.name IS '名称';
COMMENT ON COLUMN gis.green_history.source IS '数据来源';
COMMENT ON COLUMN gis.green_history.accuracy IS '定位精度';
COMMENT ON COLUMN gis.green_history.surveyed_on IS '调查日期';
COMMENT ON COLUMN gis.green_history.surveyor IS '调查岗位';
COMMENT ON COLUMN gis.green_history.valid_from IS '生效日期';
COMMENT ON COLUMN gis.green_history.valid_to IS '失效日期';
COMMENT ON COLUMN gis.green_history.data_status IS '数据状态';
COMMENT ON COLUMN gis.green_history.remark IS '备注';
COMMENT ON COLUMN gis.green_history.kind IS '绿地类型';
COMMENT ON COLUMN gis.green_history.occupation IS '占用情况';
COMMENT ON COLUMN gis.green_history.manager IS '养护单位';
COMMENT ON COLUMN gis.green_history.geom IS '几何,CGCS2000 经纬度';
COMMENT ON COLUMN gis.green_history.upload IS '写入它的上传';
COMMENT ON COLUMN gis.green_history.version IS '行版本';
COMMENT ON COLUMN gis.green_history.recorded_at IS '记录时间';
COMMENT ON COLUMN gis.green_history.recorded_by IS '记录者';
COMMENT ON COLUMN gis.green_history.operation IS 'insert、update 或 delete';
COMMENT ON COLUMN gis.green_history.recorded_to IS '记录止于';
COMMENT ON COLUMN gis.green_history.written_at IS '写入时刻';
alter table gis.green enable row level security;
create policy sees on gis.green for select to gis_app using (community = any ((select gis.scope_communities())::text[]) or left(community, 9) = any ((select gis.scope(9))::text[]) or left(community, 6) = any ((select gis.scope(6))::text[]));
create policy adds on gis.green for insert to gis_app with check (community = any ((select gis.scope(12))::text[]) or grid = any ((select gis.scope(15))::text[]) or left(community, 9) = any ((select gis.scope(9))::text[]) or left(community, 6) = any ((select gis.scope(6))::text[]));
create policy changes on gis.green for update to gis_app using (community = any ((select gis.scope(12))::text[]) or grid = any ((select gis.scope(15))::text[]) or left(community, 9) = any ((select gis.scope(9))::text[]) or left(community, 6) = any ((select gis.scope(6))::text[])) with check (community = any ((select gis.scope(12))::text[]) or grid = any ((select gis.scope(15))::text[]) or left(community, 9) = any ((select gis.scope(9))::text[]) or left(community, 6) = any ((select gis.scope(6))::text[]));
create policy removes on gis.green for delete to gis_app using (community = any ((select gis.scope(12))::text[]) or grid = any ((select gis.scope(15))::text[]) or left(community, 9) = any ((select gis.scope(9))::text[]) or left(community, 6) = any ((select gis.scope(6))::text[]));
grant select, delete, insert (community, id, grid, code, name, source, accuracy, surveyed_on, surveyor, valid_from, valid_to, data_status, remark, kind, occupation, manager, geom), update (community, id, grid, code, name, source, accuracy, surveyed_on, surveyor, valid_from, valid_to, data_status, remark, kind, occupation, manager, geom) on gis.green to gis_app;
grant select on gis.green to gis_backup;
alter table gis.green_history enable row level security;
create policy sees on gis.green_history for select to gis_app using (community = any ((select gis.scope_communities())::text[]) or left(community, 9) = any ((select gis.scope(9))::text[]) or left(community, 6) = any ((select gis.scope(6))::text[]));
grant select on gis.green_history to gis_app, gis_backup;
create trigger mark_version before update on gis.green for each row execute function gis.mark_version();
create trigger refuse_truncate before truncate on gis.green for each statement execute function gis.refuse_truncate();
create trigger history_on_insert after insert on gis.green referencing new table as new_rows for each statement execute function gis.write_history();
create trigger settle_grid_on_insert after insert on gis.green referencing new table as new_rows for each statement execute function gis.settle_grid();
create trigger history_on_update after update on gis.green referencing old table as old_rows new table as new_rows for each statement execute function gis.write_history();
create trigger settle_grid_on_update after update on gis.green referencing new table as new_rows for each statement execute function gis.settle_grid();
create trigger history_on_delete after delete on gis.green referencing old table as old_rows for each statement execute function gis.write_history();
CREATE TABLE gis.estate (
	community TEXT NOT NULL, 
	id UUID DEFAULT gen_random_uuid() NOT NULL, 
	grid TEXT, 
	code TEXT NOT NULL, 
	name TEXT, 
	source TEXT DEFAULT 'surveyed' NOT NULL, 
	accuracy TEXT, 
	surveyed_on DATE, 
	surveyor TEXT, 
	valid_from DATE, 
	valid_to DATE, 
	data_status TEXT DEFAULT 'normal' NOT NULL, 
	remark TEXT, 
	kind TEXT DEFAULT 'other' NOT NULL, 
	built_year INTEGER, 
	management TEXT, 
	property_company TEXT, 
	household_count INTEGER, 
	household_local INTEGER, 
	building_count INTEGER, 
	timed_waste BOOLEAN, 
	address TEXT, 
	geom geometry(MULTIPOLYGON,4490) NOT NULL, 
	upload UUID DEFAULT nullif(current_setting('gis.upload', true), '')::uuid, 
	version INTEGER DEFAULT '1' NOT NULL, 
	recorded_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL, 
	recorded_by TEXT DEFAULT coalesce(nullif(current_setting('gis.actor', true), ''), session_user) NOT NULL, 
	CONSTRAINT estate_pkey PRIMARY KEY (community, id), 
	CONSTRAINT estate_community_digits CHECK (community ~ '^[0-9]{12}$'), 
	CONSTRAINT estate_grid_in_community CHECK (left(grid, 12) = community and length(grid) = 15), 
	CONSTRAINT estate_geom_valid CHECK (ST_IsValid(geom) and not ST_IsEmpty(geom)), 
	CONSTRAINT estate_geom_on_globe CHECK (ST_XMin(geom) >= -180 and ST_XMax(geom) <= 180 and ST_YMin(geom) >= -90 and ST_YMax(geom) <= 90), 
	CONSTRAINT estate_code_min_length CHECK (char_length(code) >= 1), 
	CONSTRAINT estate_code_max_length CHECK (char_length(code) <= 64), 
	CONSTRAINT estate_name_max_length CHECK (char_length(name) <= 200), 
	CONSTRAINT estate_source_codes CHECK (source in ('surveyed', 'census', 'reported', 'open_data', 'synthetic')), 
	CONSTRAINT estate_accuracy_codes CHECK (accuracy in ('A', 'B', 'C')), 
	CONSTRAINT estate_surveyor_max_length CHECK (char_length(surveyor) <= 60), 
	CONSTRAINT estate_data_status_codes CHECK (data_status in ('normal', 'to_check', 'void')), 
	CONSTRAINT estate_remark_max_length CHECK (char_length(remark) <= 2000), 
	CONSTRAINT estate_kind_codes CHECK (kind in ('self_built', 'resettlement', 'commodity', 'dormitory', 'residential', 'other')), 
	CONSTRAINT estate_built_year_minimum CHECK (built_year >= 1900), 
	CONSTRAINT estate_built_year_maximum CHECK (built_year <= 2100), 
	CONSTRAINT estate_management_codes CHECK (management in ('property_company', 'residents_committee', 'owners', 'none')), 
	CONSTRAINT estate_property_company_max_length CHECK (char_length(property_company) <= 120), 
	CONSTRAINT estate_household_count_minimum CHECK (household_count >= 0), 
	CONSTRAINT estate_household_count_maximum CHECK (household_count <= 20000), 
	CONSTRAINT estate_household_local_minimum CHECK (household_local >= 0), 
	CONSTRAINT estate_household_local_maximum CHECK (household_local <= 20000), 
	CONSTRAINT estate_building_count_minimum CHECK (building_count >= 0), 
	CONSTRAINT estate_building_count_maximum CHECK (building_count <= 5000), 
	CONSTRAINT estate_address_max_length CHECK (char_length(address) <= 200), 
	CONSTRAINT estate_key UNIQUE (community, code), 
	CONSTRAINT estate_community_fkey FOREIGN KEY(community) REFERENCES gis.area (code)
);
CREATE INDEX estate_geom_idx ON gis.estate USING gist (geom);
CREATE INDEX estate_grid_idx ON gis.estate (community, grid);
COMMENT ON TABLE gis.estate IS '小区:住宅小区。';
COMMENT ON COLUMN gis.estate.community IS '12 位社区代码';
COMMENT ON COLUMN gis.estate.id IS '标识';
COMMENT ON COLUMN gis.estate.grid IS '15 位网格代码,由几何推出';
COMMENT ON COLUMN gis.estate.code IS '编码';
COMMENT ON COLUMN gis.estate.name IS '名称';
COMMENT ON COLUMN gis.estate.source IS '数据来源';
COMMENT ON COLUMN gis.estate.accuracy IS '定位精度';
COMMENT ON COLUMN gis.estate.surveyed_on IS '调查日期';
COMMENT ON COLUMN gis.estate.surveyor IS '调查岗位';
COMMENT ON COLUMN gis.estate.valid_from IS '生效日期';
COMMENT ON COLUMN gis.estate.valid_to IS '失效日期';
COMMENT ON COLUMN gis.estate.data_status IS '数据状态';
COMMENT ON COLUMN gis.estate.remark IS '备注';
COMMENT ON COLUMN gis.estate.kind IS '小区类型';
COMMENT ON COLUMN gis.estate.built_year IS '建成年份(年)';
COMMENT ON COLUMN gis.estate.management IS '管理方式';
COMMENT ON COLUMN gis.estate.property_company IS '物业企业';
COMMENT ON COLUMN gis.estate.household_count IS '总户数(户)';
COMMENT ON COLUMN gis.estate.household_local IS '户籍户数(户)';
COMMENT ON COLUMN gis.estate.building_count IS '楼栋数(幢)';
COMMENT ON COLUMN gis.estate.timed_waste IS '定时定点投放';
COMMENT ON COLUMN gis.estate.address IS '地址';
COMMENT ON COLUMN gis.estate.geom IS '几何,CGCS2000 经纬度';
COMMENT ON COLUMN gis.estate.upload IS '写入它的上传';
COMMENT ON COLUMN gis.estate.version IS '行版本';
COMMENT ON COLUMN gis.estate.recorded_at IS '记录时间';
COMMENT ON COLUMN gis.estate.recorded_by IS '记录者';
CREATE TABLE gis.estate_history (
	community TEXT NOT NULL, 
	id UUID NOT NULL, 
	grid TEXT, 
	code TEXT NOT NULL, 
	name TEXT, 
	source TEXT NOT NULL, 
	accuracy TEXT, 
	surveyed_on DATE, 
	surveyor TEXT, 
	valid_from DATE, 
	valid_to DATE, 
	data_status TEXT NOT NULL, 
	remark TEXT, 
	kind TEXT NOT NULL, 
	built_year INTEGER, 
	management TEXT, 
	property_company TEXT, 
	household_count INTEGER, 
	household_local INTEGER, 
	building_count INTEGER, 
	timed_waste BOOLEAN, 
	address TEXT, 
	geom geometry(MULTIPOLYGON,4490) NOT NULL, 
	upload UUID, 
	version INTEGER NOT NULL, 
	recorded_at TIMESTAMP WITH TIME ZONE NOT NULL, 
	recorded_by TEXT NOT NULL, 
	operation TEXT NOT NULL, 
	recorded_to TIMESTAMP WITH TIME ZONE DEFAULT 'infinity' NOT NULL, 
	written_at TIMESTAMP WITH TIME ZONE DEFAULT clock_timestamp() NOT NULL, 
	CONSTRAINT estate_history_pkey PRIMARY KEY (community, id, version, recorded_at, written_at)
);
CREATE UNIQUE INDEX estate_history_current_idx ON gis.estate_history (community, id) WHERE recorded_to = 'infinity';
COMMENT ON TABLE gis.estate_history IS '小区的历史版本';
COMMENT ON COLUMN gis.estate_history.community IS '12 位社区代码';
COMMENT ON COLUMN gis.estate_history.id IS '标识';
COMMENT ON COLUMN gis.estate_history.grid IS '15 位网格代码,由几何推出';
COMMENT ON COLUMN gis.estate_history.code IS '编码';
COMMENT ON COLUMN gis.estate_history.name IS '名称';
COMMENT ON COLUMN gis.estate_history.source IS '数据来源';
COMMENT ON COLUMN gis.estate_history.accuracy IS '定位精度';
COMMENT ON COLUMN gis.estate_history.surveyed_on IS '调查日期';
COMMENT ON COLUMN gis.estate_history.surveyor IS '调查岗位';
COMMENT ON COLUMN gis.estate_history.valid_from IS '生效日期';
COMMENT ON COLUMN gis.estate_history.valid_to IS '失效日期';
COMMENT ON COLUMN gis.estate_history.data_status IS '数据状态';
COMMENT ON COLUMN gis.estate_history.remark IS '备注';
COMMENT ON COLUMN gis.estate_history.kind IS '小区类型';
COMMENT ON COLUMN gis.estate_history.built_year IS '建成年份(年)';
COMMENT ON COLUMN gis.estate_history.management IS '管理方式';
COMMENT ON COLUMN gis.estate_history.property_company IS '物业企业';
COMMENT ON COLUMN gis.estate_history.household_count IS '总户数(户)';
COMMENT ON COLUMN gis.estate_history.household_local IS '户籍户数(户)';
COMMENT ON COLUMN gis.estate_history.building_count IS '楼栋数(幢)';
COMMENT ON COLUMN gis.estate_history.timed_waste IS '定时定点投放';
COMMENT ON COLUMN gis.estate_history.address IS '地址';
COMMENT ON COLUMN gis.estate_history.geom IS '几何,CGCS2000 经纬度';
COMMENT ON COLUMN gis.estate_history.upload IS '写入它的上传';
COMMENT ON COLUMN gis.estate_history.version IS '行版本';
COMMENT ON COLUMN gis.estate_history.recorded_at IS '记录时间';
COMMENT ON COLUMN gis.estate_history.recorded_by IS '记录者';
COMMENT ON COLUMN gis.estate_history.operation IS 'insert、update 或 delete';
COMMENT ON COLUMN gis.estate_history.recorded_to IS '记录止于';
COMMENT ON COLUMN gis.estate_history.written_at IS '写入时刻';
alter table gis.estate enable row level security;
create policy sees on gis.estate for select to gis_app using (community = any ((select gis.scope_communities())::text[]) or left(community, 9) = any ((select gis.scope(9))::text[]) or left(community, 6) = any ((select gis.scope(6))::text[]));
create policy adds on gis.estate for insert to gis_app with check (community = any ((select gis.scope(12))::text[]) or grid = any ((select gis.scope(15))::text[]) or left(community, 9) = any ((select gis.scope(9))::text[]) or left(community, 6) = any ((select gis.scope(6))::text[]));
create policy changes on gis.estate for update to gis_app using (community = any ((select gis.scope(12))::text[]) or grid = any ((select gis.scope(15))::text[]) or left(community, 9) = any ((select gis.scope(9))::text[]) or left(community, 6) = any ((select gis.scope(6))::text[])) with check (community = any ((select gis.scope(12))::text[]) or grid = any ((select gis.scope(15))::text[]) or left(community, 9) = any ((select gis.scope(9))::text[]) or left(community, 6) = any ((select gis.scope(6))::text[]));
create policy removes on gis.estate for delete to gis_app using (community = any ((select gis.scope(12))::text[]) or grid = any ((select gis.scope(15))::text[]) or left(community, 9) = any ((select gis.scope(9))::text[]) or left(community, 6) = any ((select gis.scope(6))::text[]));
grant select, delete, insert (community, id, grid, code, name, source, accuracy, surveyed_on, surveyor, valid_from, valid_to, data_status, remark, kind, built_year, management, property_company, household_count, household_local, building_count, timed_waste, address, geom), update (community, id, grid, code, name, source, accuracy, surveyed_on, surveyor, valid_from, valid_to, data_status, remark, kind, built_year, management, property_company, household_count, household_local, building_count, timed_waste, address, geom) on gis.estate to gis_app;
grant select on gis.estate to gis_backup;
alter table gis.estate_history enable row level security;
create policy sees on gis.estate_history for select to gis_app using (community = any ((select gis.scope_communities())::text[]) or left(community, 9) = any ((select gis.scope(9))::text[]) or left(community, 6) = any ((select gis.scope(6))::text[]));
grant select on gis.estate_history to gis_app, gis_backup;
create trigger mark_version before update on gis.estate for each row execute function gis.mark_version();
create trigger refuse_truncate before truncate on gis.estate for each statement execute function gis.refuse_truncate();
create trigger history_on_insert after insert on gis.estate referencing new table as new_rows for each statement execute function gis.write_history();
create trigger settle_grid_on_insert after insert on gis.estate referencing new table as new_rows for each statement execute function gis.settle_grid();
create trigger history_on_update after update on gis.estate referencing old table as old_rows new table as new_rows for each statement execute function gis.write_history();
create trigger settle_grid_on_update after update on gis.estate referencing new table as new_rows for each statement execute function gis.settle_grid();
create trigger history_on_delete after delete on gis.estate referencing old table as old_rows for each statement execute function gis.write_history();
CREATE TABLE gis.enterprise_plot (
	community TEXT NOT NULL, 
	id UUID DEFAULT gen_random_uuid() NOT NULL, 
	grid TEXT, 
	code TEXT NOT NULL, 
	name TEXT, 
	source TEXT DEFAULT 'surveyed' NOT NULL, 
	accuracy TEXT, 
	surveyed_on DATE, 
	surveyor TEXT, 
	valid_from DATE, 
	valid_to DATE, 
	data_status TEXT DEFAULT 'normal' NOT NULL, 
	remark TEXT, 
	kind TEXT DEFAULT 'other' NOT NULL, 
	land_use TEXT DEFAULT 'unknown' NOT NULL, 
	lessor TEXT, 
	lessor_code TEXT, 
	fenced TEXT, 
	floor_area_m2 DOUBLE PRECISION, 
	let_area_m2 DOUBLE PRECISION, 
	last_unified_check_on DATE, 
	drainage TEXT DEFAULT 'unchecked' NOT NULL, 
	address TEXT, 
	geom geometry(MULTIPOLYGON,4490) NOT NULL, 
	upload UUID DEFAULT nullif(current_setting('gis.upload', true), '')::uuid, 
	version INTEGER DEFAULT '1' NOT NULL, 
	recorded_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL, 
	recorded_by TEXT DEFAULT coalesce(nullif(current_setting('gis.actor', true), ''), session_user) NOT NULL, 
	CONSTRAINT enterprise_plot_pkey PRIMARY KEY (community, id), 
	CONSTRAINT enterprise_plot_community_digits CHECK (community ~ '^[0-9]{12}$'), 
	CONSTRAINT enterprise_plot_grid_in_community CHECK (left(grid, 12) = community and length(grid) = 15), 
	CONSTRAINT enterprise_plot_geom_valid CHECK (ST_IsValid(geom) and not ST_IsEmpty(geom)), 
	CONSTRAINT enterprise_plot_geom_on_globe CHECK (ST_XMin(geom) >= -180 and ST_XMax(geom) <= 180 and ST_YMin(geom) >= -90 and ST_YMax(geom) <= 90), 
	CONSTRAINT enterprise_plot_code_min_length CHECK (char_length(code) >= 1), 
	CONSTRAINT enterprise_plot_code_max_length CHECK (char_length(code) <= 64), 
	CONSTRAINT enterprise_plot_name_max_length CHECK (char_length(name) <= 200), 
	CONSTRAINT enterprise_plot_source_codes CHECK (source in ('surveyed', 'census', 'reported', 'open_data', 'synthetic')), 
	CONSTRAINT enterprise_plot_accuracy_codes CHECK (accuracy in ('A', 'B', 'C')), 
	CONSTRAINT enterprise_plot_surveyor_max_length CHECK (char_length(surveyor) <= 60), 
	CONSTRAINT enterprise_plot_data_status_codes CHECK (data_status in ('normal', 'to_check', 'void')), 
	CONSTRAINT enterprise_plot_remark_max_length CHECK (char_length(remark) <= 2000), 
	CONSTRAINT enterprise_plot_kind_codes CHECK (kind in ('industrial', 'standard_workshop', 'warehouse', 'commercial', 'retail', 'fuel', 'construction', 'vacant', 'other')), 
	CONSTRAINT enterprise_plot_land_use_codes CHECK (land_use in ('0501', '0502', '0503', '0504', '0505', '0507', '0601', '0604', '0701', '0702', 'unknown')), 
	CONSTRAINT enterprise_plot_lessor_max_length CHECK (char_length(lessor) <= 160), 
	CONSTRAINT enterprise_plot_lessor_code_max_length CHECK (char_length(lessor_code) <= 64), 
	CONSTRAINT enterprise_plot_fenced_codes CHECK (fenced in ('wall', 'fence', 'open')), 
	CONSTRAINT enterprise_plot_floor_area_m2_finite CHECK (floor_area_m2 > '-infinity' and floor_area_m2 < 'infinity'), 
	CONSTRAINT enterprise_plot_floor_area_m2_minimum CHECK (floor_area_m2 >= 0), 
	CONSTRAINT enterprise_plot_floor_area_m2_maximum CHECK (floor_area_m2 <= 5000000), 
	CONSTRAINT enterprise_plot_let_area_m2_finite CHECK (let_area_m2 > '-infinity' and let_area_m2 < 'infinity'), 
	CONSTRAINT enterprise_plot_let_area_m2_minimum CHECK (let_area_m2 >= 0), 
	CONSTRAINT enterprise_plot_let_area_m2_maximum CHECK (let_area_m2 <= 5000000), 
	CONSTRAINT enterprise_plot_drainage_codes CHECK (drainage in ('separated', 'mixed', 'unchecked')), 
	CONSTRAINT enterprise_plot_address_max_length CHECK (char_length(address) <= 200), 
	CONSTRAINT enterprise_plot_key UNIQUE (community, code), 
	CONSTRAINT enterprise_plot_community_fkey FOREIGN KEY(community) REFERENCES gis.area (code)
);
CREATE INDEX enterprise_plot_geom_idx ON gis.enterprise_plot USING gist (geom);
CREATE INDEX enterprise_plot_grid_idx ON gis.enterprise_plot (community, grid);
COMMENT ON TABLE gis.enterprise_plot IS '企业地块:一家企业持有的地块,上面可能还有别的企业生产。';
COMMENT ON COLUMN gis.enterprise_plot.community IS '12 位社区代码';
COMMENT ON COLUMN gis.enterprise_plot.id IS '标识';
COMMENT ON COLUMN gis.enterprise_plot.grid IS '15 位网格代码,由几何推出';
COMMENT ON COLUMN gis.enterprise_plot.code IS '编码';
COMMENT ON COLUMN gis.enterprise_plot.name IS '名称';
COMMENT ON COLUMN gis.enterprise_plot.source IS '数据来源';
COMMENT ON COLUMN gis.enterprise_plot.accuracy IS '定位精度';
COMMENT ON COLUMN gis.enterprise_plot.surveyed_on IS '调查日期';
COMMENT ON COLUMN gis.enterprise_plot.surveyor IS '调查岗位';
COMMENT ON COLUMN gis.enterprise_plot.valid_from IS '生效日期';
COMMENT ON COLUMN gis.enterprise_plot.valid_to IS '失效日期';
COMMENT ON COLUMN gis.enterprise_plot.data_status IS '数据状态';
COMMENT ON COLUMN gis.enterprise_plot.remark IS '备注';
COMMENT ON COLUMN gis.enterprise_plot.kind IS '地块类型';
COMMENT ON COLUMN gis.enterprise_plot.land_use IS '土地用途';
COMMENT ON COLUMN gis.enterprise_plot.lessor IS '权利人';
COMMENT ON COLUMN gis.enterprise_plot.lessor_code IS '权利人企业编码';
COMMENT ON COLUMN gis.enterprise_plot.fenced IS '围挡情况';
COMMENT ON COLUMN gis.enterprise_plot.floor_area_m2 IS '建筑面积(m²)';
COMMENT ON COLUMN gis.enterprise_plot.let_area_m2 IS '出租面积(m²)';
COMMENT ON COLUMN gis.enterprise_plot.last_unified_check_on IS '最近统一检查';
COMMENT ON COLUMN gis.enterprise_plot.drainage IS '排水情况';
COMMENT ON COLUMN gis.enterprise_plot.address IS '地址';
COMMENT ON COLUMN gis.enterprise_plot.geom IS '几何,CGCS2000 经纬度';
COMMENT ON COLUMN gis.enterprise_plot.upload IS '写入它的上传';
COMMENT ON COLUMN gis.enterprise_plot.version IS '行版本';
COMMENT ON COLUMN gis.enterprise_plot.recorded_at IS '记录时间';
COMMENT ON COLUMN gis.enterprise_plot.recorded_by IS '记录者';
CREATE TABLE gis.enterprise_plot_history (
	community TEXT NOT NULL, 
	id UUID NOT NULL, 
	grid TEXT, 
	code TEXT NOT NULL, 
	name TEXT, 
	source TEXT NOT NULL, 
	accuracy TEXT, 
	surveyed_on DATE, 
	surveyor TEXT, 
	valid_from DATE, 
	valid_to DATE, 
	data_status TEXT NOT NULL, 
	remark TEXT, 
	kind TEXT NOT NULL, 
	land_use TEXT NOT NULL, 
	lessor TEXT, 
	lessor_code TEXT, 
	fenced TEXT, 
	floor_area_m2 DOUBLE PRECISION, 
	let_area_m2 DOUBLE PRECISION, 
	last_unified_check_on DATE, 
	drainage TEXT NOT NULL, 
	address TEXT, 
	geom geometry(MULTIPOLYGON,4490) NOT NULL, 
	upload UUID, 
	version INTEGER NOT NULL, 
	recorded_at TIMESTAMP WITH TIME ZONE NOT NULL, 
	recorded_by TEXT NOT NULL, 
	operation TEXT NOT NULL, 
	recorded_to TIMESTAMP WITH TIME ZONE DEFAULT 'infinity' NOT NULL, 
	written_at TIMESTAMP WITH TIME ZONE DEFAULT clock_timestamp() NOT NULL, 
	CONSTRAINT enterprise_plot_history_pkey PRIMARY KEY (community, id, version, recorded_at, written_at)
);
CREATE UNIQUE INDEX enterprise_plot_history_current_idx ON gis.enterprise_plot_history (community, id) WHERE recorded_to = 'infinity';
COMMENT ON TABLE gis.enterprise_plot_history IS '企业地块的历史版本';
COMMENT ON COLUMN gis.enterprise_plot_history.community IS '12 位社区代码';
COMMENT ON COLUMN gis.enterprise_plot_history.id IS '标识';
COMMENT ON COLUMN gis.enterprise_plot_history.grid IS '15 位网格代码,由几何推出';
COMMENT ON COLUMN gis.enterprise_plot_history.code IS '编码';
COMMENT ON COLUMN gis.enterprise_plot_history.name IS '名称';
COMMENT ON COLUMN gis.enterprise_plot_history.source IS '数据来源';
COMMENT ON COLUMN gis.enterprise_plot_history.accuracy IS '定位精度';
COMMENT ON COLUMN gis.enterprise_plot_history.surveyed_on IS '调查日期';
COMMENT ON COLUMN gis.enterprise_plot_history.surveyor IS '调查岗位';
COMMENT ON COLUMN gis.enterprise_plot_history.valid_from IS '生效日期';
COMMENT ON COLUMN gis.enterprise_plot_history.valid_to IS '失效日期';
COMMENT ON COLUMN gis.enterprise_plot_history.data_status IS '数据状态';
COMMENT ON COLUMN gis.enterprise_plot_history.remark IS '备注';
COMMENT ON COLUMN gis.enterprise_plot_history.kind IS '地块类型';
COMMENT ON COLUMN gis.enterprise_plot_history.land_use IS '土地用途';
COMMENT ON COLUMN gis.enterprise_plot_history.lessor IS '权利人';
COMMENT ON COLUMN gis.enterprise_plot_history.lessor_code IS '权利人企业编码';
COMMENT ON COLUMN gis.enterprise_plot_history.fenced IS '围挡情况';
COMMENT ON COLUMN gis.enterprise_plot_history.floor_area_m2 IS '建筑面积(m²)';
COMMENT ON COLUMN gis.enterprise_plot_history.let_area_m2 IS '出租面积(m²)';
COMMENT ON COLUMN gis.enterprise_plot_history.last_unified_check_on IS '最近统一检查';
COMMENT ON COLUMN gis.enterprise_plot_history.drainage IS '排水情况';
COMMENT ON COLUMN gis.enterprise_plot_history.address IS '地址';
COMMENT ON COLUMN gis.enterprise_plot_history.geom IS '几何,CGCS2000 经纬度';
COMMENT ON COLUMN gis.enterprise_plot_history.upload IS '写入它的上传';
COMMENT ON COLUMN gis.enterprise_plot_history.version IS '行版本';
COMMENT ON COLUMN gis.enterprise_plot_history.recorded_at IS '记录时间';
COMMENT ON COLUMN gis.enterprise_plot_history.recorded_by IS '记录者';
COMMENT ON COLUMN gis.enterprise_plot_history.operation IS 'insert、update 或 delete';
COMMENT ON COLUMN gis.enterprise_plot_history.recorded_to IS '记录止于';
COMMENT ON COLUMN gis.enterprise_plot_history.written_at IS '写入时刻';
alter table gis.enterprise_plot enable row level security;
create policy sees on gis.enterprise_plot for select to gis_app using (community = any ((select gis.scope_communities())::text[]) or left(community, 9) = any ((select gis.scope(9))::text[]) or left(community, 6) = any ((select gis.scope(6))::text[]));
create policy adds on gis.enterprise_plot for insert to gis_app with check (community = any ((select gis.scope(12))::text[]) or grid = any ((select gis.scope(15))::text[]) or left(community, 9) = any ((select gis.scope(9))::text[]) or left(community, 6) = any ((select gis.scope(6))::text[]));
create policy changes on gis.enterprise_plot for update to gis_app using (community = any ((select gis.scope(12))::text[]) or grid = any ((select gis.scope(15))::text[]) or left(community, 9) = any ((select gis.scope(9))::text[]) or left(community, 6) = any ((select gis.scope(6))::text[])) with check (community = any ((select gis.scope(12))::text[]) or grid = any ((select gis.scope(15))::text[]) or left(community, 9) = any ((select gis.scope(9))::text[]) or left(community, 6) = any ((select gis.scope(6))::text[]));
create policy removes on gis.enterprise_plot for delete to gis_app using (community = any ((select gis.scope(12))::text[]) or grid = any ((select gis.scope(15))::text[]) or left(community, 9) = any ((select gis.scope(9))::text[]) or left(community, 6) = any ((select gis.scope(6))::text[]));
grant select, delete, insert (community, id, grid, code, name, source, accuracy, surveyed_on, surveyor, valid_from, valid_to, data_status, remark, kind, land_use, lessor, lessor_code, fenced, floor_area_m2, let_area_m2, last_unified_check_on, drainage, address, geom), update (community, id, grid, code, name, source, accuracy, surveyed_on, surveyor, valid_from, valid_to, data_status, remark, kind, land_use, lessor, lessor_code, fenced, floor_area_m2, let_area_m2, last_unified_check_on, drainage, address, geom) on gis.enterprise_plot to gis_app;
grant select on gis.enterprise_plot to gis_backup;
alter table gis.enterprise_plot_history enable row level security;
create policy sees on gis.enterprise_plot_history for select to gis_app using (community = any ((select gis.scope_communities())::text[]) or left(community, 9) = any ((select gis.scope(9))::text[]) or left(community, 6) = any ((select gis.scope(6))::text[]));
grant select on gis.enterprise_plot_history to gis_app, gis_backup;
create trigger mark_version before update on gis.enterprise_plot for each row execute function gis.mark_version();
create trigger refuse_truncate before truncate on gis.enterprise_plot for each statement execute function gis.refuse_truncate();
create trigger history_on_insert after insert on gis.enterprise_plot referencing new table as new_rows for each statement execute function gis.write_history();
create trigger settle_grid_on_insert after insert on gis.enterprise_plot referencing new table as new_rows for each statement execute function gis.settle_grid();
create trigger history_on_update after update on gis.enterprise_plot referencing old table as old_rows new table as new_rows for each statement execute function gis.write_history();
create trigger settle_grid_on_update after update on gis.enterprise_plot referencing new table as new_rows for each statement execute function gis.settle_grid();
create trigger history_on_delete after delete on gis.enterprise_plot referencing old table as old_rows for each statement execute function gis.write_history();
CREATE TABLE gis.road (
	community TEXT NOT NULL, 
	id UUID DEFAULT gen_random_uuid() NOT NULL, 
	grid TEXT, 
	code TEXT NOT NULL, 
	name TEXT, 
	source TEXT DEFAULT 'surveyed' NOT NULL, 
	accuracy TEXT, 
	surveyed_on DATE, 
	surveyor TEXT, 
	valid_from DATE, 
	valid_to DATE, 
	data_status TEXT DEFAULT 'normal' NOT NULL, 
	remark TEXT, 
	kind TEXT DEFAULT 'other' NOT NULL, 
	surface TEXT, 
	condition TEXT, 
	width_m DOUBLE PRECISION, 
	clear_height_m DOUBLE PRECISION, 
	area_m2 DOUBLE PRECISION, 
	renewed_on DATE, 
	fire_lane BOOLEAN, 
	lit BOOLEAN, 
	manager TEXT, 
	geom geometry(MULTILINESTRING,4490) NOT NULL, 
	upload UUID DEFAULT nullif(current_setting('gis.upload', true), '')::uuid, 
	version INTEGER DEFAULT '1' NOT NULL, 
	recorded_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL, 
	recorded_by TEXT DEFAULT coalesce(nullif(current_setting('gis.actor', true), ''), session_user) NOT NULL, 
	CONSTRAINT road_pkey PRIMARY KEY (community, id), 
	CONSTRAINT road_community_digits CHECK (community ~ '^[0-9]{12}$'), 
	CONSTRAINT road_grid_in_community CHECK (left(grid, 12) = community and length(grid) = 15), 
	CONSTRAINT road_geom_valid CHECK (ST_IsValid(geom) and not ST_IsEmpty(geom)), 
	CONSTRAINT road_geom_on_globe CHECK (ST_XMin(geom) >= -180 and ST_XMax(geom) <= 180 and ST_YMin(geom) >= -90 and ST_YMax(geom) <= 90), 
	CONSTRAINT road_code_min_length CHECK (char_length(code) >= 1), 
	CONSTRAINT road_code_max_length CHECK (char_length(code) <= 64), 
	CONSTRAINT road_name_max_length CHECK (char_length(name) <= 200), 
	CONSTRAINT road_source_codes CHECK (source in ('surveyed', 'census', 'reported', 'open_data', 'synthetic')), 
	CONSTRAINT road_accuracy_codes CHECK (accuracy in ('A', 'B', 'C')), 
	CONSTRAINT road_surveyor_max_length CHECK (char_length(surveyor) <= 60), 
	CONSTRAINT road_data_status_codes CHECK (data_status in ('normal', 'to_check', 'void')), 
	CONSTRAINT road_remark_max_length CHECK (char_length(remark) <= 2000), 
	CONSTRAINT road_kind_codes CHECK (kind in ('major_road', 'minor_road', 'estate_road', 'factory_road', 'lane', 'path', 'rail', 'ferry', 'other')), 
	CONSTRAINT road_surface_codes CHECK (surface in ('asphalt', 'concrete', 'paved', 'paving_stones', 'gravel', 'fine_gravel', 'unpaved', 'other')), 
	CONSTRAINT road_condition_codes CHECK (condition in ('good', 'fair', 'poor', 'failed')), 
	CONSTRAINT road_width_m_finite CHECK (width_m > '-infinity' and width_m < 'infinity'), 
	CONSTRAINT road_width_m_minimum CHECK (width_m > 0), 
	CONSTRAINT road_width_m_maximum CHECK (width_m <= 100), 
	CONSTRAINT road_clear_height_m_finite CHECK (clear_height_m > '-infinity' and clear_height_m < 'infinity'), 
	CONSTRAINT road_clear_height_m_minimum CHECK (clear_height_m > 0), 
	CONSTRAINT road_clear_height_m_maximum CHECK (clear_height_m <= 100), 
	CONSTRAINT road_area_m2_finite CHECK (area_m2 > '-infinity' and area_m2 < 'infinity'), 
	CONSTRAINT road_area_m2_minimum CHECK (area_m2 >= 0), 
	CONSTRAINT road_area_m2_maximum CHECK (area_m2 <= 1000000), 
	CONSTRAINT road_manager_max_length CHECK (char_length(manager) <= 120), 
	CONSTRAINT road_key UNIQUE (community, code), 
	CONSTRAINT road_community_fkey FOREIGN KEY(community) REFERENCES gis.area (code)
);
CREATE INDEX road_geom_idx ON gis.road USING gist (geom);
CREATE INDEX road_grid_idx ON gis.road (community, grid);
COMMENT ON TABLE gis.road IS '道路:街道和小区道路:路面、宽度、状况与改造。';
COMMENT ON COLUMN gis.road.community IS '12 位社区代码';
COMMENT ON COLUMN gis.road.id IS '标识';
COMMENT ON COLUMN gis.road.grid IS '15 位网格代码,由几何推出';
COMMENT ON COLUMN gis.road.code IS '编码';
COMMENT ON COLUMN gis.road.name IS '名称';
COMMENT ON COLUMN gis.road.source IS '数据来源';
COMMENT ON COLUMN gis.road.accuracy IS '定位精度';
COMMENT ON COLUMN gis.road.surveyed_on IS '调查日期';
COMMENT ON COLUMN gis.road.surveyor IS '调查岗位';
COMMENT ON COLUMN gis.road.valid_from IS '生效日期';
COMMENT ON COLUMN gis.road.valid_to IS '失效日期';
COMMENT ON COLUMN gis.road.data_status IS '数据状态';
COMMENT ON COLUMN gis.road.remark IS '备注';
COMMENT ON COLUMN gis.road.kind IS '道路等级';
COMMENT ON COLUMN gis.road.surface IS '路面材质';
COMMENT ON COLUMN gis.road.condition IS '路面状况';
COMMENT ON COLUMN gis.road.width_m IS '路宽(m)';
COMMENT ON COLUMN gis.road.clear_height_m IS '净高(m)';
COMMENT ON COLUMN gis.road.area_m2 IS '路面面积(m²)';
COMMENT ON COLUMN gis.road.renewed_on IS '改造日期';
COMMENT ON COLUMN gis.road.fire_lane IS '消防车通道';
COMMENT ON COLUMN gis.road.lit IS '路灯';
COMMENT ON COLUMN gis.road.manager IS '管养单位';
COMMENT ON COLUMN gis.road.geom IS '几何,CGCS2000 经纬度';
COMMENT ON COLUMN gis.road.upload IS '写入它的上传';
COMMENT ON COLUMN gis.road.version IS '行版本';
COMMENT ON COLUMN gis.road.recorded_at IS '记录时间';
COMMENT ON COLUMN gis.road.recorded_by IS '记录者';
CREATE TABLE gis.road_history (
	community TEXT NOT NULL, 
	id UUID NOT NULL, 
	grid TEXT, 
	code TEXT NOT NULL, 
	name TEXT, 
	source TEXT NOT NULL, 
	accuracy TEXT, 
	surveyed_on DATE, 
	surveyor TEXT, 
	valid_from DATE, 
	valid_to DATE, 
	data_status TEXT NOT NULL, 
	remark TEXT, 
	kind TEXT NOT NULL, 
	surface TEXT, 
	condition TEXT, 
	width_m DOUBLE PRECISION, 
	clear_height_m DOUBLE PRECISION, 
	area_m2 DOUBLE PRECISION, 
	renewed_on DATE, 
	fire_lane BOOLEAN, 
	lit BOOLEAN, 
	manager TEXT, 
	geom geometry(MULTILINESTRING,4490) NOT NULL, 
	upload UUID, 
	version INTEGER NOT NULL, 
	recorded_at TIMESTAMP WITH TIME ZONE NOT NULL, 
	recorded_by TEXT NOT NULL, 
	operation TEXT NOT NULL, 
	recorded_to TIMESTAMP WITH TIME ZONE DEFAULT 'infinity' NOT NULL, 
	written_at TIMESTAMP WITH TIME ZONE DEFAULT clock_timestamp() NOT NULL, 
	CONSTRAINT road_history_pkey PRIMARY KEY (community, id, version, recorded_at, written_at)
);
CREATE UNIQUE INDEX road_history_current_idx ON gis.road_history (community, id) WHERE recorded_to = 'infinity';
COMMENT ON TABLE gis.road_history IS '道路的历史版本';
COMMENT ON COLUMN gis.road_history.community IS '12 位社区代码';
COMMENT ON COLUMN gis.road_history.id IS '标识';
COMMENT ON COLUMN gis.road_history.grid IS '15 位网格代码,由几何推出';
COMMENT ON COLUMN gis.road_history.code IS '编码';
COMMENT ON COLUMN gis.road_history.name IS '名称';
COMMENT ON COLUMN gis.road_history.source IS '数据来源';
COMMENT ON COLUMN gis.road_history.accuracy IS '定位精度';
COMMENT ON COLUMN gis.road_history.surveyed_on IS '调查日期';
COMMENT ON COLUMN gis.road_history.surveyor IS '调查岗位';
COMMENT ON COLUMN gis.road_history.valid_from IS '生效日期';
COMMENT ON COLUMN gis.road_history.valid_to IS '失效日期';
COMMENT ON COLUMN gis.road_history.data_status IS '数据状态';
COMMENT ON COLUMN gis.road_history.remark IS '备注';
COMMENT ON COLUMN gis.road_history.kind IS '道路等级';
COMMENT ON COLUMN gis.road_history.surface IS '路面材质';
COMMENT ON COLUMN gis.road_history.condition IS '路面状况';
COMMENT ON COLUMN gis.road_history.width_m IS '路宽(m)';
COMMENT ON COLUMN gis.road_history.clear_height_m IS '净高(m)';
COMMENT ON COLUMN gis.road_history.area_m2 IS '路面面积(m²)';
COMMENT ON COLUMN gis.road_history.renewed_on IS '改造日期';
COMMENT ON COLUMN gis.road_history.fire_lane IS '消防车通道';
COMMENT ON COLUMN gis.road_history.lit IS '路灯';
COMMENT ON COLUMN gis.road_history.manager IS '管养单位';
COMMENT ON COLUMN gis.road_history.geom IS '几何,CGCS2000 经纬度';
COMMENT ON COLUMN gis.road_history.upload IS '写入它的上传';
COMMENT ON COLUMN gis.road_history.version IS '行版本';
COMMENT ON COLUMN gis.road_history.recorded_at IS '记录时间';
COMMENT ON COLUMN gis.road_history.recorded_by IS '记录者';
COMMENT ON COLUMN gis.road_history.operation IS 'insert、update 或 delete';
COMMENT ON COLUMN gis.road_history.recorded_to IS '记录止于';
COMMENT ON COLUMN gis.road_history.written_at IS '写入时刻';
alter table gis.road enable row level security;
create policy sees on gis.road for select to gis_app using (community = any ((select gis.scope_communities())::text[]) or left(community, 9) = any ((select gis.scope(9))::text[]) or left(community, 6) = any ((select gis.scope(6))::text[]));
create policy adds on gis.road for insert to gis_app with check (community = any ((select gis.scope(12))::text[]) or grid = any ((select gis.scope(15))::text[]) or left(community, 9) = any ((select gis.scope(9))::text[]) or left(community, 6) = any ((select gis.scope(6))::text[]));
create policy changes on gis.road for update to gis_app using (community = any ((select gis.scope(12))::text[]) or grid = any ((select gis.scope(15))::text[]) or left(community, 9) = any ((select gis.scope(9))::text[]) or left(community, 6) = any ((select gis.scope(6))::text[])) with check (community = any ((select gis.scope(12))::text[]) or grid = any ((select gis.scope(15))::text[]) or left(community, 9) = any ((select gis.scope(9))::text[]) or left(community, 6) = any ((select gis.scope(6))::text[]));
create policy removes on gis.road for delete to gis_app using (community = any ((select gis.scope(12))::text[]) or grid = any ((select gis.scope(15))::text[]) or left(community, 9) = any ((select gis.scope(9))::text[]) or left(community, 6) = any ((select gis.scope(6))::text[]));
grant select, delete, insert (community, id, grid, code, name, source, accuracy, surveyed_on, surveyor, valid_from, valid_to, data_status, remark, kind, surface, condition, width_m, clear_height_m, area_m2, renewed_on, fire_lane, lit, manager, geom), update (community, id, grid, code, name, source, accuracy, surveyed_on, surveyor, valid_from, valid_to, data_status, remark, kind, surface, condition, width_m, clear_height_m, area_m2, renewed_on, fire_lane, lit, manager, geom) on gis.road to gis_app;
grant select on gis.road to gis_backup;
alter table gis.road_history enable row level security;
create policy sees on gis.road_history for select to gis_app using (community = any ((select gis.scope_communities())::text[]) or left(community, 9) = any ((select gis.scope(9))::text[]) or left(community, 6) = any ((select gis.scope(6))::text[]));
grant select on gis.road_history to gis_app, gis_backup;
create trigger mark_version before update on gis.road for each row execute function gis.mark_version();
create trigger refuse_truncate before truncate on gis.road for each statement execute function gis.refuse_truncate();
create trigger history_on_insert after insert on gis.road referencing new table as new_rows for each statement execute function gis.write_history();
create trigger settle_grid_on_insert after insert on gis.road referencing new table as new_rows for each statement execute function gis.settle_grid();
create trigger history_on_update after update on gis.road referencing old table as old_rows new table as new_rows for each statement execute function gis.write_history();
create trigger settle_grid_on_update after update on gis.road referencing new table as new_rows for each statement execute function gis.settle_grid();
create trigger history_on_delete after delete on gis.road referencing old table as old_rows for each statement execute function gis.write_history();
CREATE TABLE gis.utility_line (
	community TEXT NOT NULL, 
	id UUID DEFAULT gen_random_uuid() NOT NULL, 
	grid TEXT, 
	code TEXT NOT NULL, 
	name TEXT, 
	source TEXT DEFAULT 'surveyed' NOT NULL, 
	accuracy TEXT, 
	surveyed_on DATE, 
	surveyor TEXT, 
	valid_from DATE, 
	valid_to DATE, 
	data_status TEXT DEFAULT 'normal' NOT NULL, 
	remark TEXT, 
	kind TEXT NOT NULL, 
	laying TEXT DEFAULT 'unknown' NOT NULL, 
	state TEXT DEFAULT 'in_use' NOT NULL, 
	laid_on DATE, 
	diameter_mm INTEGER, 
	depth_m DOUBLE PRECISION, 
	material TEXT, 
	owner_unit TEXT, 
	geom geometry(MULTILINESTRING,4490) NOT NULL, 
	upload UUID DEFAULT nullif(current_setting('gis.upload', true), '')::uuid, 
	version INTEGER DEFAULT '1' NOT NULL, 
	recorded_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL, 
	recorded_by TEXT DEFAULT coalesce(nullif(current_setting('gis.actor', true), ''), session_user) NOT NULL, 
	CONSTRAINT utility_line_pkey PRIMARY KEY (community, id), 
	CONSTRAINT utility_line_community_digits CHECK (community ~ '^[0-9]{12}$'), 
	CONSTRAINT utility_line_grid_in_community CHECK (left(grid, 12) = community and length(grid) = 15), 
	CONSTRAINT utility_line_geom_valid CHECK (ST_IsValid(geom) and not ST_IsEmpty(geom)), 
	CONSTRAINT utility_line_geom_on_globe CHECK (ST_XMin(geom) >= -180 and ST_XMax(geom) <= 180 and ST_YMin(geom) >= -90 and ST_YMax(geom) <= 90), 
	CONSTRAINT utility_line_code_min_length CHECK (char_length(code) >= 1), 
	CONSTRAINT utility_line_code_max_length CHECK (char_length(code) <= 64), 
	CONSTRAINT utility_line_name_max_length CHECK (char_length(name) <= 200), 
	CONSTRAINT utility_line_source_codes CHECK (source in ('surveyed', 'census', 'reported', 'open_data', 'synthetic')), 
	CONSTRAINT utility_line_accuracy_codes CHECK (accuracy in ('A', 'B', 'C')), 
	CONSTRAINT utility_line_surveyor_max_length CHECK (char_length(surveyor) <= 60), 
	CONSTRAINT utility_line_data_status_codes CHECK (data_status in ('normal', 'to_check', 'void')), 
	CONSTRAINT utility_line_remark_max_length CHECK (char_length(remark) <= 2000), 
	CONSTRAINT utility_line_kind_codes CHECK (kind in ('power', 'telecom', 'storm', 'sewage', 'combined', 'gas', 'water', 'other')), 
	CONSTRAINT utility_line_laying_codes CHECK (laying in ('overhead', 'underground', 'wall', 'unknown')), 
	CONSTRAINT utility_line_state_codes CHECK (state in ('in_use', 'building', 'planned', 'idle', 'tangled', 'removed')), 
	CONSTRAINT utility_line_diameter_mm_minimum CHECK (diameter_mm >= 1), 
	CONSTRAINT utility_line_diameter_mm_maximum CHECK (diameter_mm <= 5000), 
	CONSTRAINT utility_line_depth_m_finite CHECK (depth_m > '-infinity' and depth_m < 'infinity'), 
	CONSTRAINT utility_line_depth_m_minimum CHECK (depth_m >= 0), 
	CONSTRAINT utility_line_depth_m_maximum CHECK (depth_m <= 50), 
	CONSTRAINT utility_line_material_max_length CHECK (char_length(material) <= 60), 
	CONSTRAINT utility_line_owner_unit_max_length CHECK (char_length(owner_unit) <= 120), 
	CONSTRAINT utility_line_key UNIQUE (community, code), 
	CONSTRAINT utility_line_community_fkey FOREIGN KEY(community) REFERENCES gis.area (code)
);
CREATE INDEX utility_line_geom_idx ON gis.utility_line USING gist (geom);
CREATE INDEX utility_line_grid_idx ON gis.utility_line (community, grid);
COMMENT ON TABLE gis.utility_line IS '管线:强电、弱电、雨水、污水、燃气等管线:架空或入地。';
COMMENT ON COLUMN gis.utility_line.community IS '12 位社区代码';
COMMENT ON COLUMN gis.utility_line.id IS '标识';
COMMENT ON COLUMN gis.utility_line.grid IS '15 位网格代码,由几何推出';
COMMENT ON COLUMN gis.utility_line.code IS '编码';
COMMENT ON COLUMN gis.utility_line.name IS '名称';
COMMENT ON COLUMN gis.utility_line.source IS '数据来源';
COMMENT ON COLUMN gis.utility_line.accuracy IS '定位精度';
COMMENT ON COLUMN gis.utility_line.surveyed_on IS '调查日期';
COMMENT ON COLUMN gis.utility_line.surveyor IS '调查岗位';
COMMENT ON COLUMN gis.utility_line.valid_from IS '生效日期';
COMMENT ON COLUMN gis.utility_line.valid_to IS '失效日期';
COMMENT ON COLUMN gis.utility_line.data_status IS '数据状态';
COMMENT ON COLUMN gis.utility_line.remark IS '备注';
COMMENT ON COLUMN gis.utility_line.kind IS '管线类型';
COMMENT ON COLUMN gis.utility_line.laying IS '敷设方式';
COMMENT ON COLUMN gis.utility_line.state IS '管线状态';
COMMENT ON COLUMN gis.utility_line.laid_on IS '敷设日期';
COMMENT ON COLUMN gis.utility_line.diameter_mm IS '管径(mm)';
COMMENT ON COLUMN gis.utility_line.depth_m IS '埋深(m)';
COMMENT ON COLUMN gis.utility_line.material IS '材质';
COMMENT ON COLUMN gis.utility_line.owner_unit IS '权属单位';
COMMENT ON COLUMN gis.utility_line.geom IS '几何,CGCS2000 经纬度';
COMMENT ON COLUMN gis.utility_line.upload IS '写入它的上传';
COMMENT ON COLUMN gis.utility_line.version IS '行版本';
COMMENT ON COLUMN gis.utility_line.recorded_at IS '记录时间';
COMMENT ON COLUMN gis.utility_line.recorded_by IS '记录者';
CREATE TABLE gis.utility_line_history (
	community TEXT NOT NULL, 
	id UUID NOT NULL, 
	grid TEXT, 
	code TEXT NOT NULL, 
	name TEXT, 
	source TEXT NOT NULL, 
	accuracy TEXT, 
	surveyed_on DATE, 
	surveyor TEXT, 
	valid_from DATE, 
	valid_to DATE, 
	data_status TEXT NOT NULL, 
	remark TEXT, 
	kind TEXT NOT NULL, 
	laying TEXT NOT NULL, 
	state TEXT NOT NULL, 
	laid_on DATE, 
	diameter_mm INTEGER, 
	depth_m DOUBLE PRECISION, 
	material TEXT, 
	owner_unit TEXT, 
	geom geometry(MULTILINESTRING,4490) NOT NULL, 
	upload UUID, 
	version INTEGER NOT NULL, 
	recorded_at TIMESTAMP WITH TIME ZONE NOT NULL, 
	recorded_by TEXT NOT NULL, 
	operation TEXT NOT NULL, 
	recorded_to TIMESTAMP WITH TIME ZONE DEFAULT 'infinity' NOT NULL, 
	written_at TIMESTAMP WITH TIME ZONE DEFAULT clock_timestamp() NOT NULL, 
	CONSTRAINT utility_line_history_pkey PRIMARY KEY (community, id, version, recorded_at, written_at)
);
CREATE UNIQUE INDEX utility_line_history_current_idx ON gis.utility_line_history (community, id) WHERE recorded_to = 'infinity';
COMMENT ON TABLE gis.utility_line_history IS '管线的历史版本';
COMMENT ON COLUMN gis.utility_line_history.community IS '12 位社区代码';
COMMENT ON COLUMN gis.utility_line_history.id IS '标识';
COMMENT ON COLUMN gis.utility_line_history.grid IS '15 位网格代码,由几何推出';
COMMENT ON COLUMN gis.utility_line_history.code IS '编码';
COMMENT ON COLUMN gis.utility_line_history.name IS '名称';
COMMENT ON COLUMN gis.utility_line_history.source IS '数据来源';
COMMENT ON COLUMN gis.utility_line_history.accuracy IS '定位精度';
COMMENT ON COLUMN gis.utility_line_history.surveyed_on IS '调查日期';
COMMENT ON COLUMN gis.utility_line_history.surveyor IS '调查岗位';
COMMENT ON COLUMN gis.utility_line_history.valid_from IS '生效日期';
COMMENT ON COLUMN gis.utility_line_history.valid_to IS '失效日期';
COMMENT ON COLUMN gis.utility_line_history.data_status IS '数据状态';
COMMENT ON COLUMN gis.utility_line_history.remark IS '备注';
COMMENT ON COLUMN gis.utility_line_history.kind IS '管线类型';
COMMENT ON COLUMN gis.utility_line_history.laying IS '敷设方式';
COMMENT ON COLUMN gis.utility_line_history.state IS '管线状态';
COMMENT ON COLUMN gis.utility_line_history.laid_on IS '敷设日期';
COMMENT ON COLUMN gis.utility_line_history.diameter_mm IS '管径(mm)';
COMMENT ON COLUMN gis.utility_line_history.depth_m IS '埋深(m)';
COMMENT ON COLUMN gis.utility_line_history.material IS '材质';
COMMENT ON COLUMN gis.utility_line_history.owner_unit IS '权属单位';
COMMENT ON COLUMN gis.utility_line_history.geom IS '几何,CGCS2000 经纬度';
COMMENT ON COLUMN gis.utility_line_history.upload IS '写入它的上传';
COMMENT ON COLUMN gis.utility_line_history.version IS '行版本';
COMMENT ON COLUMN gis.utility_line_history.recorded_at IS '记录时间';
COMMENT ON COLUMN gis.utility_line_history.recorded_by IS '记录者';
COMMENT ON COLUMN gis.utility_line_history.operation IS 'insert、update 或 delete';
COMMENT ON COLUMN gis.utility_line_history.recorded_to IS '记录止于';
COMMENT ON COLUMN gis.utility_line_history.written_at IS '写入时刻';
alter table gis.utility_line enable row level security;
create policy sees on gis.utility_line for select to gis_app using (community = any ((select gis.scope_communities())::text[]) or left(community, 9) = any ((select gis.scope(9))::text[]) or left(community, 6) = any ((select gis.scope(6))::text[]));
create policy adds on gis.utility_line for insert to gis_app with check (community = any ((select gis.scope(12))::text[]) or grid = any ((select gis.scope(15))::text[]) or left(community, 9) = any ((select gis.scope(9))::text[]) or left(community, 6) = any ((select gis.scope(6))::text[]));
create policy changes on gis.utility_line for update to gis_app using (community = any ((select gis.scope(12))::text[]) or grid = any ((select gis.scope(15))::text[]) or left(community, 9) = any ((select gis.scope(9))::text[]) or left(community, 6) = any ((select gis.scope(6))::text[])) with check (community = any ((select gis.scope(12))::text[]) or grid = any ((select gis.scope(15))::text[]) or left(community, 9) = any ((select gis.scope(9))::text[]) or left(community, 6) = any ((select gis.scope(6))::text[]));
create policy removes on gis.utility_line for delete to gis_app using (community = any ((select gis.scope(12))::text[]) or grid = any ((select gis.scope(15))::text[]) or left(community, 9) = any ((select gis.scope(9))::text[]) or left(community, 6) = any ((select gis.scope(6))::text[]));
grant select, delete, insert (community, id, grid, code, name, source, accuracy, surveyed_on, surveyor, valid_from, valid_to, data_status, remark, kind, laying, state, laid_on, diameter_mm, depth_m, material, owner_unit, geom), update (community, id, grid, code, name, source, accuracy, surveyed_on, surveyor, valid_from, valid_to, data_status, remark, kind, laying, state, laid_on, diameter_mm, depth_m, material, owner_unit, geom) on gis.utility_line to gis_app;
grant select on gis.utility_line to gis_backup;
alter table gis.utility_line_history enable row level security;
create policy sees on gis.utility_line_history for select to gis_app using (community = any ((select gis.scope_communities())::text[]) or left(community, 9) = any ((select gis.scope(9))::text[]) or left(community, 6) = any ((select gis.scope(6))::text[]));
grant select on gis.utility_line_history to gis_app, gis_backup;
create trigger mark_version before update on gis.utility_line for each row execute function gis.mark_version();
create trigger refuse_truncate before truncate on gis.utility_line for each statement execute function gis.refuse_truncate();
create trigger history_on_insert after insert on gis.utility_line referencing new table as new_rows for each statement execute function gis.write_history();
create trigger settle_grid_on_insert after insert on gis.utility_line referencing new table as new_rows for each statement execute function gis.settle_grid();
create trigger history_on_update after update on gis.utility_line referencing old table as old_rows new table as new_rows for each statement execute function gis.write_history();
create trigger settle_grid_on_update after update on gis.utility_line referencing new table as new_rows for each statement execute function gis.settle_grid();
create trigger history_on_delete after delete on gis.utility_line referencing old table as old_rows for each statement execute function gis.write_history();
CREATE TABLE gis.building (
	community TEXT NOT NULL, 
	id UUID DEFAULT gen_random_uuid() NOT NULL, 
	grid TEXT, 
	code TEXT NOT NULL, 
	name TEXT, 
	source TEXT DEFAULT 'surveyed' NOT NULL, 
	accuracy TEXT, 
	surveyed_on DATE, 
	surveyor TEXT, 
	valid_from DATE, 
	valid_to DATE, 
	data_status TEXT DEFAULT 'normal' NOT NULL, 
	remark TEXT, 
	use TEXT DEFAULT '80' NOT NULL, 
	structure TEXT, 
	floors INTEGER, 
	height_m DOUBLE PRECISION, 
	floor_area_m2 DOUBLE PRECISION, 
	year_built INTEGER, 
	self_built BOOLEAN, 
	permit_status TEXT DEFAULT 'unknown' NOT NULL, 
	appraised_on DATE, 
	safety_grade TEXT, 
	structure_altered BOOLEAN, 
	shop_on_ground BOOLEAN, 
	household_local INTEGER, 
	resident_count INTEGER, 
	local_population INTEGER, 
	origin_village TEXT, 
	estate TEXT, 
	address TEXT, 
	street TEXT, 
	house_number TEXT, 
	geom geometry(MULTIPOLYGON,4490) NOT NULL, 
	upload UUID DEFAULT nullif(current_setting('gis.upload', true), '')::uuid, 
	version INTEGER DEFAULT '1' NOT NULL, 
	recorded_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL, 
	recorded_by TEXT DEFAULT coalesce(nullif(current_setting('gis.actor', true), ''), session_user) NOT NULL, 
	CONSTRAINT building_pkey PRIMARY KEY (community, id), 
	CONSTRAINT building_community_digits CHECK (community ~ '^[0-9]{12}$'), 
	CONSTRAINT building_grid_in_community CHECK (left(grid, 12) = community and length(grid) = 15), 
	CONSTRAINT building_geom_valid CHECK (ST_IsValid(geom) and not ST_IsEmpty(geom)), 
	CONSTRAINT building_geom_on_globe CHECK (ST_XMin(geom) >= -180 and ST_XMax(geom) <= 180 and ST_YMin(geom) >= -90 and ST_YMax(geom) <= 90), 
	CONSTRAINT building_code_min_length CHECK (char_length(code) >= 1), 
	CONSTRAINT building_code_max_length CHECK (char_length(code) <= 64), 
	CONSTRAINT building_name_max_length CHECK (char_length(name) <= 200), 
	CONSTRAINT building_source_codes CHECK (source in ('surveyed', 'census', 'reported', 'open_data', 'synthetic')), 
	CONSTRAINT building_accuracy_codes CHECK (accuracy in ('A', 'B', 'C')), 
	CONSTRAINT building_surveyor_max_length CHECK (char_length(surveyor) <= 60), 
	CONSTRAINT building_data_status_codes CHECK (data_status in ('normal', 'to_check', 'void')), 
	CONSTRAINT building_remark_max_length CHECK (char_length(remark) <= 2000), 
	CONSTRAINT building_use_codes CHECK (use in ('10', '11', '12', '13', '20', '21', '27', '30', '31', '40', '50', '60', '70', '80')), 
	CONSTRAINT building_structure_codes CHECK (structure in ('1', '2', '3', '4', '5', '6')), 
	CONSTRAINT building_floors_minimum CHECK (floors >= 0), 
	CONSTRAINT building_floors_maximum CHECK (floors <= 150), 
	CONSTRAINT building_height_m_finite CHECK (height_m > '-infinity' and height_m < 'infinity'), 
	CONSTRAINT building_height_m_minimum CHECK (height_m >= 0), 
	CONSTRAINT building_height_m_maximum CHECK (height_m <= 1000), 
	CONSTRAINT building_floor_area_m2_finite CHECK (floor_area_m2 > '-infinity' and floor_area_m2 < 'infinity'), 
	CONSTRAINT building_floor_area_m2_minimum CHECK (floor_area_m2 >= 0), 
	CONSTRAINT building_floor_area_m2_maximum CHECK (floor_area_m2 <= 2000000), 
	CONSTRAINT building_year_built_minimum CHECK (year_built >= 1800), 
	CONSTRAINT building_year_built_maximum CHECK (year_built <= 2100), 
	CONSTRAINT building_permit_status_codes CHECK (permit_status in ('permitted', 'none', 'unknown')), 
	CONSTRAINT building_safety_grade_codes CHECK (safety_grade in ('A', 'B', 'C', 'D')), 
	CONSTRAINT building_household_local_minimum CHECK (household_local >= 0), 
	CONSTRAINT building_household_local_maximum CHECK (household_local <= 5000), 
	CONSTRAINT building_resident_count_minimum CHECK (resident_count >= 0), 
	CONSTRAINT building_resident_count_maximum CHECK (resident_count <= 20000), 
	CONSTRAINT building_local_population_minimum CHECK (local_population >= 0), 
	CONSTRAINT building_local_population_maximum CHECK (local_population <= 20000), 
	CONSTRAINT building_origin_village_max_length CHECK (char_length(origin_village) <= 60), 
	CONSTRAINT building_estate_max_length CHECK (char_length(estate) <= 64), 
	CONSTRAINT building_address_max_length CHECK (char_length(address) <= 200), 
	CONSTRAINT building_street_max_length CHECK (char_length(street) <= 100), 
	CONSTRAINT building_house_number_max_length CHECK (char_length(house_number) <= 40), 
	CONSTRAINT building_key UNIQUE (community, code), 
	CONSTRAINT building_community_fkey FOREIGN KEY(community) REFERENCES gis.area (code)
);
CREATE INDEX building_geom_idx ON gis.building USING gist (geom);
CREATE INDEX building_grid_idx ON gis.building (community, grid);
COMMENT ON TABLE gis.building IS '楼栋:地上的一幢楼:住宅、厂房、商铺或公共建筑。';
COMMENT ON COLUMN gis.building.community IS '12 位社区代码';
COMMENT ON COLUMN gis.building.id IS '标识';
COMMENT ON COLUMN gis.building.grid IS '15 位网格代码,由几何推出';
COMMENT ON COLUMN gis.building.code IS '编码';
COMMENT ON COLUMN gis.building.name IS '名称';
COMMENT ON COLUMN gis.building.source IS '数据来源';
COMMENT ON COLUMN gis.building.accuracy IS '定位精度';
COMMENT ON COLUMN gis.building.surveyed_on IS '调查日期';
COMMENT ON COLUMN gis.building.surveyor IS '调查岗位';
COMMENT ON COLUMN gis.building.valid_from IS '生效日期';
COMMENT ON COLUMN gis.building.valid_to IS '失效日期';
COMMENT ON COLUMN gis.building.data_status IS '数据状态';
COMMENT ON COLUMN gis.building.remark IS '备注';
COMMENT ON COLUMN gis.building.use IS '房屋用途';
COMMENT ON COLUMN gis.building.structure IS '建筑结构';
COMMENT ON COLUMN gis.building.floors IS '层数(层)';
COMMENT ON COLUMN gis.building.height_m IS '高度(m)';
COMMENT ON COLUMN gis.building.floor_area_m2 IS '建筑面积(m²)';
COMMENT ON COLUMN gis.building.year_built IS '建成年份(年)';
COMMENT ON COLUMN gis.building.self_built IS '自建房';
COMMENT ON COLUMN gis.building.permit_status IS '施工许可';
COMMENT ON COLUMN gis.building.appraised_on IS '安全鉴定日期';
COMMENT ON COLUMN gis.building.safety_grade IS '安全鉴定等级';
COMMENT ON COLUMN gis.building.structure_altered IS '擅改结构';
COMMENT ON COLUMN gis.building.shop_on_ground IS '底层商铺';
COMMENT ON COLUMN gis.building.household_local IS '户籍户数(户)';
COMMENT ON COLUMN gis.building.resident_count IS '常住人口(人)';
COMMENT ON COLUMN gis.building.local_population IS '户籍人口(人)';
COMMENT ON COLUMN gis.building.origin_village IS '原属村';
COMMENT ON COLUMN gis.building.estate IS '所属小区';
COMMENT ON COLUMN gis.building.address IS '地址';
COMMENT ON COLUMN gis.building.street IS '道路名';
COMMENT ON COLUMN gis.building.house_number IS '门牌号';
COMMENT ON COLUMN gis.building.geom IS '几何,CGCS2000 经纬度';
COMMENT ON COLUMN gis.building.upload IS '写入它的上传';
COMMENT ON COLUMN gis.building.version IS '行版本';
COMMENT ON COLUMN gis.building.recorded_at IS '记录时间';
COMMENT ON COLUMN gis.building.recorded_by IS '记录者';
CREATE TABLE gis.building_history (
	community TEXT NOT NULL, 
	id UUID NOT NULL, 
	grid TEXT, 
	code TEXT NOT NULL, 
	name TEXT, 
	source TEXT NOT NULL, 
	accuracy TEXT, 
	surveyed_on DATE, 
	surveyor TEXT, 
	valid_from DATE, 
	valid_to DATE, 
	data_status TEXT NOT NULL, 
	remark TEXT, 
	use TEXT NOT NULL, 
	structure TEXT, 
	floors INTEGER, 
	height_m DOUBLE PRECISION, 
	floor_area_m2 DOUBLE PRECISION, 
	year_built INTEGER, 
	self_built BOOLEAN, 
	permit_status TEXT NOT NULL, 
	appraised_on DATE, 
	safety_grade TEXT, 
	structure_altered BOOLEAN, 
	shop_on_ground BOOLEAN, 
	household_local INTEGER, 
	resident_count INTEGER, 
	local_population INTEGER, 
	origin_village TEXT, 
	estate TEXT, 
	address TEXT, 
	street TEXT, 
	house_number TEXT, 
	geom geometry(MULTIPOLYGON,4490) NOT NULL, 
	upload UUID, 
	version INTEGER NOT NULL, 
	recorded_at TIMESTAMP WITH TIME ZONE NOT NULL, 
	recorded_by TEXT NOT NULL, 
	operation TEXT NOT NULL, 
	recorded_to TIMESTAMP WITH TIME ZONE DEFAULT 'infinity' NOT NULL, 
	written_at TIMESTAMP WITH TIME ZONE DEFAULT clock_timestamp() NOT NULL, 
	CONSTRAINT building_history_pkey PRIMARY KEY (community, id, version, recorded_at, written_at)
);
CREATE UNIQUE INDEX building_history_current_idx ON gis.building_history (community, id) WHERE recorded_to = 'infinity';
COMMENT ON TABLE gis.building_history IS '楼栋的历史版本';
COMMENT ON COLUMN gis.building_history.community IS '12 位社区代码';
COMMENT ON COLUMN gis.building_history.id IS '标识';
COMMENT ON COLUMN gis.building_history.grid IS '15 位网格代码,由几何推出';
COMMENT ON COLUMN gis.building_history.code IS '编码';
COMMENT ON COLUMN gis.building_history.name IS '名称';
COMMENT ON COLUMN gis.building_history.source IS '数据来源';
COMMENT ON COLUMN gis.building_history.accuracy IS '定位精度';
COMMENT ON COLUMN gis.building_history.surveyed_on IS '调查日期';
COMMENT ON COLUMN gis.building_history.surveyor IS '调查岗位';
COMMENT ON COLUMN gis.building_history.valid_from IS '生效日期';
COMMENT ON COLUMN gis.building_history.valid_to IS '失效日期';
COMMENT ON COLUMN gis.building_history.data_status IS '数据状态';
COMMENT ON COLUMN gis.building_history.remark IS '备注';
COMMENT ON COLUMN gis.building_history.use IS '房屋用途';
COMMENT ON COLUMN gis.building_history.structure IS '建筑结构';
COMMENT ON COLUMN gis.building_history.floors IS '层数(层)';
COMMENT ON COLUMN gis.building_history.height_m IS '高度(m)';
COMMENT ON COLUMN gis.building_history.floor_area_m2 IS '建筑面积(m²)';
COMMENT ON COLUMN gis.building_history.year_built IS '建成年份(年)';
COMMENT ON COLUMN gis.building_history.self_built IS '自建房';
COMMENT ON COLUMN gis.building_history.permit_status IS '施工许可';
COMMENT ON COLUMN gis.building_history.appraised_on IS '安全鉴定日期';
COMMENT ON COLUMN gis.building_history.safety_grade IS '安全鉴定等级';
COMMENT ON COLUMN gis.building_history.structure_altered IS '擅改结构';
COMMENT ON COLUMN gis.building_history.shop_on_ground IS '底层商铺';
COMMENT ON COLUMN gis.building_history.household_local IS '户籍户数(户)';
COMMENT ON COLUMN gis.building_history.resident_count IS '常住人口(人)';
COMMENT ON COLUMN gis.building_history.local_population IS '户籍人口(人)';
COMMENT ON COLUMN gis.building_history.origin_village IS '原属村';
COMMENT ON COLUMN gis.building_history.estate IS '所属小区';
COMMENT ON COLUMN gis.building_history.address IS '地址';
COMMENT ON COLUMN gis.building_history.street IS '道路名';
COMMENT ON COLUMN gis.building_history.house_number IS '门牌号';
COMMENT ON COLUMN gis.building_history.geom IS '几何,CGCS2000 经纬度';
COMMENT ON COLUMN gis.building_history.upload IS '写入它的上传';
COMMENT ON COLUMN gis.building_history.version IS '行版本';
COMMENT ON COLUMN gis.building_history.recorded_at IS '记录时间';
COMMENT ON COLUMN gis.building_history.recorded_by IS '记录者';
COMMENT ON COLUMN gis.building_history.operation IS 'insert、update 或 delete';
COMMENT ON COLUMN gis.building_history.recorded_to IS '记录止于';
COMMENT ON COLUMN gis.building_history.written_at IS '写入时刻';
alter table gis.building enable row level security;
create policy sees on gis.building for select to gis_app using (community = any ((select gis.scope_communities())::text[]) or left(community, 9) = any ((select gis.scope(9))::text[]) or left(community, 6) = any ((select gis.scope(6))::text[]));
create policy adds on gis.building for insert to gis_app with check (community = any ((select gis.scope(12))::text[]) or grid = any ((select gis.scope(15))::text[]) or left(community, 9) = any ((select gis.scope(9))::text[]) or left(community, 6) = any ((select gis.scope(6))::text[]));
create policy changes on gis.building for update to gis_app using (community = any ((select gis.scope(12))::text[]) or grid = any ((select gis.scope(15))::text[]) or left(community, 9) = any ((select gis.scope(9))::text[]) or left(community, 6) = any ((select gis.scope(6))::text[])) with check (community = any ((select gis.scope(12))::text[]) or grid = any ((select gis.scope(15))::text[]) or left(community, 9) = any ((select gis.scope(9))::text[]) or left(community, 6) = any ((select gis.scope(6))::text[]));
create policy removes on gis.building for delete to gis_app using (community = any ((select gis.scope(12))::text[]) or grid = any ((select gis.scope(15))::text[]) or left(community, 9) = any ((select gis.scope(9))::text[]) or left(community, 6) = any ((select gis.scope(6))::text[]));
grant select, delete, insert (community, id, grid, code, name, source, accuracy, surveyed_on, surveyor, valid_from, valid_to, data_status, remark, use, structure, floors, height_m, floor_area_m2, year_built, self_built, permit_status, appraised_on, safety_grade, structure_altered, shop_on_ground, household_local, resident_count, local_population, origin_village, estate, address, street, house_number, geom), update (community, id, grid, code, name, source, accuracy, surveyed_on, surveyor, valid_from, valid_to, data_status, remark, use, structure, floors, height_m, floor_area_m2, year_built, self_built, permit_status, appraised_on, safety_grade, structure_altered, shop_on_ground, household_local, resident_count, local_population, origin_village, estate, address, street, house_number, geom) on gis.building to gis_app;
grant select on gis.building to gis_backup;
alter table gis.building_history enable row level security;
create policy sees on gis.building_history for select to gis_app using (community = any ((select gis.scope_communities())::text[]) or left(community, 9) = any ((select gis.scope(9))::text[]) or left(community, 6) = any ((select gis.scope(6))::text[]));
grant select on gis.building_history to gis_app, gis_backup;
create trigger mark_version before update on gis.building for each row execute function gis.mark_version();
create trigger refuse_truncate before truncate on gis.building for each statement execute function gis.refuse_truncate();
create trigger history_on_insert after insert on gis.building referencing new table as new_rows for each statement execute function gis.write_history();
create trigger settle_grid_on_insert after insert on gis.building referencing new table as new_rows for each statement execute function gis.settle_grid();
create trigger history_on_update after update on gis.building referencing old table as old_rows new table as new_rows for each statement execute function gis.write_history();
create trigger settle_grid_on_update after update on gis.building referencing new table as new_rows for each statement execute function gis.settle_grid();
create trigger history_on_delete after delete on gis.building referencing old table as old_rows for each statement execute function gis.write_history();
CREATE TABLE gis.illegal_structure (
	community TEXT NOT NULL, 
	id UUID DEFAULT gen_random_uuid() NOT NULL, 
	grid TEXT, 
	code TEXT NOT NULL, 
	name TEXT, 
	source TEXT DEFAULT 'surveyed' NOT NULL, 
	accuracy TEXT, 
	surveyed_on DATE, 
	surveyor TEXT, 
	valid_from DATE, 
	valid_to DATE, 
	data_status TEXT DEFAULT 'normal' NOT NULL, 
	remark TEXT, 
	status TEXT DEFAULT 'suspected' NOT NULL, 
	kind TEXT DEFAULT 'other' NOT NULL, 
	area_reported_m2 DOUBLE PRECISION, 
	storeys INTEGER, 
	found_on DATE, 
	determined_on DATE, 
	demolished_on DATE, 
	enterprise_code TEXT, 
	building_code TEXT, 
	campaign TEXT, 
	address TEXT, 
	geom geometry(MULTIPOLYGON,4490) NOT NULL, 
	upload UUID DEFAULT nullif(current_setting('gis.upload', true), '')::uuid, 
	version INTEGER DEFAULT '1' NOT NULL, 
	recorded_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL, 
	recorded_by TEXT DEFAULT coalesce(nullif(current_setting('gis.actor', true), ''), session_user) NOT NULL, 
	CONSTRAINT illegal_structure_pkey PRIMARY KEY (community, id), 
	CONSTRAINT illegal_structure_community_digits CHECK (community ~ '^[0-9]{12}$'), 
	CONSTRAINT illegal_structure_grid_in_community CHECK (left(grid, 12) = community and length(grid) = 15), 
	CONSTRAINT illegal_structure_geom_valid CHECK (ST_IsValid(geom) and not ST_IsEmpty(geom)), 
	CONSTRAINT illegal_structure_geom_on_globe CHECK (ST_XMin(geom) >= -180 and ST_XMax(geom) <= 180 and ST_YMin(geom) >= -90 and ST_YMax(geom) <= 90), 
	CONSTRAINT illegal_structure_code_min_length CHECK (char_length(code) >= 1), 
	CONSTRAINT illegal_structure_code_max_length CHECK (char_length(code) <= 64), 
	CONSTRAINT illegal_structure_name_max_length CHECK (char_length(name) <= 200), 
	CONSTRAINT illegal_structure_source_codes CHECK (source in ('surveyed', 'census', 'reported', 'open_data', 'synthetic')), 
	CONSTRAINT illegal_structure_accuracy_codes CHECK (accuracy in ('A', 'B', 'C')), 
	CONSTRAINT illegal_structure_surveyor_max_length CHECK (char_length(surveyor) <= 60), 
	CONSTRAINT illegal_structure_data_status_codes CHECK (data_status in ('normal', 'to_check', 'void')), 
	CONSTRAINT illegal_structure_remark_max_length CHECK (char_length(remark) <= 2000), 
	CONSTRAINT illegal_structure_status_codes CHECK (status in ('suspected', 'determined', 'stopped', 'ordered', 'self_demolished', 'demolished', 'reused', 'regularised', 'legal')), 
	CONSTRAINT illegal_structure_kind_codes CHECK (kind in ('roof', 'extension', 'shed', 'storey', 'yard', 'workshop', 'other')), 
	CONSTRAINT illegal_structure_area_reported_m2_finite CHECK (area_reported_m2 > '-infinity' and area_reported_m2 < 'infinity'), 
	CONSTRAINT illegal_structure_area_reported_m2_minimum CHECK (area_reported_m2 > 0), 
	CONSTRAINT illegal_structure_area_reported_m2_maximum CHECK (area_reported_m2 <= 500000), 
	CONSTRAINT illegal_structure_storeys_minimum CHECK (storeys >= 0), 
	CONSTRAINT illegal_structure_storeys_maximum CHECK (storeys <= 50), 
	CONSTRAINT illegal_structure_enterprise_code_max_length CHECK (char_length(enterprise_code) <= 64), 
	CONSTRAINT illegal_structure_building_code_max_length CHECK (char_length(building_code) <= 64), 
	CONSTRAINT illegal_structure_campaign_max_length CHECK (char_length(campaign) <= 80), 
	CONSTRAINT illegal_structure_address_max_length CHECK (char_length(address) <= 200), 
	CONSTRAINT illegal_structure_key UNIQUE NULLS NOT DISTINCT (community, grid, code), 
	CONSTRAINT illegal_structure_community_fkey FOREIGN KEY(community) REFERENCES gis.area (code)
);
CREATE INDEX illegal_structure_geom_idx ON gis.illegal_structure USING gist (geom);
CREATE INDEX illegal_structure_grid_idx ON gis.illegal_structure (community, grid);
COMMENT ON TABLE gis.illegal_structure IS '违建:疑似违建,认定以前只称疑似;以及拆除后的处置。';
COMMENT ON COLUMN gis.illegal_structure.community IS '12 位社区代码';
COMMENT ON COLUMN gis.illegal_structure.id IS '标识';
COMMENT ON COLUMN gis.illegal_structure.grid IS '15 位网格代码,由几何推出';
COMMENT ON COLUMN gis.illegal_structure.code IS '编码';
COMMENT ON COLUMN gis.illegal_structure.name IS '名称';
COMMENT ON COLUMN gis.illegal_structure.source IS '数据来源';
COMMENT ON COLUMN gis.illegal_structure.accuracy IS '定位精度';
COMMENT ON COLUMN gis.illegal_structure.surveyed_on IS '调查日期';
COMMENT ON COLUMN gis.illegal_structure.surveyor IS '调查岗位';
COMMENT ON COLUMN gis.illegal_structure.valid_from IS '生效日期';
COMMENT ON COLUMN gis.illegal_structure.valid_to IS '失效日期';
COMMENT ON COLUMN gis.illegal_structure.data_status IS '数据状态';
COMMENT ON COLUMN gis.illegal_structure.remark IS '备注';
COMMENT ON COLUMN gis.illegal_structure.status IS '处置状态';
COMMENT ON COLUMN gis.illegal_structure.kind IS '违建类型';
COMMENT ON COLUMN gis.illegal_structure.area_reported_m2 IS '上报面积(m²)';
COMMENT ON COLUMN gis.illegal_structure.storeys IS '层数(层)';
COMMENT ON COLUMN gis.illegal_structure.found_on IS '发现日期';
COMMENT ON COLUMN gis.illegal_structure.determined_on IS '认定日期';
COMMENT ON COLUMN gis.illegal_structure.demolished_on IS '拆除日期';
COMMENT ON COLUMN gis.illegal_structure.enterprise_code IS '企业编码';
COMMENT ON COLUMN gis.illegal_structure.building_code IS '楼栋编码';
COMMENT ON COLUMN gis.illegal_structure.campaign IS '专项行动';
COMMENT ON COLUMN gis.illegal_structure.address IS '地址';
COMMENT ON COLUMN gis.illegal_structure.geom IS '几何,CGCS2000 经纬度';
COMMENT ON COLUMN gis.illegal_structure.upload IS '写入它的上传';
COMMENT ON COLUMN gis.illegal_structure.version IS '行版本';
COMMENT ON COLUMN gis.illegal_structure.recorded_at IS '记录时间';
COMMENT ON COLUMN gis.illegal_structure.recorded_by IS '记录者';
CREATE TABLE gis.illegal_structure_history (
	community TEXT NOT NULL, 
	id UUID NOT NULL, 
	grid TEXT, 
	code TEXT NOT NULL, 
	name TEXT, 
	source TEXT NOT NULL, 
	accuracy TEXT, 
	surveyed_on DATE, 
	surveyor TEXT, 
	valid_from DATE, 
	valid_to DATE, 
	data_status TEXT NOT NULL, 
	remark TEXT, 
	status TEXT NOT NULL, 
	kind TEXT NOT NULL, 
	area_reported_m2 DOUBLE PRECISION, 
	storeys INTEGER, 
	found_on DATE, 
	determined_on DATE, 
	demolished_on DATE, 
	enterprise_code TEXT, 
	building_code TEXT, 
	campaign TEXT, 
	address TEXT, 
	geom geometry(MULTIPOLYGON,4490) NOT NULL, 
	upload UUID, 
	version INTEGER NOT NULL, 
	recorded_at TIMESTAMP WITH TIME ZONE NOT NULL, 
	recorded_by TEXT NOT NULL, 
	operation TEXT NOT NULL, 
	recorded_to TIMESTAMP WITH TIME ZONE DEFAULT 'infinity' NOT NULL, 
	written_at TIMESTAMP WITH TIME ZONE DEFAULT clock_timestamp() NOT NULL, 
	CONSTRAINT illegal_structure_history_pkey PRIMARY KEY (community, id, version, recorded_at, written_at)
);
CREATE UNIQUE INDEX illegal_structure_history_current_idx ON gis.illegal_structure_history (community, id) WHERE recorded_to = 'infinity';
COMMENT ON TABLE gis.illegal_structure_history IS '违建的历史版本';
COMMENT ON COLUMN gis.illegal_structure_history.community IS '12 位社区代码';
COMMENT ON COLUMN gis.illegal_structure_history.id IS '标识';
COMMENT ON COLUMN gis.illegal_structure_history.grid IS '15 位网格代码,由几何推出';
COMMENT ON COLUMN gis.illegal_structure_history.code IS '编码';
COMMENT ON COLUMN gis.illegal_structure_history.name IS '名称';
COMMENT ON COLUMN gis.illegal_structure_history.source IS '数据来源';
COMMENT ON COLUMN gis.illegal_structure_history.accuracy IS '定位精度';
COMMENT ON COLUMN gis.illegal_structure_history.surveyed_on IS '调查日期';
COMMENT ON COLUMN gis.illegal_structure_history.surveyor IS '调查岗位';
COMMENT ON COLUMN gis.illegal_structure_history.valid_from IS '生效日期';
COMMENT ON COLUMN gis.illegal_structure_history.valid_to IS '失效日期';
COMMENT ON COLUMN gis.illegal_structure_history.data_status IS '数据状态';
COMMENT ON COLUMN gis.illegal_structure_history.remark IS '备注';
COMMENT ON COLUMN gis.illegal_structure_history.status IS '处置状态';
COMMENT ON COLUMN gis.illegal_structure_history.kind IS '违建类型';
COMMENT ON COLUMN gis.illegal_structure_history.area_reported_m2 IS '上报面积(m²)';
COMMENT ON COLUMN gis.illegal_structure_history.storeys IS '层数(层)';
COMMENT ON COLUMN gis.illegal_structure_history.found_on IS '发现日期';
COMMENT ON COLUMN gis.illegal_structure_history.determined_on IS '认定日期';
COMMENT ON COLUMN gis.illegal_structure_history.demolished_on IS '拆除日期';
COMMENT ON COLUMN gis.illegal_structure_history.enterprise_code IS '企业编码';
COMMENT ON COLUMN gis.illegal_structure_history.building_code IS '楼栋编码';
COMMENT ON COLUMN gis.illegal_structure_history.campaign IS '专项行动';
COMMENT ON COLUMN gis.illegal_structure_history.address IS '地址';
COMMENT ON COLUMN gis.illegal_structure_history.geom IS '几何,CGCS2000 经纬度';
COMMENT ON COLUMN gis.illegal_structure_history.upload IS '写入它的上传';
COMMENT ON COLUMN gis.illegal_structure_history.version IS '行版本';
COMMENT ON COLUMN gis.illegal_structure_history.recorded_at IS '记录时间';
COMMENT ON COLUMN gis.illegal_structure_history.recorded_by IS '记录者';
COMMENT ON COLUMN gis.illegal_structure_history.operation IS 'insert、update 或 delete';
COMMENT ON COLUMN gis.illegal_structure_history.recorded_to IS '记录止于';
COMMENT ON COLUMN gis.illegal_structure_history.written_at IS '写入时刻';
alter table gis.illegal_structure enable row level security;
create policy sees on gis.illegal_structure for select to gis_app using (community = any ((select gis.scope(12))::text[]) or grid = any ((select gis.scope(15))::text[]) or left(community, 9) = any ((select gis.scope(9))::text[]) or left(community, 6) = any ((select gis.scope(6))::text[]));
create policy adds on gis.illegal_structure for insert to gis_app with check (community = any ((select gis.scope(12))::text[]) or grid = any ((select gis.scope(15))::text[]) or left(community, 9) = any ((select gis.scope(9))::text[]) or left(community, 6) = any ((select gis.scope(6))::text[]));
create policy changes on gis.illegal_structure for update to gis_app using (community = any ((select gis.scope(12))::text[]) or grid = any ((select gis.scope(15))::text[]) or left(community, 9) = any ((select gis.scope(9))::text[]) or left(community, 6) = any ((select gis.scope(6))::text[])) with check (community = any ((select gis.scope(12))::text[]) or grid = any ((select gis.scope(15))::text[]) or left(community, 9) = any ((select gis.scope(9))::text[]) or left(community, 6) = any ((select gis.scope(6))::text[]));
create policy removes on gis.illegal_structure for delete to gis_app using (community = any ((select gis.scope(12))::text[]) or grid = any ((select gis.scope(15))::text[]) or left(community, 9) = any ((select gis.scope(9))::text[]) or left(community, 6) = any ((select gis.scope(6))::text[]));
grant select, delete, insert (community, id, grid, code, name, source, accuracy, surveyed_on, surveyor, valid_from, valid_to, data_status, remark, status, kind, area_reported_m2, storeys, found_on, determined_on, demolished_on, enterprise_code, building_code, campaign, address, geom), update (community, id, grid, code, name, source, accuracy, surveyed_on, surveyor, valid_from, valid_to, data_status, remark, status, kind, area_reported_m2, storeys, found_on, determined_on, demolished_on, enterprise_code, building_code, campaign, address, geom) on gis.illegal_structure to gis_app;
grant select on gis.illegal_structure to gis_backup;
alter table gis.illegal_structure_history enable row level security;
create policy sees on gis.illegal_structure_history for select to gis_app using (community = any ((select gis.scope(12))::text[]) or grid = any ((select gis.scope(15))::text[]) or left(community, 9) = any ((select gis.scope(9))::text[]) or left(community, 6) = any ((select gis.scope(6))::text[]));
grant select on gis.illegal_structure_history to gis_app, gis_backup;
create trigger mark_version before update on gis.illegal_structure for each row execute function gis.mark_version();
create trigger refuse_truncate before truncate on gis.illegal_structure for each statement execute function gis.refuse_truncate();
create trigger history_on_insert after insert on gis.illegal_structure referencing new table as new_rows for each statement execute function gis.write_history();
create trigger settle_grid_on_insert after insert on gis.illegal_structure referencing new table as new_rows for each statement execute function gis.settle_grid();
create trigger history_on_update after update on gis.illegal_structure referencing old table as old_rows new table as new_rows for each statement execute function gis.write_history();
create trigger settle_grid_on_update after update on gis.illegal_structure referencing new table as new_rows for each statement execute function gis.settle_grid();
create trigger history_on_delete after delete on gis.illegal_structure referencing old table as old_rows for each statement execute function gis.write_history();
CREATE TABLE gis.grid (
	community TEXT NOT NULL, 
	id UUID DEFAULT gen_random_uuid() NOT NULL, 
	grid TEXT, 
	code TEXT NOT NULL, 
	name TEXT, 
	source TEXT DEFAULT 'surveyed' NOT NULL, 
	accuracy TEXT, 
	surveyed_on DATE, 
	surveyor TEXT, 
	valid_from DATE, 
	valid_to DATE, 
	data_status TEXT DEFAULT 'normal' NOT NULL, 
	remark TEXT, 
	level TEXT DEFAULT 'governance' NOT NULL, 
	kind TEXT DEFAULT 'basic' NOT NULL, 
	parent_code TEXT, 
	workers TEXT[], 
	household_count INTEGER, 
	resident_count INTEGER, 
	geom geometry(MULTIPOLYGON,4490) NOT NULL, 
	upload UUID DEFAULT nullif(current_setting('gis.upload', true), '')::uuid, 
	version INTEGER DEFAULT '1' NOT NULL, 
	recorded_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL, 
	recorded_by TEXT DEFAULT coalesce(nullif(current_setting('gis.actor', true), ''), session_user) NOT NULL, 
	CONSTRAINT grid_pkey PRIMARY KEY (community, id), 
	CONSTRAINT grid_community_digits CHECK (community ~ '^[0-9]{12}$'), 
	CONSTRAINT grid_grid_in_community CHECK (left(grid, 12) = community and length(grid) = 15), 
	CONSTRAINT grid_geom_valid CHECK (ST_IsValid(geom) and not ST_IsEmpty(geom)), 
	CONSTRAINT grid_geom_on_globe CHECK (ST_XMin(geom) >= -180 and ST_XMax(geom) <= 180 and ST_YMin(geom) >= -90 and ST_YMax(geom) <= 90), 
	CONSTRAINT grid_code_min_length CHECK (char_length(code) >= 15), 
	CONSTRAINT grid_code_max_length CHECK (char_length(code) <= 15), 
	CONSTRAINT grid_code_pattern CHECK (code ~ '^[0-9]{15}$'), 
	CONSTRAINT grid_name_max_length CHECK (char_length(name) <= 200), 
	CONSTRAINT grid_source_codes CHECK (source in ('surveyed', 'census', 'reported', 'open_data', 'synthetic')), 
	CONSTRAINT grid_accuracy_codes CHECK (accuracy in ('A', 'B', 'C')), 
	CONSTRAINT grid_surveyor_max_length CHECK (char_length(surveyor) <= 60), 
	CONSTRAINT grid_data_status_codes CHECK (data_status in ('normal', 'to_check', 'void')), 
	CONSTRAINT grid_remark_max_length CHECK (char_length(remark) <= 2000), 
	CONSTRAINT grid_level_codes CHECK (level in ('unit', 'governance', 'micro')), 
	CONSTRAINT grid_kind_codes CHECK (kind in ('basic', 'dedicated')), 
	CONSTRAINT grid_parent_code_pattern CHECK (parent_code ~ '^[0-9]{15}$'), 
	CONSTRAINT grid_household_count_minimum CHECK (household_count >= 0), 
	CONSTRAINT grid_household_count_maximum CHECK (household_count <= 20000), 
	CONSTRAINT grid_resident_count_minimum CHECK (resident_count >= 0), 
	CONSTRAINT grid_resident_count_maximum CHECK (resident_count <= 100000), 
	CONSTRAINT grid_key UNIQUE (community, code), 
	CONSTRAINT grid_community_fkey FOREIGN KEY(community) REFERENCES gis.area (code)
);
CREATE INDEX grid_geom_idx ON gis.grid USING gist (geom);
CREATE INDEX grid_grid_idx ON gis.grid (community, grid);
COMMENT ON TABLE gis.grid IS '网格:社区治理的网格:一个岗位负责的一片。';
COMMENT ON COLUMN gis.grid.community IS '12 位社区代码';
COMMENT ON COLUMN gis.grid.id IS '标识';
COMMENT ON COLUMN gis.grid.grid IS '15 位网格代码,由几何推出';
COMMENT ON COLUMN gis.grid.code IS '网格编码';
COMMENT ON COLUMN gis.grid.name IS '名称';
COMMENT ON COLUMN gis.grid.source IS '数据来源';
COMMENT ON COLUMN gis.grid.accuracy IS '定位精度';
COMMENT ON COLUMN gis.grid.surveyed_on IS '调查日期';
COMMENT ON COLUMN gis.grid.surveyor IS '调查岗位';
COMMENT ON COLUMN gis.grid.valid_from IS '生效日期';
COMMENT ON COLUMN gis.grid.valid_to IS '失效日期';
COMMENT ON COLUMN gis.grid.data_status IS '数据状态';
COMMENT ON COLUMN gis.grid.remark IS '备注';
COMMENT ON COLUMN gis.grid.level IS '网格层级';
COMMENT ON COLUMN gis.grid.kind IS '网格类型';
COMMENT ON COLUMN gis.grid.parent_code IS '上级网格编码';
COMMENT ON COLUMN gis.grid.workers IS '网格岗位';
COMMENT ON COLUMN gis.grid.household_count IS '户数(户)';
COMMENT ON COLUMN gis.grid.resident_count IS '人口数(人)';
COMMENT ON COLUMN gis.grid.geom IS '几何,CGCS2000 经纬度';
COMMENT ON COLUMN gis.grid.upload IS '写入它的上传';
COMMENT ON COLUMN gis.grid.version IS '行版本';
COMMENT ON COLUMN gis.grid.recorded_at IS '记录时间';
COMMENT ON COLUMN gis.grid.recorded_by IS '记录者';
CREATE TABLE gis.grid_history (
	community TEXT NOT NULL, 
	id UUID NOT NULL, 
	grid TEXT, 
	code TEXT NOT NULL, 
	name TEXT, 
	source TEXT NOT NULL, 
	accuracy TEXT, 
	surveyed_on DATE, 
	surveyor TEXT, 
	valid_from DATE, 
	valid_to DATE, 
	data_status TEXT NOT NULL, 
	remark TEXT, 
	level TEXT NOT NULL, 
	kind TEXT NOT NULL, 
	parent_code TEXT, 
	workers TEXT[], 
	household_count INTEGER, 
	resident_count INTEGER, 
	geom geometry(MULTIPOLYGON,4490) NOT NULL, 
	upload UUID, 
	version INTEGER NOT NULL, 
	recorded_at TIMESTAMP WITH TIME ZONE NOT NULL, 
	recorded_by TEXT NOT NULL, 
	operation TEXT NOT NULL, 
	recorded_to TIMESTAMP WITH TIME ZONE DEFAULT 'infinity' NOT NULL, 
	written_at TIMESTAMP WITH TIME ZONE DEFAULT clock_timestamp() NOT NULL, 
	CONSTRAINT grid_history_pkey PRIMARY KEY (community, id, version, recorded_at, written_at)
);
CREATE UNIQUE INDEX grid_history_current_idx ON gis.grid_history (community, id) WHERE recorded_to = 'infinity';
COMMENT ON TABLE gis.grid_history IS '网格的历史版本';
COMMENT ON COLUMN gis.grid_history.community IS '12 位社区代码';
COMMENT ON COLUMN gis.grid_history.id IS '标识';
COMMENT ON COLUMN gis.grid_history.grid IS '15 位网格代码,由几何推出';
COMMENT ON COLUMN gis.grid_history.code IS '网格编码';
COMMENT ON COLUMN gis.grid_history.name IS '名称';
COMMENT ON COLUMN gis.grid_history.source IS '数据来源';
COMMENT ON COLUMN gis.grid_history.accuracy IS '定位精度';
COMMENT ON COLUMN gis.grid_history.surveyed_on IS '调查日期';
COMMENT ON COLUMN gis.grid_history.surveyor IS '调查岗位';
COMMENT ON COLUMN gis.grid_history.valid_from IS '生效日期';
COMMENT ON COLUMN gis.grid_history.valid_to IS '失效日期';
COMMENT ON COLUMN gis.grid_history.data_status IS '数据状态';
COMMENT ON COLUMN gis.grid_history.remark IS '备注';
COMMENT ON COLUMN gis.grid_history.level IS '网格层级';
COMMENT ON COLUMN gis.grid_history.kind IS '网格类型';
COMMENT ON COLUMN gis.grid_history.parent_code IS '上级网格编码';
COMMENT ON COLUMN gis.grid_history.workers IS '网格岗位';
COMMENT ON COLUMN gis.grid_history.household_count IS '户数(户)';
COMMENT ON COLUMN gis.grid_history.resident_count IS '人口数(人)';
COMMENT ON COLUMN gis.grid_history.geom IS '几何,CGCS2000 经纬度';
COMMENT ON COLUMN gis.grid_history.upload IS '写入它的上传';
COMMENT ON COLUMN gis.grid_history.version IS '行版本';
COMMENT ON COLUMN gis.grid_history.recorded_at IS '记录时间';
COMMENT ON COLUMN gis.grid_history.recorded_by IS '记录者';
COMMENT ON COLUMN gis.grid_history.operation IS 'insert、update 或 delete';
COMMENT ON COLUMN gis.grid_history.recorded_to IS '记录止于';
COMMENT ON COLUMN gis.grid_history.written_at IS '写入时刻';
alter table gis.grid enable row level security;
create policy sees on gis.grid for select to gis_app using (community = any ((select gis.scope_communities())::text[]) or left(community, 9) = any ((select gis.scope(9))::text[]) or left(community, 6) = any ((select gis.scope(6))::text[]));
create policy adds on gis.grid for insert to gis_app with check (community = any ((select gis.scope(12))::text[]) or left(community, 9) = any ((select gis.scope(9))::text[]) or left(community, 6) = any ((select gis.scope(6))::text[]));
create policy changes on gis.grid for update to gis_app using (community = any ((select gis.scope(12))::text[]) or left(community, 9) = any ((select gis.scope(9))::text[]) or left(community, 6) = any ((select gis.scope(6))::text[])) with check (community = any ((select gis.scope(12))::text[]) or left(community, 9) = any ((select gis.scope(9))::text[]) or left(community, 6) = any ((select gis.scope(6))::text[]));
create policy removes on gis.grid for delete to gis_app using (community = any ((select gis.scope(12))::text[]) or left(community, 9) = any ((select gis.scope(9))::text[]) or left(community, 6) = any ((select gis.scope(6))::text[]));
grant select, delete, insert (community, id, grid, code, name, source, accuracy, surveyed_on, surveyor, valid_from, valid_to, data_status, remark, level, kind, parent_code, workers, household_count, resident_count, geom), update (community, id, grid, code, name, source, accuracy, surveyed_on, surveyor, valid_from, valid_to, data_status, remark, level, kind, parent_code, workers, household_count, resident_count, geom) on gis.grid to gis_app;
grant select on gis.grid to gis_backup;
alter table gis.grid_history enable row level security;
create policy sees on gis.grid_history for select to gis_app using (community = any ((select gis.scope_communities())::text[]) or left(community, 9) = any ((select gis.scope(9))::text[]) or left(community, 6) = any ((select gis.scope(6))::text[]));
grant select on gis.grid_history to gis_app, gis_backup;
create trigger mark_version before update on gis.grid for each row execute function gis.mark_version();
create trigger refuse_truncate before truncate on gis.grid for each statement execute function gis.refuse_truncate();
create trigger history_on_insert after insert on gis.grid referencing new table as new_rows for each statement execute function gis.write_history();
create trigger settle_grid_on_insert after insert on gis.grid referencing new table as new_rows for each statement execute function gis.settle_grid();
create trigger history_on_update after update on gis.grid referencing old table as old_rows new table as new_rows for each statement execute function gis.write_history();
create trigger settle_grid_on_update after update on gis.grid referencing new table as new_rows for each statement execute function gis.settle_grid();
create trigger history_on_delete after delete on gis.grid referencing old table as old_rows for each statement execute function gis.write_history();
create trigger redraw_grids_on_insert after insert on gis.grid referencing new table as new_rows for each statement execute function gis.redraw_grids();
create trigger redraw_grids_on_update after update on gis.grid referencing old table as old_rows new table as new_rows for each statement execute function gis.redraw_grids();
create trigger redraw_grids_on_delete after delete on gis.grid referencing old table as old_rows for each statement execute function gis.redraw_grids();
CREATE TABLE gis.parking (
	community TEXT NOT NULL, 
	id UUID DEFAULT gen_random_uuid() NOT NULL, 
	grid TEXT, 
	code TEXT NOT NULL, 
	name TEXT, 
	source TEXT DEFAULT 'surveyed' NOT NULL, 
	accuracy TEXT, 
	surveyed_on DATE, 
	surveyor TEXT, 
	valid_from DATE, 
	valid_to DATE, 
	data_status TEXT DEFAULT 'normal' NOT NULL, 
	remark TEXT, 
	kind TEXT DEFAULT 'parking' NOT NULL, 
	space_count INTEGER, 
	charging_space_count INTEGER, 
	accessible_space_count INTEGER, 
	marked BOOLEAN, 
	night_count INTEGER, 
	night_counted_on DATE, 
	area_reported_m2 DOUBLE PRECISION, 
	price TEXT, 
	open_hours TEXT, 
	manager TEXT, 
	geom geometry(GEOMETRY,4490) NOT NULL, 
	upload UUID DEFAULT nullif(current_setting('gis.upload', true), '')::uuid, 
	version INTEGER DEFAULT '1' NOT NULL, 
	recorded_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL, 
	recorded_by TEXT DEFAULT coalesce(nullif(current_setting('gis.actor', true), ''), session_user) NOT NULL, 
	CONSTRAINT parking_pkey PRIMARY KEY (community, id), 
	CONSTRAINT parking_community_digits CHECK (community ~ '^[0-9]{12}$'), 
	CONSTRAINT parking_grid_in_community CHECK (left(grid, 12) = community and length(grid) = 15), 
	CONSTRAINT parking_geom_valid CHECK (ST_IsValid(geom) and not ST_IsEmpty(geom)), 
	CONSTRAINT parking_geom_on_globe CHECK (ST_XMin(geom) >= -180 and ST_XMax(geom) <= 180 and ST_YMin(geom) >= -90 and ST_YMax(geom) <= 90), 
	CONSTRAINT parking_code_min_length CHECK (char_length(code) >= 1), 
	CONSTRAINT parking_code_max_length CHECK (char_length(code) <= 64), 
	CONSTRAINT parking_name_max_length CHECK (char_length(name) <= 200), 
	CONSTRAINT parking_source_codes CHECK (source in ('surveyed', 'census', 'reported', 'open_data', 'synthetic')), 
	CONSTRAINT parking_accuracy_codes CHECK (accuracy in ('A', 'B', 'C')), 
	CONSTRAINT parking_surveyor_max_length CHECK (char_length(surveyor) <= 60), 
	CONSTRAINT parking_data_status_codes CHECK (data_status in ('normal', 'to_check', 'void')), 
	CONSTRAINT parking_remark_max_length CHECK (char_length(remark) <= 2000), 
	CONSTRAINT parking_kind_codes CHECK (kind in ('roadside', 'estate', 'public', 'enterprise', 'private_yard', 'temporary', 'bicycle', 'parking', 'other')), 
	CONSTRAINT parking_space_count_minimum CHECK (space_count >= 0), 
	CONSTRAINT parking_space_count_maximum CHECK (space_count <= 20000), 
	CONSTRAINT parking_charging_space_count_minimum CHECK (charging_space_count >= 0), 
	CONSTRAINT parking_charging_space_count_maximum CHECK (charging_space_count <= 20000), 
	CONSTRAINT parking_accessible_space_count_minimum CHECK (accessible_space_count >= 0), 
	CONSTRAINT parking_accessible_space_count_maximum CHECK (accessible_space_count <= 20000), 
	CONSTRAINT parking_night_count_minimum CHECK (night_count >= 0), 
	CONSTRAINT parking_night_count_maximum CHECK (night_count <= 50000), 
	CONSTRAINT parking_area_reported_m2_finite CHECK (area_reported_m2 > '-infinity' and area_reported_m2 < 'infinity'), 
	CONSTRAINT parking_area_reported_m2_minimum CHECK (area_reported_m2 > 0), 
	CONSTRAINT parking_area_reported_m2_maximum CHECK (area_reported_m2 <= 1000000), 
	CONSTRAINT parking_price_max_length CHECK (char_length(price) <= 120), 
	CONSTRAINT parking_open_hours_max_length CHECK (char_length(open_hours) <= 120), 
	CONSTRAINT parking_manager_max_length CHECK (char_length(manager) <= 120), 
	CONSTRAINT parking_key UNIQUE (community, code), 
	CONSTRAINT parking_community_fkey FOREIGN KEY(community) REFERENCES gis.area (code)
);
CREATE INDEX parking_geom_idx ON gis.parking USING gist (geom);
CREATE INDEX parking_grid_idx ON gis.parking (community, grid);
COMMENT ON TABLE gis.parking IS '停车场地:停车的地方:路内、小区内、公共或企业。';
COMMENT ON COLUMN gis.parking.community IS '12 位社区代码';
COMMENT ON COLUMN gis.parking.id IS '标识';
COMMENT ON COLUMN gis.parking.grid IS '15 位网格代码,由几何推出';
COMMENT ON COLUMN gis.parking.code IS '编码';
COMMENT ON COLUMN gis.parking.name IS '名称';
COMMENT ON COLUMN gis.parking.source IS '数据来源';
COMMENT ON COLUMN gis.parking.accuracy IS '定位精度';
COMMENT ON COLUMN gis.parking.surveyed_on IS '调查日期';
COMMENT ON COLUMN gis.parking.surveyor IS '调查岗位';
COMMENT ON COLUMN gis.parking.valid_from IS '生效日期';
COMMENT ON COLUMN gis.parking.valid_to IS '失效日期';
COMMENT ON COLUMN gis.parking.data_status IS '数据状态';
COMMENT ON COLUMN gis.parking.remark IS '备注';
COMMENT ON COLUMN gis.parking.kind IS '停车类型';
COMMENT ON COLUMN gis.parking.space_count IS '车位数(个)';
COMMENT ON COLUMN gis.parking.charging_space_count IS '充电车位数(个)';
COMMENT ON COLUMN gis.parking.accessible_space_count IS '无障碍车位数(个)';
COMMENT ON COLUMN gis.parking.marked IS '已划线';
COMMENT ON COLUMN gis.parking.night_count IS '夜间停车数(辆)';
COMMENT ON COLUMN gis.parking.night_counted_on IS '夜间清点日期';
COMMENT ON COLUMN gis.parking.area_reported_m2 IS '上报面积(m²)';
COMMENT ON COLUMN gis.parking.price IS '收费标准';
COMMENT ON COLUMN gis.parking.open_hours IS '开放时间';
COMMENT ON COLUMN gis.parking.manager IS '管理单位';
COMMENT ON COLUMN gis.parking.geom IS '几何,CGCS2000 经纬度';
COMMENT ON COLUMN gis.parking.upload IS '写入它的上传';
COMMENT ON COLUMN gis.parking.version IS '行版本';
COMMENT ON COLUMN gis.parking.recorded_at IS '记录时间';
COMMENT ON COLUMN gis.parking.recorded_by IS '记录者';
CREATE TABLE gis.parking_history (
	community TEXT NOT NULL, 
	id UUID NOT NULL, 
	grid TEXT, 
	code TEXT NOT NULL, 
	name TEXT, 
	source TEXT NOT NULL, 
	accuracy TEXT, 
	surveyed_on DATE, 
	surveyor TEXT, 
	valid_from DATE, 
	valid_to DATE, 
	data_status TEXT NOT NULL, 
	remark TEXT, 
	kind TEXT NOT NULL, 
	space_count INTEGER, 
	charging_space_count INTEGER, 
	accessible_space_count INTEGER, 
	marked BOOLEAN, 
	night_count INTEGER, 
	night_counted_on DATE, 
	area_reported_m2 DOUBLE PRECISION, 
	price TEXT, 
	open_hours TEXT, 
	manager TEXT, 
	geom geometry(GEOMETRY,4490) NOT NULL, 
	upload UUID, 
	version INTEGER NOT NULL, 
	recorded_at TIMESTAMP WITH TIME ZONE NOT NULL, 
	recorded_by TEXT NOT NULL, 
	operation TEXT NOT NULL, 
	recorded_to TIMESTAMP WITH TIME ZONE DEFAULT 'infinity' NOT NULL, 
	written_at TIMESTAMP WITH TIME ZONE DEFAULT clock_timestamp() NOT NULL, 
	CONSTRAINT parking_history_pkey PRIMARY KEY (community, id, version, recorded_at, written_at)
);
CREATE UNIQUE INDEX parking_history_current_idx ON gis.parking_history (community, id) WHERE recorded_to = 'infinity';
COMMENT ON TABLE gis.parking_history IS '停车场地的历史版本';
COMMENT ON COLUMN gis.parking_history.community IS '12 位社区代码';
COMMENT ON COLUMN gis.parking_history.id IS '标识';
COMMENT ON COLUMN gis.parking_history.grid IS '15 位网格代码,由几何推出';
COMMENT ON COLUMN gis.parking_history.code IS '编码';
COMMENT ON COLUMN gis.parking_history.name IS '名称';
COMMENT ON COLUMN gis.parking_history.source IS '数据来源';
COMMENT ON COLUMN gis.parking_history.accuracy IS '定位精度';
COMMENT ON COLUMN gis.parking_history.surveyed_on IS '调查日期';
COMMENT ON COLUMN gis.parking_history.surveyor IS '调查岗位';
COMMENT ON COLUMN gis.parking_history.valid_from IS '生效日期';
COMMENT ON COLUMN gis.parking_history.valid_to IS '失效日期';
COMMENT ON COLUMN gis.parking_history.data_status IS '数据状态';
COMMENT ON COLUMN gis.parking_history.remark IS '备注';
COMMENT ON COLUMN gis.parking_history.kind IS '停车类型';
COMMENT ON COLUMN gis.parking_history.space_count IS '车位数(个)';
COMMENT ON COLUMN gis.parking_history.charging_space_count IS '充电车位数(个)';
COMMENT ON COLUMN gis.parking_history.accessible_space_count IS '无障碍车位数(个)';
COMMENT ON COLUMN gis.parking_history.marked IS '已划线';
COMMENT ON COLUMN gis.parking_history.night_count IS '夜间停车数(辆)';
COMMENT ON COLUMN gis.parking_history.night_counted_on IS '夜间清点日期';
COMMENT ON COLUMN gis.parking_history.area_reported_m2 IS '上报面积(m²)';
COMMENT ON COLUMN gis.parking_history.price IS '收费标准';
COMMENT ON COLUMN gis.parking_history.open_hours IS '开放时间';
COMMENT ON COLUMN gis.parking_history.manager IS '管理单位';
COMMENT ON COLUMN gis.parking_history.geom IS '几何,CGCS2000 经纬度';
COMMENT ON COLUMN gis.parking_history.upload IS '写入它的上传';
COMMENT ON COLUMN gis.parking_history.version IS '行版本';
COMMENT ON COLUMN gis.parking_history.recorded_at IS '记录时间';
COMMENT ON COLUMN gis.parking_history.recorded_by IS '记录者';
COMMENT ON COLUMN gis.parking_history.operation IS 'insert、update 或 delete';
COMMENT ON COLUMN gis.parking_history.recorded_to IS '记录止于';
COMMENT ON COLUMN gis.parking_history.written_at IS '写入时刻';
alter table gis.parking enable row level security;
create policy sees on gis.parking for select to gis_app using (community = any ((select gis.scope_communities())::text[]) or left(community, 9) = any ((select gis.scope(9))::text[]) or left(community, 6) = any ((select gis.scope(6))::text[]));
create policy adds on gis.parking for insert to gis_app with check (community = any ((select gis.scope(12))::text[]) or grid = any ((select gis.scope(15))::text[]) or left(community, 9) = any ((select gis.scope(9))::text[]) or left(community, 6) = any ((select gis.scope(6))::text[]));
create policy changes on gis.parking for update to gis_app using (community = any ((select gis.scope(12))::text[]) or grid = any ((select gis.scope(15))::text[]) or left(community, 9) = any ((select gis.scope(9))::text[]) or left(community, 6) = any ((select gis.scope(6))::text[])) with check (community = any ((select gis.scope(12))::text[]) or grid = any ((select gis.scope(15))::text[]) or left(community, 9) = any ((select gis.scope(9))::text[]) or left(community, 6) = any ((select gis.scope(6))::text[]));
create policy removes on gis.parking for delete to gis_app using (community = any ((select gis.scope(12))::text[]) or grid = any ((select gis.scope(15))::text[]) or left(community, 9) = any ((select gis.scope(9))::text[]) or left(community, 6) = any ((select gis.scope(6))::text[]));
grant select, delete, insert (community, id, grid, code, name, source, accuracy, surveyed_on, surveyor, valid_from, valid_to, data_status, remark, kind, space_count, charging_space_count, accessible_space_count, marked, night_count, night_counted_on, area_reported_m2, price, open_hours, manager, geom), update (community, id, grid, code, name, source, accuracy, surveyed_on, surveyor, valid_from, valid_to, data_status, remark, kind, space_count, charging_space_count, accessible_space_count, marked, night_count, night_counted_on, area_reported_m2, price, open_hours, manager, geom) on gis.parking to gis_app;
grant select on gis.parking to gis_backup;
alter table gis.parking_history enable row level security;
create policy sees on gis.parking_history for select to gis_app using (community = any ((select gis.scope_communities())::text[]) or left(community, 9) = any ((select gis.scope(9))::text[]) or left(community, 6) = any ((select gis.scope(6))::text[]));
grant select on gis.parking_history to gis_app, gis_backup;
create trigger mark_version before update on gis.parking for each row execute function gis.mark_version();
create trigger refuse_truncate before truncate on gis.parking for each statement execute function gis.refuse_truncate();
create trigger history_on_insert after insert on gis.parking referencing new table as new_rows for each statement execute function gis.write_history();
create trigger settle_grid_on_insert after insert on gis.parking referencing new table as new_rows for each statement execute function gis.settle_grid();
create trigger history_on_update after update on gis.parking referencing old table as old_rows new table as new_rows for each statement execute function gis.write_history();
create trigger settle_grid_on_update after update on gis.parking referencing new table as new_rows for each statement execute function gis.settle_grid();
create trigger history_on_delete after delete on gis.parking referencing old table as old_rows for each statement execute function gis.write_history();
CREATE TABLE gis.facility (
	community TEXT NOT NULL, 
	id UUID DEFAULT gen_random_uuid() NOT NULL, 
	grid TEXT, 
	code TEXT NOT NULL, 
	name TEXT, 
	source TEXT DEFAULT 'surveyed' NOT NULL, 
	accuracy TEXT, 
	surveyed_on DATE, 
	surveyor TEXT, 
	valid_from DATE, 
	valid_to DATE, 
	data_status TEXT DEFAULT 'normal' NOT NULL, 
	remark TEXT, 
	kind TEXT DEFAULT 'other' NOT NULL, 
	status TEXT DEFAULT 'intact' NOT NULL, 
	capacity INTEGER, 
	floor_area_m2 DOUBLE PRECISION, 
	open_hours TEXT, 
	manager TEXT, 
	installed_on DATE, 
	checked_on DATE, 
	address TEXT, 
	geom geometry(POINT,4490) NOT NULL, 
	upload UUID DEFAULT nullif(current_setting('gis.upload', true), '')::uuid, 
	version INTEGER DEFAULT '1' NOT NULL, 
	recorded_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL, 
	recorded_by TEXT DEFAULT coalesce(nullif(current_setting('gis.actor', true), ''), session_user) NOT NULL, 
	CONSTRAINT facility_pkey PRIMARY KEY (community, id), 
	CONSTRAINT facility_community_digits CHECK (community ~ '^[0-9]{12}$'), 
	CONSTRAINT facility_grid_in_community CHECK (left(grid, 12) = community and length(grid) = 15), 
	CONSTRAINT facility_geom_valid CHECK (ST_IsValid(geom) and not ST_IsEmpty(geom)), 
	CONSTRAINT facility_geom_on_globe CHECK (ST_XMin(geom) >= -180 and ST_XMax(geom) <= 180 and ST_YMin(geom) >= -90 and ST_YMax(geom) <= 90), 
	CONSTRAINT facility_code_min_length CHECK (char_length(code) >= 1), 
	CONSTRAINT facility_code_max_length CHECK (char_length(code) <= 64), 
	CONSTRAINT facility_name_max_length CHECK (char_length(name) <= 200), 
	CONSTRAINT facility_source_codes CHECK (source in ('surveyed', 'census', 'reported', 'open_data', 'synthetic')), 
	CONSTRAINT facility_accuracy_codes CHECK (accuracy in ('A', 'B', 'C')), 
	CONSTRAINT facility_surveyor_max_length CHECK (char_length(surveyor) <= 60), 
	CONSTRAINT facility_data_status_codes CHECK (data_status in ('normal', 'to_check', 'void')), 
	CONSTRAINT facility_remark_max_length CHECK (char_length(remark) <= 2000), 
	CONSTRAINT facility_kind_codes CHECK (kind in ('hydrant', 'fire_post', 'fire_station', 'charging', 'charging_station', 'street_light', 'camera', 'manhole', 'pole', 'party_centre', 'veterans', 'tongxin', 'charity', 'culture_hall', 'reading', 'grid_station', 'rental_desk', 'mediation', 'elderly', 'government', 'police', 'clinic', 'hospital', 'pharmacy', 'kindergarten', 'school', 'library', 'museum', 'arts_centre', 'cinema', 'fitness', 'pitch', 'park', 'place_of_worship', 'market', 'supermarket', 'convenience', 'shop', 'restaurant', 'hotel', 'bank', 'atm', 'post_office', 'post_box', 'toilets', 'bus_stop', 'bus_station', 'station', 'subway_entrance', 'ferry_terminal', 'taxi', 'bicycle_rental', 'traffic_signals', 'fuel', 'other')), 
	CONSTRAINT facility_status_codes CHECK (status in ('intact', 'damaged', 'lost', 'abandoned')), 
	CONSTRAINT facility_capacity_minimum CHECK (capacity >= 0), 
	CONSTRAINT facility_capacity_maximum CHECK (capacity <= 100000), 
	CONSTRAINT facility_floor_area_m2_finite CHECK (floor_area_m2 > '-infinity' and floor_area_m2 < 'infinity'), 
	CONSTRAINT facility_floor_area_m2_minimum CHECK (floor_area_m2 >= 0), 
	CONSTRAINT facility_floor_area_m2_maximum CHECK (floor_area_m2 <= 1000000), 
	CONSTRAINT facility_open_hours_max_length CHECK (char_length(open_hours) <= 120), 
	CONSTRAINT facility_manager_max_length CHECK (char_length(manager) <= 160), 
	CONSTRAINT facility_address_max_length CHECK (char_length(address) <= 200), 
	CONSTRAINT facility_key UNIQUE (community, code), 
	CONSTRAINT facility_community_fkey FOREIGN KEY(community) REFERENCES gis.area (code)
);
CREATE INDEX facility_geom_idx ON gis.facility USING gist (geom);
CREATE INDEX facility_grid_idx ON gis.facility (community, grid);
COMMENT ON TABLE gis.facility IS '公共设施:公共设施:消火栓、充电点、服务站和其他便民场所。';
COMMENT ON COLUMN gis.facility.community IS '12 位社区代码';
COMMENT ON COLUMN gis.facility.id IS '标识';
COMMENT ON COLUMN gis.facility.grid IS '15 位网格代码,由几何推出';
COMMENT ON COLUMN gis.facility.code IS '编码';
COMMENT ON COLUMN gis.facility.name IS '名称';
COMMENT ON COLUMN gis.facility.source IS '数据来源';
COMMENT ON COLUMN gis.facility.accuracy IS '定位精度';
COMMENT ON COLUMN gis.facility.surveyed_on IS '调查日期';
COMMENT ON COLUMN gis.facility.surveyor IS '调查岗位';
COMMENT ON COLUMN gis.facility.valid_from IS '生效日期';
COMMENT ON COLUMN gis.facility.valid_to IS '失效日期';
COMMENT ON COLUMN gis.facility.data_status IS '数据状态';
COMMENT ON COLUMN gis.facility.remark IS '备注';
COMMENT ON COLUMN gis.facility.kind IS '设施类型';
COMMENT ON COLUMN gis.facility.status IS '设施状态';
COMMENT ON COLUMN gis.facility.capacity IS '服务容量';
COMMENT ON COLUMN gis.facility.floor_area_m2 IS '建筑面积(m²)';
COMMENT ON COLUMN gis.facility.open_hours IS '开放时间';
COMMENT ON COLUMN gis.facility.manager IS '管理单位';
COMMENT ON COLUMN gis.facility.installed_on IS '安装日期';
COMMENT ON COLUMN gis.facility.checked_on IS '最近检查';
COMMENT ON COLUMN gis.facility.address IS '地址';
COMMENT ON COLUMN gis.facility.geom IS '几何,CGCS2000 经纬度';
COMMENT ON COLUMN gis.facility.upload IS '写入它的上传';
COMMENT ON COLUMN gis.facility.version IS '行版本';
COMMENT ON COLUMN gis.facility.recorded_at IS '记录时间';
COMMENT ON COLUMN gis.facility.recorded_by IS '记录者';
CREATE TABLE gis.facility_history (
	community TEXT NOT NULL, 
	id UUID NOT NULL, 
	grid TEXT, 
	code TEXT NOT NULL, 
	name TEXT, 
	source TEXT NOT NULL, 
	accuracy TEXT, 
	surveyed_on DATE, 
	surveyor TEXT, 
	valid_from DATE, 
	valid_to DATE, 
	data_status TEXT NOT NULL, 
	remark TEXT, 
	kind TEXT NOT NULL, 
	status TEXT NOT NULL, 
	capacity INTEGER, 
	floor_area_m2 DOUBLE PRECISION, 
	open_hours TEXT, 
	manager TEXT, 
	installed_on DATE, 
	checked_on DATE, 
	address TEXT, 
	geom geometry(POINT,4490) NOT NULL, 
	upload UUID, 
	version INTEGER NOT NULL, 
	recorded_at TIMESTAMP WITH TIME ZONE NOT NULL, 
	recorded_by TEXT NOT NULL, 
	operation TEXT NOT NULL, 
	recorded_to TIMESTAMP WITH TIME ZONE DEFAULT 'infinity' NOT NULL, 
	written_at TIMESTAMP WITH TIME ZONE DEFAULT clock_timestamp() NOT NULL, 
	CONSTRAINT facility_history_pkey PRIMARY KEY (community, id, version, recorded_at, written_at)
);
CREATE UNIQUE INDEX facility_history_current_idx ON gis.facility_history (community, id) WHERE recorded_to = 'infinity';
COMMENT ON TABLE gis.facility_history IS '公共设施的历史版本';
COMMENT ON COLUMN gis.facility_history.community IS '12 位社区代码';
COMMENT ON COLUMN gis.facility_history.id IS '标识';
COMMENT ON COLUMN gis.facility_history.grid IS '15 位网格代码,由几何推出';
COMMENT ON COLUMN gis.facility_history.code IS '编码';
COMMENT ON COLUMN gis.facility_history.name IS '名称';
COMMENT ON COLUMN gis.facility_history.source IS '数据来源';
COMMENT ON COLUMN gis.facility_history.accuracy IS '定位精度';
COMMENT ON COLUMN gis.facility_history.surveyed_on IS '调查日期';
COMMENT ON COLUMN gis.facility_history.surveyor IS '调查岗位';
COMMENT ON COLUMN gis.facility_history.valid_from IS '生效日期';
COMMENT ON COLUMN gis.facility_history.valid_to IS '失效日期';
COMMENT ON COLUMN gis.facility_history.data_status IS '数据状态';
COMMENT ON COLUMN gis.facility_history.remark IS '备注';
COMMENT ON COLUMN gis.facility_history.kind IS '设施类型';
COMMENT ON COLUMN gis.facility_history.status IS '设施状态';
COMMENT ON COLUMN gis.facility_history.capacity IS '服务容量';
COMMENT ON COLUMN gis.facility_history.floor_area_m2 IS '建筑面积(m²)';
COMMENT ON COLUMN gis.facility_history.open_hours IS '开放时间';
COMMENT ON COLUMN gis.facility_history.manager IS '管理单位';
COMMENT ON COLUMN gis.facility_history.installed_on IS '安装日期';
COMMENT ON COLUMN gis.facility_history.checked_on IS '最近检查';
COMMENT ON COLUMN gis.facility_history.address IS '地址';
COMMENT ON COLUMN gis.facility_history.geom IS '几何,CGCS2000 经纬度';
COMMENT ON COLUMN gis.facility_history.upload IS '写入它的上传';
COMMENT ON COLUMN gis.facility_history.version IS '行版本';
COMMENT ON COLUMN gis.facility_history.recorded_at IS '记录时间';
COMMENT ON COLUMN gis.facility_history.recorded_by IS '记录者';
COMMENT ON COLUMN gis.facility_history.operation IS 'insert、update 或 delete';
COMMENT ON COLUMN gis.facility_history.recorded_to IS '记录止于';
COMMENT ON COLUMN gis.facility_history.written_at IS '写入时刻';
alter table gis.facility enable row level security;
create policy sees on gis.facility for select to gis_app using (community = any ((select gis.scope_communities())::text[]) or left(community, 9) = any ((select gis.scope(9))::text[]) or left(community, 6) = any ((select gis.scope(6))::text[]));
create policy adds on gis.facility for insert to gis_app with check (community = any ((select gis.scope(12))::text[]) or grid = any ((select gis.scope(15))::text[]) or left(community, 9) = any ((select gis.scope(9))::text[]) or left(community, 6) = any ((select gis.scope(6))::text[]));
create policy changes on gis.facility for update to gis_app using (community = any ((select gis.scope(12))::text[]) or grid = any ((select gis.scope(15))::text[]) or left(community, 9) = any ((select gis.scope(9))::text[]) or left(community, 6) = any ((select gis.scope(6))::text[])) with check (community = any ((select gis.scope(12))::text[]) or grid = any ((select gis.scope(15))::text[]) or left(community, 9) = any ((select gis.scope(9))::text[]) or left(community, 6) = any ((select gis.scope(6))::text[]));
create policy removes on gis.facility for delete to gis_app using (community = any ((select gis.scope(12))::text[]) or grid = any ((select gis.scope(15))::text[]) or left(community, 9) = any ((select gis.scope(9))::text[]) or left(community, 6) = any ((select gis.scope(6))::text[]));
grant select, delete, insert (community, id, grid, code, name, source, accuracy, surveyed_on, surveyor, valid_from, valid_to, data_status, remark, kind, status, capacity, floor_area_m2, open_hours, manager, installed_on, checked_on, address, geom), update (community, id, grid, code, name, source, accuracy, surveyed_on, surveyor, valid_from, valid_to, data_status, remark, kind, status, capacity, floor_area_m2, open_hours, manager, installed_on, checked_on, address, geom) on gis.facility to gis_app;
grant select on gis.facility to gis_backup;
alter table gis.facility_history enable row level security;
create policy sees on gis.facility_history for select to gis_app using (community = any ((select gis.scope_communities())::text[]) or left(community, 9) = any ((select gis.scope(9))::text[]) or left(community, 6) = any ((select gis.scope(6))::text[]));
grant select on gis.facility_history to gis_app, gis_backup;
create trigger mark_version before update on gis.facility for each row execute function gis.mark_version();
create trigger refuse_truncate before truncate on gis.facility for each statement execute function gis.refuse_truncate();
create trigger history_on_insert after insert on gis.facility referencing new table as new_rows for each statement execute function gis.write_history();
create trigger settle_grid_on_insert after insert on gis.facility referencing new table as new_rows for each statement execute function gis.settle_grid();
create trigger history_on_update after update on gis.facility referencing old table as old_rows new table as new_rows for each statement execute function gis.write_history();
create trigger settle_grid_on_update after update on gis.facility referencing new table as new_rows for each statement execute function gis.settle_grid();
create trigger history_on_delete after delete on gis.facility referencing old table as old_rows for each statement execute function gis.write_history();
CREATE TABLE gis.waste_point (
	community TEXT NOT NULL, 
	id UUID DEFAULT gen_random_uuid() NOT NULL, 
	grid TEXT, 
	code TEXT NOT NULL, 
	name TEXT, 
	source TEXT DEFAULT 'surveyed' NOT NULL, 
	accuracy TEXT, 
	surveyed_on DATE, 
	surveyor TEXT, 
	valid_from DATE, 
	valid_to DATE, 
	data_status TEXT DEFAULT 'normal' NOT NULL, 
	remark TEXT, 
	kind TEXT NOT NULL, 
	waste_classes TEXT[], 
	bins INTEGER, 
	open_hours TEXT, 
	manager TEXT, 
	accuracy_rate DOUBLE PRECISION, 
	geom geometry(POINT,4490) NOT NULL, 
	upload UUID DEFAULT nullif(current_setting('gis.upload', true), '')::uuid, 
	version INTEGER DEFAULT '1' NOT NULL, 
	recorded_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL, 
	recorded_by TEXT DEFAULT coalesce(nullif(current_setting('gis.actor', true), ''), session_user) NOT NULL, 
	CONSTRAINT waste_point_pkey PRIMARY KEY (community, id), 
	CONSTRAINT waste_point_community_digits CHECK (community ~ '^[0-9]{12}$'), 
	CONSTRAINT waste_point_grid_in_community CHECK (left(grid, 12) = community and length(grid) = 15), 
	CONSTRAINT waste_point_geom_valid CHECK (ST_IsValid(geom) and not ST_IsEmpty(geom)), 
	CONSTRAINT waste_point_geom_on_globe CHECK (ST_XMin(geom) >= -180 and ST_XMax(geom) <= 180 and ST_YMin(geom) >= -90 and ST_YMax(geom) <= 90), 
	CONSTRAINT waste_point_code_min_length CHECK (char_length(code) >= 1), 
	CONSTRAINT waste_point_code_max_length CHECK (char_length(code) <= 64), 
	CONSTRAINT waste_point_name_max_length CHECK (char_length(name) <= 200), 
	CONSTRAINT waste_point_source_codes CHECK (source in ('surveyed', 'census', 'reported', 'open_data', 'synthetic')), 
	CONSTRAINT waste_point_accuracy_codes CHECK (accuracy in ('A', 'B', 'C')), 
	CONSTRAINT waste_point_surveyor_max_length CHECK (char_length(surveyor) <= 60), 
	CONSTRAINT waste_point_data_status_codes CHECK (data_status in ('normal', 'to_check', 'void')), 
	CONSTRAINT waste_point_remark_max_length CHECK (char_length(remark) <= 2000), 
	CONSTRAINT waste_point_kind_codes CHECK (kind in ('timed', 'missed', 'bulky', 'renovation', 'hazardous', 'recycling')), 
	CONSTRAINT waste_point_waste_classes_codes CHECK (waste_classes <@ array['recyclable', 'perishable', 'hazardous', 'other']::text[] and array_position(waste_classes, null) is null), 
	CONSTRAINT waste_point_bins_minimum CHECK (bins >= 0), 
	CONSTRAINT waste_point_bins_maximum CHECK (bins <= 500), 
	CONSTRAINT waste_point_open_hours_max_length CHECK (char_length(open_hours) <= 120), 
	CONSTRAINT waste_point_manager_max_length CHECK (char_length(manager) <= 120), 
	CONSTRAINT waste_point_accuracy_rate_finite CHECK (accuracy_rate > '-infinity' and accuracy_rate < 'infinity'), 
	CONSTRAINT waste_point_accuracy_rate_minimum CHECK (accuracy_rate >= 0), 
	CONSTRAINT waste_point_accuracy_rate_maximum CHECK (accuracy_rate <= 100), 
	CONSTRAINT waste_point_key UNIQUE (community, code), 
	CONSTRAINT waste_point_community_fkey FOREIGN KEY(community) REFERENCES gis.area (code)
);
CREATE INDEX waste_point_geom_idx ON gis.waste_point USING gist (geom);
CREATE INDEX waste_point_grid_idx ON gis.waste_point (community, grid);
COMMENT ON TABLE gis.waste_point IS '垃圾投放点:居民按时间投放分类垃圾的地点(定时定点)。';
COMMENT ON COLUMN gis.waste_point.community IS '12 位社区代码';
COMMENT ON COLUMN gis.waste_point.id IS '标识';
COMMENT ON COLUMN gis.waste_point.grid IS '15 位网格代码,由几何推出';
COMMENT ON COLUMN gis.waste_point.code IS '编码';
COMMENT ON COLUMN gis.waste_point.name IS '名称';
COMMENT ON COLUMN gis.waste_point.source IS '数据来源';
COMMENT ON COLUMN gis.waste_point.accuracy IS '定位精度';
COMMENT ON COLUMN gis.waste_point.surveyed_on IS '调查日期';
COMMENT ON COLUMN gis.waste_point.surveyor IS '调查岗位';
COMMENT ON COLUMN gis.waste_point.valid_from IS '生效日期';
COMMENT ON COLUMN gis.waste_point.valid_to IS '失效日期';
COMMENT ON COLUMN gis.waste_point.data_status IS '数据状态';
COMMENT ON COLUMN gis.waste_point.remark IS '备注';
COMMENT ON COLUMN gis.waste_point.kind IS '类型';
COMMENT ON COLUMN gis.waste_point.waste_classes IS '收集类别';
COMMENT ON COLUMN gis.waste_point.bins IS '桶数(只)';
COMMENT ON COLUMN gis.waste_point.open_hours IS '投放时间';
COMMENT ON COLUMN gis.waste_point.manager IS '管理责任单位';
COMMENT ON COLUMN gis.waste_point.accuracy_rate IS '分类正确率(%)';
COMMENT ON COLUMN gis.waste_point.geom IS '几何,CGCS2000 经纬度';
COMMENT ON COLUMN gis.waste_point.upload IS '写入它的上传';
COMMENT ON COLUMN gis.waste_point.version IS '行版本';
COMMENT ON COLUMN gis.waste_point.recorded_at IS '记录时间';
COMMENT ON COLUMN gis.waste_point.recorded_by IS '记录者';
CREATE TABLE gis.waste_point_history (
	community TEXT NOT NULL, 
	id UUID NOT NULL, 
	grid TEXT, 
	code TEXT NOT NULL, 
	name TEXT, 
	source TEXT NOT NULL, 
	accuracy TEXT, 
	surveyed_on DATE, 
	surveyor TEXT, 
	valid_from DATE, 
	valid_to DATE, 
	data_status TEXT NOT NULL, 
	remark TEXT, 
	kind TEXT NOT NULL, 
	waste_classes TEXT[], 
	bins INTEGER, 
	open_hours TEXT, 
	manager TEXT, 
	accuracy_rate DOUBLE PRECISION, 
	geom geometry(POINT,4490) NOT NULL, 
	upload UUID, 
	version INTEGER NOT NULL, 
	recorded_at TIMESTAMP WITH TIME ZONE NOT NULL, 
	recorded_by TEXT NOT NULL, 
	operation TEXT NOT NULL, 
	recorded_to TIMESTAMP WITH TIME ZONE DEFAULT 'infinity' NOT NULL, 
	written_at TIMESTAMP WITH TIME ZONE DEFAULT clock_timestamp() NOT NULL, 
	CONSTRAINT waste_point_history_pkey PRIMARY KEY (community, id, version, recorded_at, written_at)
);
CREATE UNIQUE INDEX waste_point_history_current_idx ON gis.waste_point_history (community, id) WHERE recorded_to = 'infinity';
COMMENT ON TABLE gis.waste_point_history IS '垃圾投放点的历史版本';
COMMENT ON COLUMN gis.waste_point_history.community IS '12 位社区代码';
COMMENT ON COLUMN gis.waste_point_history.id IS '标识';
COMMENT ON COLUMN gis.waste_point_history.grid IS '15 位网格代码,由几何推出';
COMMENT ON COLUMN gis.waste_point_history.code IS '编码';
COMMENT ON COLUMN gis.waste_point_history.name IS '名称';
COMMENT ON COLUMN gis.waste_point_history.source IS '数据来源';
COMMENT ON COLUMN gis.waste_point_history.accuracy IS '定位精度';
COMMENT ON COLUMN gis.waste_point_history.surveyed_on IS '调查日期';
COMMENT ON COLUMN gis.waste_point_history.surveyor IS '调查岗位';
COMMENT ON COLUMN gis.waste_point_history.valid_from IS '生效日期';
COMMENT ON COLUMN gis.waste_point_history.valid_to IS '失效日期';
COMMENT ON COLUMN gis.waste_point_history.data_status IS '数据状态';
COMMENT ON COLUMN gis.waste_point_history.remark IS '备注';
COMMENT ON COLUMN gis.waste_point_history.kind IS '类型';
COMMENT ON COLUMN gis.waste_point_history.waste_classes IS '收集类别';
COMMENT ON COLUMN gis.waste_point_history.bins IS '桶数(只)';
COMMENT ON COLUMN gis.waste_point_history.open_hours IS '投放时间';
COMMENT ON COLUMN gis.waste_point_history.manager IS '管理责任单位';
COMMENT ON COLUMN gis.waste_point_history.accuracy_rate IS '分类正确率(%)';
COMMENT ON COLUMN gis.waste_point_history.geom IS '几何,CGCS2000 经纬度';
COMMENT ON COLUMN gis.waste_point_history.upload IS '写入它的上传';
COMMENT ON COLUMN gis.waste_point_history.version IS '行版本';
COMMENT ON COLUMN gis.waste_point_history.recorded_at IS '记录时间';
COMMENT ON COLUMN gis.waste_point_history.recorded_by IS '记录者';
COMMENT ON COLUMN gis.waste_point_history.operation IS 'insert、update 或 delete';
COMMENT ON COLUMN gis.waste_point_history.recorded_to IS '记录止于';
COMMENT ON COLUMN gis.waste_point_history.written_at IS '写入时刻';
alter table gis.waste_point enable row level security;
create policy sees on gis.waste_point for select to gis_app using (community = any ((select gis.scope_communities())::text[]) or left(community, 9) = any ((select gis.scope(9))::text[]) or left(community, 6) = any ((select gis.scope(6))::text[]));
create policy adds on gis.waste_point for insert to gis_app with check (community = any ((select gis.scope(12))::text[]) or grid = any ((select gis.scope(15))::text[]) or left(community, 9) = any ((select gis.scope(9))::text[]) or left(community, 6) = any ((select gis.scope(6))::text[]));
create policy changes on gis.waste_point for update to gis_app using (community = any ((select gis.scope(12))::text[]) or grid = any ((select gis.scope(15))::text[]) or left(community, 9) = any ((select gis.scope(9))::text[]) or left(community, 6) = any ((select gis.scope(6))::text[])) with check (community = any ((select gis.scope(12))::text[]) or grid = any ((select gis.scope(15))::text[]) or left(community, 9) = any ((select gis.scope(9))::text[]) or left(community, 6) = any ((select gis.scope(6))::text[]));
create policy removes on gis.waste_point for delete to gis_app using (community = any ((select gis.scope(12))::text[]) or grid = any ((select gis.scope(15))::text[]) or left(community, 9) = any ((select gis.scope(9))::text[]) or left(community, 6) = any ((select gis.scope(6))::text[]));
grant select, delete, insert (community, id, grid, code, name, source, accuracy, surveyed_on, surveyor, valid_from, valid_to, data_status, remark, kind, waste_classes, bins, open_hours, manager, accuracy_rate, geom), update (community, id, grid, code, name, source, accuracy, surveyed_on, surveyor, valid_from, valid_to, data_status, remark, kind, waste_classes, bins, open_hours, manager, accuracy_rate, geom) on gis.waste_point to gis_app;
grant select on gis.waste_point to gis_backup;
alter table gis.waste_point_history enable row level security;
create policy sees on gis.waste_point_history for select to gis_app using (community = any ((select gis.scope_communities())::text[]) or left(community, 9) = any ((select gis.scope(9))::text[]) or left(community, 6) = any ((select gis.scope(6))::text[]));
grant select on gis.waste_point_history to gis_app, gis_backup;
create trigger mark_version before update on gis.waste_point for each row execute function gis.mark_version();
create trigger refuse_truncate before truncate on gis.waste_point for each statement execute function gis.refuse_truncate();
create trigger history_on_insert after insert on gis.waste_point referencing new table as new_rows for each statement execute function gis.write_history();
create trigger settle_grid_on_insert after insert on gis.waste_point referencing new table as new_rows for each statement execute function gis.settle_grid();
create trigger history_on_update after update on gis.waste_point referencing old table as old_rows new table as new_rows for each statement execute function gis.write_history();
create trigger settle_grid_on_update after update on gis.waste_point referencing new table as new_rows for each statement execute function gis.settle_grid();
create trigger history_on_delete after delete on gis.waste_point referencing old table as old_rows for each statement execute function gis.write_history();
CREATE TABLE gis.enterprise (
	community TEXT NOT NULL, 
	id UUID DEFAULT gen_random_uuid() NOT NULL, 
	grid TEXT, 
	code TEXT NOT NULL, 
	name TEXT, 
	source TEXT DEFAULT 'surveyed' NOT NULL, 
	accuracy TEXT, 
	surveyed_on DATE, 
	surveyor TEXT, 
	valid_from DATE, 
	valid_to DATE, 
	data_status TEXT DEFAULT 'normal' NOT NULL, 
	remark TEXT, 
	plot_code TEXT, 
	building_code TEXT, 
	occupancy TEXT DEFAULT 'unknown' NOT NULL, 
	lessor_code TEXT, 
	scale TEXT DEFAULT 'unknown' NOT NULL, 
	tags TEXT[], 
	foreign_funded BOOLEAN, 
	industry TEXT, 
	industry_class TEXT, 
	uscc TEXT, 
	employees INTEGER, 
	floor_area_m2 DOUBLE PRECISION, 
	occupied_from DATE, 
	occupied_to DATE, 
	safety_agreement BOOLEAN, 
	risks TEXT[], 
	licence_status TEXT DEFAULT 'unknown' NOT NULL, 
	licence_change_on DATE, 
	status TEXT DEFAULT 'operating' NOT NULL, 
	closed_on DATE, 
	rectified BOOLEAN, 
	rectified_on DATE, 
	address TEXT, 
	geom geometry(POINT,4490) NOT NULL, 
	upload UUID DEFAULT nullif(current_setting('gis.upload', true), '')::uuid, 
	version INTEGER DEFAULT '1' NOT NULL, 
	recorded_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL, 
	recorded_by TEXT DEFAULT coalesce(nullif(current_setting('gis.actor', true), ''), session_user) NOT NULL, 
	CONSTRAINT enterprise_pkey PRIMARY KEY (community, id), 
	CONSTRAINT enterprise_community_digits CHECK (community ~ '^[0-9]{12}$'), 
	CONSTRAINT enterprise_grid_in_community CHECK (left(grid, 12) = community and length(grid) = 15), 
	CONSTRAINT enterprise_geom_valid CHECK (ST_IsValid(geom) and not ST_IsEmpty(geom)), 
	CONSTRAINT enterprise_geom_on_globe CHECK (ST_XMin(geom) >= -180 and ST_XMax(geom) <= 180 and ST_YMin(geom) >= -90 and ST_YMax(geom) <= 90), 
	CONSTRAINT enterprise_code_min_length CHECK (char_length(code) >= 1), 
	CONSTRAINT enterprise_code_max_length CHECK (char_length(code) <= 64), 
	CONSTRAINT enterprise_name_max_length CHECK (char_length(name) <= 200), 
	CONSTRAINT enterprise_source_codes CHECK (source in ('surveyed', 'census', 'reported', 'open_data', 'synthetic')), 
	CONSTRAINT enterprise_accuracy_codes CHECK (accuracy in ('A', 'B', 'C')), 
	CONSTRAINT enterprise_surveyor_max_length CHECK (char_length(surveyor) <= 60), 
	CONSTRAINT enterprise_data_status_codes CHECK (data_status in ('normal', 'to_check', 'void')), 
	CONSTRAINT enterprise_remark_max_length CHECK (char_length(remark) <= 2000), 
	CONSTRAINT enterprise_plot_code_max_length CHECK (char_length(plot_code) <= 64), 
	CONSTRAINT enterprise_building_code_max_length CHECK (char_length(building_code) <= 64), 
	CONSTRAINT enterprise_occupancy_codes CHECK (occupancy in ('owned', 'lessor', 'tenant', 'sublessor', 'unknown')), 
	CONSTRAINT enterprise_lessor_code_max_length CHECK (char_length(lessor_code) <= 64), 
	CONSTRAINT enterprise_scale_codes CHECK (scale in ('above', 'below', 'unknown')), 
	CONSTRAINT enterprise_tags_codes CHECK (tags <@ array['fortune_500', 'industry_leader', 'high_tech', 'specialised', 'listed']::text[] and array_position(tags, null) is null), 
	CONSTRAINT enterprise_industry_codes CHECK (industry in ('A01', 'A02', 'A03', 'A04', 'A05', 'B06', 'B07', 'B08', 'B09', 'B10', 'B11', 'B12', 'C13', 'C14', 'C15', 'C16', 'C17', 'C18', 'C19', 'C20', 'C21', 'C22', 'C23', 'C24', 'C25', 'C26', 'C27', 'C28', 'C29', 'C30', 'C31', 'C32', 'C33', 'C34', 'C35', 'C36', 'C37', 'C38', 'C39', 'C40', 'C41', 'C42', 'C43', 'D44', 'D45', 'D46', 'E47', 'E48', 'E49', 'E50', 'F51', 'F52', 'G53', 'G54', 'G55', 'G56', 'G57', 'G58', 'G59', 'G60', 'H61', 'H62', 'I63', 'I64', 'I65', 'J66', 'J67', 'J68', 'J69', 'K70', 'L71', 'L72', 'M73', 'M74', 'M75', 'N76', 'N77', 'N78', 'N79', 'O80', 'O81', 'O82', 'P83', 'Q84', 'Q85', 'R86', 'R87', 'R88', 'R89', 'R90', 'S91', 'S92', 'S93', 'S94', 'S95', 'S96', 'T97')), 
	CONSTRAINT enterprise_industry_max_length CHECK (char_length(industry) <= 16), 
	CONSTRAINT enterprise_industry_class_pattern CHECK (industry_class ~ '^[A-T][0-9]{2,4}$'), 
	CONSTRAINT enterprise_uscc_pattern CHECK (uscc ~ '^[0-9A-HJ-NPQRTUWXY]{2}[0-9]{6}[0-9A-HJ-NPQRTUWXY]{10}$'), 
	CONSTRAINT enterprise_employees_minimum CHECK (employees >= 0), 
	CONSTRAINT enterprise_employees_maximum CHECK (employees <= 200000), 
	CONSTRAINT enterprise_floor_area_m2_finite CHECK (floor_area_m2 > '-infinity' and floor_area_m2 < 'infinity'), 
	CONSTRAINT enterprise_floor_area_m2_minimum CHECK (floor_area_m2 >= 0), 
	CONSTRAINT enterprise_floor_area_m2_maximum CHECK (floor_area_m2 <= 2000000), 
	CONSTRAINT enterprise_risks_codes CHECK (risks <@ array['dust', 'spraying', 'confined_space', 'chemicals', 'ammonia', 'special_equipment', 'lodging']::text[] and array_position(risks, null) is null), 
	CONSTRAINT enterprise_licence_status_codes CHECK (licence_status in ('valid', 'none', 'expired', 'mismatch', 'pending', 'unknown')), 
	CONSTRAINT enterprise_status_codes CHECK (status in ('operating', 'suspended', 'moved', 'closed')), 
	CONSTRAINT enterprise_address_max_length CHECK (char_length(address) <= 200), 
	CONSTRAINT enterprise_key UNIQUE (community, code), 
	CONSTRAINT enterprise_community_fkey FOREIGN KEY(community) REFERENCES gis.area (code)
);
CREATE INDEX enterprise_geom_idx ON gis.enterprise USING gist (geom);
CREATE INDEX enterprise_grid_idx ON gis.enterprise (community, grid);
COMMENT ON TABLE gis.enterprise IS '企业:在地块上经营的一家企业:自有、承租或转租。';
COMMENT ON COLUMN gis.enterprise.community IS '12 位社区代码';
COMMENT ON COLUMN gis.enterprise.id IS '标识';
COMMENT ON COLUMN gis.enterprise.grid IS '15 位网格代码,由几何推出';
COMMENT ON COLUMN gis.enterprise.code IS '编码';
COMMENT ON COLUMN gis.enterprise.name IS '名称';
COMMENT ON COLUMN gis.enterprise.source IS '数据来源';
COMMENT ON COLUMN gis.enterprise.accuracy IS '定位精度';
COMMENT ON COLUMN gis.enterprise.surveyed_on IS '调查日期';
COMMENT ON COLUMN gis.enterprise.surveyor IS '调查岗位';
COMMENT ON COLUMN gis.enterprise.valid_from IS '生效日期';
COMMENT ON COLUMN gis.enterprise.valid_to IS '失效日期';
COMMENT ON COLUMN gis.enterprise.data_status IS '数据状态';
COMMENT ON COLUMN gis.enterprise.remark IS '备注';
COMMENT ON COLUMN gis.enterprise.plot_code IS '地块编码';
COMMENT ON COLUMN gis.enterprise.building_code IS '楼栋编码';
COMMENT ON COLUMN gis.enterprise.occupancy IS '使用方式';
COMMENT ON COLUMN gis.enterprise.lessor_code IS '出租方编码';
COMMENT ON COLUMN gis.enterprise.scale IS '规模';
COMMENT ON COLUMN gis.enterprise.tags IS '企业标签';
COMMENT ON COLUMN gis.enterprise.foreign_funded IS '外资企业';
COMMENT ON COLUMN gis.enterprise.industry IS '行业大类';
COMMENT ON COLUMN gis.enterprise.industry_class IS '行业小类代码';
COMMENT ON COLUMN gis.enterprise.uscc IS '统一社会信用代码';
COMMENT ON COLUMN gis.enterprise.employees IS '从业人数(人)';
COMMENT ON COLUMN gis.enterprise.floor_area_m2 IS '使用面积(m²)';
COMMENT ON COLUMN gis.enterprise.occupied_from IS '入驻日期';
COMMENT ON COLUMN gis.enterprise.occupied_to IS '租期届满';
COMMENT ON COLUMN gis.enterprise.safety_agreement IS '安全生产协议';
COMMENT ON COLUMN gis.enterprise.risks IS '重点风险';
COMMENT ON COLUMN gis.enterprise.licence_status IS '证照情况';
COMMENT ON COLUMN gis.enterprise.licence_change_on IS '执照变更日期';
COMMENT ON COLUMN gis.enterprise.status IS '经营状态';
COMMENT ON COLUMN gis.enterprise.closed_on IS '关闭日期';
COMMENT ON COLUMN gis.enterprise.rectified IS '已整改';
COMMENT ON COLUMN gis.enterprise.rectified_on IS '整改完成日期';
COMMENT ON COLUMN gis.enterprise.address IS '地址';
COMMENT ON COLUMN gis.enterprise.geom IS '几何,CGCS2000 经纬度';
COMMENT ON COLUMN gis.enterprise.upload IS '写入它的上传';
COMMENT ON COLUMN gis.enterprise.version IS '行版本';
COMMENT ON COLUMN gis.enterprise.recorded_at IS '记录时间';
COMMENT ON COLUMN gis.enterprise.recorded_by IS '记录者';
CREATE TABLE gis.enterprise_history (
	community TEXT NOT NULL, 
	id UUID NOT NULL, 
	grid TEXT, 
	code TEXT NOT NULL, 
	name TEXT, 
	source TEXT NOT NULL, 
	accuracy TEXT, 
	surveyed_on DATE, 
	surveyor TEXT, 
	valid_from DATE, 
	valid_to DATE, 
	data_status TEXT NOT NULL, 
	remark TEXT, 
	plot_code TEXT, 
	building_code TEXT, 
	occupancy TEXT NOT NULL, 
	lessor_code TEXT, 
	scale TEXT NOT NULL, 
	tags TEXT[], 
	foreign_funded BOOLEAN, 
	industry TEXT, 
	industry_class TEXT, 
	uscc TEXT, 
	employees INTEGER, 
	floor_area_m2 DOUBLE PRECISION, 
	occupied_from DATE, 
	occupied_to DATE, 
	safety_agreement BOOLEAN, 
	risks TEXT[], 
	licence_status TEXT NOT NULL, 
	licence_change_on DATE, 
	status TEXT NOT NULL, 
	closed_on DATE, 
	rectified BOOLEAN, 
	rectified_on DATE, 
	address TEXT, 
	geom geometry(POINT,4490) NOT NULL, 
	upload UUID, 
	version INTEGER NOT NULL, 
	recorded_at TIMESTAMP WITH TIME ZONE NOT NULL, 
	recorded_by TEXT NOT NULL, 
	operation TEXT NOT NULL, 
	recorded_to TIMESTAMP WITH TIME ZONE DEFAULT 'infinity' NOT NULL, 
	written_at TIMESTAMP WITH TIME ZONE DEFAULT clock_timestamp() NOT NULL, 
	CONSTRAINT enterprise_history_pkey PRIMARY KEY (community, id, version, recorded_at, written_at)
);
CREATE UNIQUE INDEX enterprise_history_current_idx ON gis.enterprise_history (community, id) WHERE recorded_to = 'infinity';
COMMENT ON TABLE gis.enterprise_history IS '企业的历史版本';
COMMENT ON COLUMN gis.enterprise_history.community IS '12 位社区代码';
COMMENT ON COLUMN gis.enterprise_history.id IS '标识';
COMMENT ON COLUMN gis.enterprise_history.grid IS '15 位网格代码,由几何推出';
COMMENT ON COLUMN gis.enterprise_history.code IS '编码';
COMMENT ON COLUMN gis.enterprise_history.name IS '名称';
COMMENT ON COLUMN gis.enterprise_history.source IS '数据来源';
COMMENT ON COLUMN gis.enterprise_history.accuracy IS '定位精度';
COMMENT ON COLUMN gis.enterprise_history.surveyed_on IS '调查日期';
COMMENT ON COLUMN gis.enterprise_history.surveyor IS '调查岗位';
COMMENT ON COLUMN gis.enterprise_history.valid_from IS '生效日期';
COMMENT ON COLUMN gis.enterprise_history.valid_to IS '失效日期';
COMMENT ON COLUMN gis.enterprise_history.data_status IS '数据状态';
COMMENT ON COLUMN gis.enterprise_history.remark IS '备注';
COMMENT ON COLUMN gis.enterprise_history.plot_code IS '地块编码';
COMMENT ON COLUMN gis.enterprise_history.building_code IS '楼栋编码';
COMMENT ON COLUMN gis.enterprise_history.occupancy IS '使用方式';
COMMENT ON COLUMN gis.enterprise_history.lessor_code IS '出租方编码';
COMMENT ON COLUMN gis.enterprise_history.scale IS '规模';
COMMENT ON COLUMN gis.enterprise_history.tags IS '企业标签';
COMMENT ON COLUMN gis.enterprise_history.foreign_funded IS '外资企业';
COMMENT ON COLUMN gis.enterprise_history.industry IS '行业大类';
COMMENT ON COLUMN gis.enterprise_history.industry_class IS '行业小类代码';
COMMENT ON COLUMN gis.enterprise_history.uscc IS '统一社会信用代码';
COMMENT ON COLUMN gis.enterprise_history.employees IS '从业人数(人)';
COMMENT ON COLUMN gis.enterprise_history.floor_area_m2 IS '使用面积(m²)';
COMMENT ON COLUMN gis.enterprise_history.occupied_from IS '入驻日期';
COMMENT ON COLUMN gis.enterprise_history.occupied_to IS '租期届满';
COMMENT ON COLUMN gis.enterprise_history.safety_agreement IS '安全生产协议';
COMMENT ON COLUMN gis.enterprise_history.risks IS '重点风险';
COMMENT ON COLUMN gis.enterprise_history.licence_status IS '证照情况';
COMMENT ON COLUMN gis.enterprise_history.licence_change_on IS '执照变更日期';
COMMENT ON COLUMN gis.enterprise_history.status IS '经营状态';
COMMENT ON COLUMN gis.enterprise_history.closed_on IS '关闭日期';
COMMENT ON COLUMN gis.enterprise_history.rectified IS '已整改';
COMMENT ON COLUMN gis.enterprise_history.rectified_on IS '整改完成日期';
COMMENT ON COLUMN gis.enterprise_history.address IS '地址';
COMMENT ON COLUMN gis.enterprise_history.geom IS '几何,CGCS2000 经纬度';
COMMENT ON COLUMN gis.enterprise_history.upload IS '写入它的上传';
COMMENT ON COLUMN gis.enterprise_history.version IS '行版本';
COMMENT ON COLUMN gis.enterprise_history.recorded_at IS '记录时间';
COMMENT ON COLUMN gis.enterprise_history.recorded_by IS '记录者';
COMMENT ON COLUMN gis.enterprise_history.operation IS 'insert、update 或 delete';
COMMENT ON COLUMN gis.enterprise_history.recorded_to IS '记录止于';
COMMENT ON COLUMN gis.enterprise_history.written_at IS '写入时刻';
alter table gis.enterprise enable row level security;
create policy sees on gis.enterprise for select to gis_app using (community = any ((select gis.scope_communities())::text[]) or left(community, 9) = any ((select gis.scope(9))::text[]) or left(community, 6) = any ((select gis.scope(6))::text[]));
create policy adds on gis.enterprise for insert to gis_app with check (community = any ((select gis.scope(12))::text[]) or grid = any ((select gis.scope(15))::text[]) or left(community, 9) = any ((select gis.scope(9))::text[]) or left(community, 6) = any ((select gis.scope(6))::text[]));
create policy changes on gis.enterprise for update to gis_app using (community = any ((select gis.scope(12))::text[]) or grid = any ((select gis.scope(15))::text[]) or left(community, 9) = any ((select gis.scope(9))::text[]) or left(community, 6) = any ((select gis.scope(6))::text[])) with check (community = any ((select gis.scope(12))::text[]) or grid = any ((select gis.scope(15))::text[]) or left(community, 9) = any ((select gis.scope(9))::text[]) or left(community, 6) = any ((select gis.scope(6))::text[]));
create policy removes on gis.enterprise for delete to gis_app using (community = any ((select gis.scope(12))::text[]) or grid = any ((select gis.scope(15))::text[]) or left(community, 9) = any ((select gis.scope(9))::text[]) or left(community, 6) = any ((select gis.scope(6))::text[]));
grant select, delete, insert (community, id, grid, code, name, source, accuracy, surveyed_on, surveyor, valid_from, valid_to, data_status, remark, plot_code, building_code, occupancy, lessor_code, scale, tags, foreign_funded, industry, industry_class, uscc, employees, floor_area_m2, occupied_from, occupied_to, safety_agreement, risks, licence_status, licence_change_on, status, closed_on, rectified, rectified_on, address, geom), update (community, id, grid, code, name, source, accuracy, surveyed_on, surveyor, valid_from, valid_to, data_status, remark, plot_code, building_code, occupancy, lessor_code, scale, tags, foreign_funded, industry, industry_class, uscc, employees, floor_area_m2, occupied_from, occupied_to, safety_agreement, risks, licence_status, licence_change_on, status, closed_on, rectified, rectified_on, address, geom) on gis.enterprise to gis_app;
grant select on gis.enterprise to gis_backup;
alter table gis.enterprise_history enable row level security;
create policy sees on gis.enterprise_history for select to gis_app using (community = any ((select gis.scope_communities())::text[]) or left(community, 9) = any ((select gis.scope(9))::text[]) or left(community, 6) = any ((select gis.scope(6))::text[]));
grant select on gis.enterprise_history to gis_app, gis_backup;
create trigger mark_version before update on gis.enterprise for each row execute function gis.mark_version();
create trigger refuse_truncate before truncate on gis.enterprise for each statement execute function gis.refuse_truncate();
create trigger history_on_insert after insert on gis.enterprise referencing new table as new_rows for each statement execute function gis.write_history();
create trigger settle_grid_on_insert after insert on gis.enterprise referencing new table as new_rows for each statement execute function gis.settle_grid();
create trigger history_on_update after update on gis.enterprise referencing old table as old_rows new table as new_rows for each statement execute function gis.write_history();
create trigger settle_grid_on_update after update on gis.enterprise referencing new table as new_rows for each statement execute function gis.settle_grid();
create trigger history_on_delete after delete on gis.enterprise referencing old table as old_rows for each statement execute function gis.write_history();
CREATE TABLE gis.rental_unit (
	community TEXT NOT NULL, 
	id UUID DEFAULT gen_random_uuid() NOT NULL, 
	grid TEXT, 
	code TEXT NOT NULL, 
	name TEXT, 
	source TEXT DEFAULT 'surveyed' NOT NULL, 
	accuracy TEXT, 
	surveyed_on DATE, 
	surveyor TEXT, 
	valid_from DATE, 
	valid_to DATE, 
	data_status TEXT DEFAULT 'normal' NOT NULL, 
	remark TEXT, 
	building_code TEXT, 
	address TEXT, 
	floor INTEGER, 
	room TEXT, 
	room_count INTEGER, 
	usable_area_m2 DOUBLE PRECISION, 
	letting_use TEXT DEFAULT 'dwelling' NOT NULL, 
	rent_status TEXT DEFAULT 'let' NOT NULL, 
	tenant_count INTEGER, 
	tenant_count_prev INTEGER, 
	tenant_count_as_of DATE, 
	largest_room_persons INTEGER, 
	count_basis TEXT, 
	kin_household BOOLEAN, 
	partitioned BOOLEAN, 
	non_habitable_let BOOLEAN, 
	registered_count INTEGER, 
	registration_status TEXT, 
	landlord_kind TEXT, 
	landlord_onsite BOOLEAN, 
	responsibility_letter BOOLEAN, 
	hotel_mode BOOLEAN, 
	grade TEXT, 
	grade_reasons TEXT[], 
	last_visit_on DATE, 
	next_due_on DATE, 
	geom geometry(POINT,4490) NOT NULL, 
	upload UUID DEFAULT nullif(current_setting('gis.upload', true), '')::uuid, 
	version INTEGER DEFAULT '1' NOT NULL, 
	recorded_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL, 
	recorded_by TEXT DEFAULT coalesce(nullif(current_setting('gis.actor', true), ''), session_user) NOT NULL, 
	CONSTRAINT rental_unit_pkey PRIMARY KEY (community, id), 
	CONSTRAINT rental_unit_community_digits CHECK (community ~ '^[0-9]{12}$'), 
	CONSTRAINT rental_unit_grid_in_community CHECK (left(grid, 12) = community and length(grid) = 15), 
	CONSTRAINT rental_unit_geom_valid CHECK (ST_IsValid(geom) and not ST_IsEmpty(geom)), 
	CONSTRAINT rental_unit_geom_on_globe CHECK (ST_XMin(geom) >= -180 and ST_XMax(geom) <= 180 and ST_YMin(geom) >= -90 and ST_YMax(geom) <= 90), 
	CONSTRAINT rental_unit_code_min_length CHECK (char_length(code) >= 1), 
	CONSTRAINT rental_unit_code_max_length CHECK (char_length(code) <= 64), 
	CONSTRAINT rental_unit_name_max_length CHECK (char_length(name) <= 200), 
	CONSTRAINT rental_unit_source_codes CHECK (source in ('surveyed', 'census', 'reported', 'open_data', 'synthetic')), 
	CONSTRAINT rental_unit_accuracy_codes CHECK (accuracy in ('A', 'B', 'C')), 
	CONSTRAINT rental_unit_surveyor_max_length CHECK (char_length(surveyor) <= 60), 
	CONSTRAINT rental_unit_data_status_codes CHECK (data_status in ('normal', 'to_check', 'void')), 
	CONSTRAINT rental_unit_remark_max_length CHECK (char_length(remark) <= 2000), 
	CONSTRAINT rental_unit_building_code_max_length CHECK (char_length(building_code) <= 64), 
	CONSTRAINT rental_unit_address_max_length CHECK (char_length(address) <= 200), 
	CONSTRAINT rental_unit_floor_minimum CHECK (floor >= -5), 
	CONSTRAINT rental_unit_floor_maximum CHECK (floor <= 150), 
	CONSTRAINT rental_unit_room_max_length CHECK (char_length(room) <= 40), 
	CONSTRAINT rental_unit_room_count_minimum CHECK (room_count >= 0), 
	CONSTRAINT rental_unit_room_count_maximum CHECK (room_count <= 500), 
	CONSTRAINT rental_unit_usable_area_m2_finite CHECK (usable_area_m2 > '-infinity' and usable_area_m2 < 'infinity'), 
	CONSTRAINT rental_unit_usable_area_m2_minimum CHECK (usable_area_m2 > 0), 
	CONSTRAINT rental_unit_usable_area_m2_maximum CHECK (usable_area_m2 <= 20000), 
	CONSTRAINT rental_unit_letting_use_codes CHECK (letting_use in ('dwelling', 'dormitory', 'mixed', 'storage', 'other')), 
	CONSTRAINT rental_unit_rent_status_codes CHECK (rent_status in ('let', 'vacant', 'ended')), 
	CONSTRAINT rental_unit_tenant_count_minimum CHECK (tenant_count >= 0), 
	CONSTRAINT rental_unit_tenant_count_maximum CHECK (tenant_count <= 2000), 
	CONSTRAINT rental_unit_tenant_count_prev_minimum CHECK (tenant_count_prev >= 0), 
	CONSTRAINT rental_unit_tenant_count_prev_maximum CHECK (tenant_count_prev <= 2000), 
	CONSTRAINT rental_unit_largest_room_persons_minimum CHECK (largest_room_persons >= 0), 
	CONSTRAINT rental_unit_largest_room_persons_maximum CHECK (largest_room_persons <= 200), 
	CONSTRAINT rental_unit_count_basis_codes CHECK (count_basis in ('surveyed', 'declared', 'estimated')), 
	CONSTRAINT rental_unit_registered_count_minimum CHECK (registered_count >= 0), 
	CONSTRAINT rental_unit_registered_count_maximum CHECK (registered_count <= 2000), 
	CONSTRAINT rental_unit_registration_status_codes CHECK (registration_status in ('registered', 'unregistered', 'change_due', 'cancelled')), 
	CONSTRAINT rental_unit_landlord_kind_codes CHECK (landlord_kind in ('local', 'plot_buyer', 'sublessor', 'firm', 'other')), 
	CONSTRAINT rental_unit_grade_codes CHECK (grade in ('green', 'yellow', 'red')), 
	CONSTRAINT rental_unit_grade_reasons_codes CHECK (grade_reasons <@ array['G1', 'G2', 'G3', 'G4', 'G5', 'F1', 'F2', 'F3', 'F4', 'R1', 'R2', 'S1', 'other']::text[] and array_position(grade_reasons, null) is null), 
	CONSTRAINT rental_unit_key UNIQUE NULLS NOT DISTINCT (community, grid, code), 
	CONSTRAINT rental_unit_community_fkey FOREIGN KEY(community) REFERENCES gis.area (code)
);
CREATE INDEX rental_unit_geom_idx ON gis.rental_unit USING gist (geom);
CREATE INDEX rental_unit_grid_idx ON gis.rental_unit (community, grid);
COMMENT ON TABLE gis.rental_unit IS '出租房:一个出租单元(间、套),只记人数,不记姓名。';
COMMENT ON COLUMN gis.rental_unit.community IS '12 位社区代码';
COMMENT ON COLUMN gis.rental_unit.id IS '标识';
COMMENT ON COLUMN gis.rental_unit.grid IS '15 位网格代码,由几何推出';
COMMENT ON COLUMN gis.rental_unit.code IS '编码';
COMMENT ON COLUMN gis.rental_unit.name IS '名称';
COMMENT ON COLUMN gis.rental_unit.source IS '数据来源';
COMMENT ON COLUMN gis.rental_unit.accuracy IS '定位精度';
COMMENT ON COLUMN gis.rental_unit.surveyed_on IS '调查日期';
COMMENT ON COLUMN gis.rental_unit.surveyor IS '调查岗位';
COMMENT ON COLUMN gis.rental_unit.valid_from IS '生效日期';
COMMENT ON COLUMN gis.rental_unit.valid_to IS '失效日期';
COMMENT ON COLUMN gis.rental_unit.data_status IS '数据状态';
COMMENT ON COLUMN gis.rental_unit.remark IS '备注';
COMMENT ON COLUMN gis.rental_unit.building_code IS '楼栋编码';
COMMENT ON COLUMN gis.rental_unit.address IS '地址';
COMMENT ON COLUMN gis.rental_unit.floor IS '所在层(层)';
COMMENT ON COLUMN gis.rental_unit.room IS '房号';
COMMENT ON COLUMN gis.rental_unit.room_count IS '间数(间)';
COMMENT ON COLUMN gis.rental_unit.usable_area_m2 IS '使用面积(m²)';
COMMENT ON COLUMN gis.rental_unit.letting_use IS '出租用途';
COMMENT ON COLUMN gis.rental_unit.rent_status IS '出租状态';
COMMENT ON COLUMN gis.rental_unit.tenant_count IS '租住人数(人)';
COMMENT ON COLUMN gis.rental_unit.tenant_count_prev IS '上期租住人数(人)';
COMMENT ON COLUMN gis.rental_unit.tenant_count_as_of IS '人数截至';
COMMENT ON COLUMN gis.rental_unit.largest_room_persons IS '单间最多人数(人)';
COMMENT ON COLUMN gis.rental_unit.count_basis IS '人数面积依据';
COMMENT ON COLUMN gis.rental_unit.kin_household IS '家庭户';
COMMENT ON COLUMN gis.rental_unit.partitioned IS '分隔出租';
COMMENT ON COLUMN gis.rental_unit.non_habitable_let IS '非居住空间出租';
COMMENT ON COLUMN gis.rental_unit.registered_count IS '登记人数(人)';
COMMENT ON COLUMN gis.rental_unit.registration_status IS '登记状态';
COMMENT ON COLUMN gis.rental_unit.landlord_kind IS '出租人类型';
COMMENT ON COLUMN gis.rental_unit.landlord_onsite IS '房东同住';
COMMENT ON COLUMN gis.rental_unit.responsibility_letter IS '责任书';
COMMENT ON COLUMN gis.rental_unit.hotel_mode IS '旅馆式管理';
COMMENT ON COLUMN gis.rental_unit.grade IS '风险等级';
COMMENT ON COLUMN gis.rental_unit.grade_reasons IS '定级原因';
COMMENT ON COLUMN gis.rental_unit.last_visit_on IS '最近走访';
COMMENT ON COLUMN gis.rental_unit.next_due_on IS '下次到期';
COMMENT ON COLUMN gis.rental_unit.geom IS '几何,CGCS2000 经纬度';
COMMENT ON COLUMN gis.rental_unit.upload IS '写入它的上传';
COMMENT ON COLUMN gis.rental_unit.version IS '行版本';
COMMENT ON COLUMN gis.rental_unit.recorded_at IS '记录时间';
COMMENT ON COLUMN gis.rental_unit.recorded_by IS '记录者';
CREATE TABLE gis.rental_unit_history (
	community TEXT NOT NULL, 
	id UUID NOT NULL, 
	grid TEXT, 
	code TEXT NOT NULL, 
	name TEXT, 
	source TEXT NOT NULL, 
	accuracy TEXT, 
	surveyed_on DATE, 
	surveyor TEXT, 
	valid_from DATE, 
	valid_to DATE, 
	data_status TEXT NOT NULL, 
	remark TEXT, 
	building_code TEXT, 
	address TEXT, 
	floor INTEGER, 
	room TEXT, 
	room_count INTEGER, 
	usable_area_m2 DOUBLE PRECISION, 
	letting_use TEXT NOT NULL, 
	rent_status TEXT NOT NULL, 
	tenant_count INTEGER, 
	tenant_count_prev INTEGER, 
	tenant_count_as_of DATE, 
	largest_room_persons INTEGER, 
	count_basis TEXT, 
	kin_household BOOLEAN, 
	partitioned BOOLEAN, 
	non_habitable_let BOOLEAN, 
	registered_count INTEGER, 
	registration_status TEXT, 
	landlord_kind TEXT, 
	landlord_onsite BOOLEAN, 
	responsibility_letter BOOLEAN, 
	hotel_mode BOOLEAN, 
	grade TEXT, 
	grade_reasons TEXT[], 
	last_visit_on DATE, 
	next_due_on DATE, 
	geom geometry(POINT,4490) NOT NULL, 
	upload UUID, 
	version INTEGER NOT NULL, 
	recorded_at TIMESTAMP WITH TIME ZONE NOT NULL, 
	recorded_by TEXT NOT NULL, 
	operation TEXT NOT NULL, 
	recorded_to TIMESTAMP WITH TIME ZONE DEFAULT 'infinity' NOT NULL, 
	written_at TIMESTAMP WITH TIME ZONE DEFAULT clock_timestamp() NOT NULL, 
	CONSTRAINT rental_unit_history_pkey PRIMARY KEY (community, id, version, recorded_at, written_at)
);
CREATE UNIQUE INDEX rental_unit_history_current_idx ON gis.rental_unit_history (community, id) WHERE recorded_to = 'infinity';
COMMENT ON TABLE gis.rental_unit_history IS '出租房的历史版本';
COMMENT ON COLUMN gis.rental_unit_history.community IS '12 位社区代码';
COMMENT ON COLUMN gis.rental_unit_history.id IS '标识';
COMMENT ON COLUMN gis.rental_unit_history.grid IS '15 位网格代码,由几何推出';
COMMENT ON COLUMN gis.rental_unit_history.code IS '编码';
COMMENT ON COLUMN gis.rental_unit_history.name IS '名称';
COMMENT ON COLUMN gis.rental_unit_history.source IS '数据来源';
COMMENT ON COLUMN gis.rental_unit_history.accuracy IS '定位精度';
COMMENT ON COLUMN gis.rental_unit_history.surveyed_on IS '调查日期';
COMMENT ON COLUMN gis.rental_unit_history.surveyor IS '调查岗位';
COMMENT ON COLUMN gis.rental_unit_history.valid_from IS '生效日期';
COMMENT ON COLUMN gis.rental_unit_history.valid_to IS '失效日期';
COMMENT ON COLUMN gis.rental_unit_history.data_status IS '数据状态';
COMMENT ON COLUMN gis.rental_unit_history.remark IS '备注';
COMMENT ON COLUMN gis.rental_unit_history.building_code IS '楼栋编码';
COMMENT ON COLUMN gis.rental_unit_history.address IS '地址';
COMMENT ON COLUMN gis.rental_unit_history.floor IS '所在层(层)';
COMMENT ON COLUMN gis.rental_unit_history.room IS '房号';
COMMENT ON COLUMN gis.rental_unit_history.room_count IS '间数(间)';
COMMENT ON COLUMN gis.rental_unit_history.usable_area_m2 IS '使用面积(m²)';
COMMENT ON COLUMN gis.rental_unit_history.letting_use IS '出租用途';
COMMENT ON COLUMN gis.rental_unit_history.rent_status IS '出租状态';
COMMENT ON COLUMN gis.rental_unit_history.tenant_count IS '租住人数(人)';
COMMENT ON COLUMN gis.rental_unit_history.tenant_count_prev IS '上期租住人数(人)';
COMMENT ON COLUMN gis.rental_unit_history.tenant_count_as_of IS '人数截至';
COMMENT ON COLUMN gis.rental_unit_history.largest_room_persons IS '单间最多人数(人)';
COMMENT ON COLUMN gis.rental_unit_history.count_basis IS '人数面积依据';
COMMENT ON COLUMN gis.rental_unit_history.kin_household IS '家庭户';
COMMENT ON COLUMN gis.rental_unit_history.partitioned IS '分隔出租';
COMMENT ON COLUMN gis.rental_unit_history.non_habitable_let IS '非居住空间出租';
COMMENT ON COLUMN gis.rental_unit_history.registered_count IS '登记人数(人)';
COMMENT ON COLUMN gis.rental_unit_history.registration_status IS '登记状态';
COMMENT ON COLUMN gis.rental_unit_history.landlord_kind IS '出租人类型';
COMMENT ON COLUMN gis.rental_unit_history.landlord_onsite IS '房东同住';
COMMENT ON COLUMN gis.rental_unit_history.responsibility_letter IS '责任书';
COMMENT ON COLUMN gis.rental_unit_history.hotel_mode IS '旅馆式管理';
COMMENT ON COLUMN gis.rental_unit_history.grade IS '风险等级';
COMMENT ON COLUMN gis.rental_unit_history.grade_reasons IS '定级原因';
COMMENT ON COLUMN gis.rental_unit_history.last_visit_on IS '最近走访';
COMMENT ON COLUMN gis.rental_unit_history.next_due_on IS '下次到期';
COMMENT ON COLUMN gis.rental_unit_history.geom IS '几何,CGCS2000 经纬度';
COMMENT ON COLUMN gis.rental_unit_history.upload IS '写入它的上传';
COMMENT ON COLUMN gis.rental_unit_history.version IS '行版本';
COMMENT ON COLUMN gis.rental_unit_history.recorded_at IS '记录时间';
COMMENT ON COLUMN gis.rental_unit_history.recorded_by IS '记录者';
COMMENT ON COLUMN gis.rental_unit_history.operation IS 'insert、update 或 delete';
COMMENT ON COLUMN gis.rental_unit_history.recorded_to IS '记录止于';
COMMENT ON COLUMN gis.rental_unit_history.written_at IS '写入时刻';
alter table gis.rental_unit enable row level security;
create policy sees on gis.rental_unit for select to gis_app using (community = any ((select gis.scope(12))::text[]) or grid = any ((select gis.scope(15))::text[]) or left(community, 9) = any ((select gis.scope(9))::text[]) or left(community, 6) = any ((select gis.scope(6))::text[]));
create policy adds on gis.rental_unit for insert to gis_app with check (community = any ((select gis.scope(12))::text[]) or grid = any ((select gis.scope(15))::text[]) or left(community, 9) = any ((select gis.scope(9))::text[]) or left(community, 6) = any ((select gis.scope(6))::text[]));
create policy changes on gis.rental_unit for update to gis_app using (community = any ((select gis.scope(12))::text[]) or grid = any ((select gis.scope(15))::text[]) or left(community, 9) = any ((select gis.scope(9))::text[]) or left(community, 6) = any ((select gis.scope(6))::text[])) with check (community = any ((select gis.scope(12))::text[]) or grid = any ((select gis.scope(15))::text[]) or left(community, 9) = any ((select gis.scope(9))::text[]) or left(community, 6) = any ((select gis.scope(6))::text[]));
create policy removes on gis.rental_unit for delete to gis_app using (community = any ((select gis.scope(12))::text[]) or grid = any ((select gis.scope(15))::text[]) or left(community, 9) = any ((select gis.scope(9))::text[]) or left(community, 6) = any ((select gis.scope(6))::text[]));
grant select, delete, insert (community, id, grid, code, name, source, accuracy, surveyed_on, surveyor, valid_from, valid_to, data_status, remark, building_code, address, floor, room, room_count, usable_area_m2, letting_use, rent_status, tenant_count, tenant_count_prev, tenant_count_as_of, largest_room_persons, count_basis, kin_household, partitioned, non_habitable_let, registered_count, registration_status, landlord_kind, landlord_onsite, responsibility_letter, hotel_mode, grade, grade_reasons, last_visit_on, next_due_on, geom), update (community, id, grid, code, name, source, accuracy, surveyed_on, surveyor, valid_from, valid_to, data_status, remark, building_code, address, floor, room, room_count, usable_area_m2, letting_use, rent_status, tenant_count, tenant_count_prev, tenant_count_as_of, largest_room_persons, count_basis, kin_household, partitioned, non_habitable_let, registered_count, registration_status, landlord_kind, landlord_onsite, responsibility_letter, hotel_mode, grade, grade_reasons, last_visit_on, next_due_on, geom) on gis.rental_unit to gis_app;
grant select on gis.rental_unit to gis_backup;
alter table gis.rental_unit_history enable row level security;
create policy sees on gis.rental_unit_history for select to gis_app using (community = any ((select gis.scope(12))::text[]) or grid = any ((select gis.scope(15))::text[]) or left(community, 9) = any ((select gis.scope(9))::text[]) or left(community, 6) = any ((select gis.scope(6))::text[]));
grant select on gis.rental_unit_history to gis_app, gis_backup;
create trigger mark_version before update on gis.rental_unit for each row execute function gis.mark_version();
create trigger refuse_truncate before truncate on gis.rental_unit for each statement execute function gis.refuse_truncate();
create trigger history_on_insert after insert on gis.rental_unit referencing new table as new_rows for each statement execute function gis.write_history();
create trigger settle_grid_on_insert after insert on gis.rental_unit referencing new table as new_rows for each statement execute function gis.settle_grid();
create trigger history_on_update after update on gis.rental_unit referencing old table as old_rows new table as new_rows for each statement execute function gis.write_history();
create trigger settle_grid_on_update after update on gis.rental_unit referencing new table as new_rows for each statement execute function gis.settle_grid();
create trigger history_on_delete after delete on gis.rental_unit referencing old table as old_rows for each statement execute function gis.write_history();
CREATE TABLE gis.rental_unit_personal (
	community TEXT NOT NULL, 
	id UUID NOT NULL, 
	landlord_name TEXT, 
	landlord_phone TEXT, 
	CONSTRAINT rental_unit_personal_pkey PRIMARY KEY (community, id), 
	CONSTRAINT rental_unit_personal_landlord_name_max_length CHECK (char_length(landlord_name) <= 60), 
	CONSTRAINT rental_unit_personal_landlord_phone_max_length CHECK (char_length(landlord_phone) <= 20), 
	CONSTRAINT rental_unit_personal_landlord_phone_pattern CHECK (landlord_phone ~ '^[0-9+() -]{5,20}$'), 
	CONSTRAINT rental_unit_personal_feature_fkey FOREIGN KEY(community, id) REFERENCES gis.rental_unit (community, id) ON DELETE CASCADE
);
COMMENT ON TABLE gis.rental_unit_personal IS '出租房的个人信息:单独存放、可删除、无历史';
COMMENT ON COLUMN gis.rental_unit_personal.community IS '12 位社区代码';
COMMENT ON COLUMN gis.rental_unit_personal.id IS '标识';
COMMENT ON COLUMN gis.rental_unit_personal.landlord_name IS '房东姓名';
COMMENT ON COLUMN gis.rental_unit_personal.landlord_phone IS '房东电话';
alter table gis.rental_unit_personal enable row level security;
create policy sees on gis.rental_unit_personal to gis_app using (exists (select from gis.rental_unit f where f.community = rental_unit_personal.community and f.id = rental_unit_personal.id)) with check (exists (select from gis.rental_unit f where f.community = rental_unit_personal.community and f.id = rental_unit_personal.id));
grant select on gis.rental_unit_personal to gis_backup;
CREATE TABLE gis.visit (
	community TEXT NOT NULL, 
	id UUID DEFAULT gen_random_uuid() NOT NULL, 
	grid TEXT, 
	code TEXT NOT NULL, 
	name TEXT, 
	source TEXT DEFAULT 'surveyed' NOT NULL, 
	accuracy TEXT, 
	surveyed_on DATE, 
	surveyor TEXT, 
	valid_from DATE, 
	valid_to DATE, 
	data_status TEXT DEFAULT 'normal' NOT NULL, 
	remark TEXT, 
	target_kind TEXT NOT NULL, 
	target_code TEXT NOT NULL, 
	visited_on DATE NOT NULL, 
	purpose TEXT DEFAULT 'call' NOT NULL, 
	outcome TEXT DEFAULT '01' NOT NULL, 
	check_result TEXT, 
	counted INTEGER, 
	correct_count INTEGER, 
	checked_count INTEGER, 
	at_night BOOLEAN, 
	worker TEXT, 
	geom geometry(POINT,4490) NOT NULL, 
	upload UUID DEFAULT nullif(current_setting('gis.upload', true), '')::uuid, 
	version INTEGER DEFAULT '1' NOT NULL, 
	recorded_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL, 
	recorded_by TEXT DEFAULT coalesce(nullif(current_setting('gis.actor', true), ''), session_user) NOT NULL, 
	CONSTRAINT visit_pkey PRIMARY KEY (community, id), 
	CONSTRAINT visit_community_digits CHECK (community ~ '^[0-9]{12}$'), 
	CONSTRAINT visit_grid_in_community CHECK (left(grid, 12) = community and length(grid) = 15), 
	CONSTRAINT visit_geom_valid CHECK (ST_IsValid(geom) and not ST_IsEmpty(geom)), 
	CONSTRAINT visit_geom_on_globe CHECK (ST_XMin(geom) >= -180 and ST_XMax(geom) <= 180 and ST_YMin(geom) >= -90 and ST_YMax(geom) <= 90), 
	CONSTRAINT visit_code_min_length CHECK (char_length(code) >= 1), 
	CONSTRAINT visit_code_max_length CHECK (char_length(code) <= 64), 
	CONSTRAINT visit_name_max_length CHECK (char_length(name) <= 200), 
	CONSTRAINT visit_source_codes CHECK (source in ('surveyed', 'census', 'reported', 'open_data', 'synthetic')), 
	CONSTRAINT visit_accuracy_codes CHECK (accuracy in ('A', 'B', 'C')), 
	CONSTRAINT visit_surveyor_max_length CHECK (char_length(surveyor) <= 60), 
	CONSTRAINT visit_data_status_codes CHECK (data_status in ('normal', 'to_check', 'void')), 
	CONSTRAINT visit_remark_max_length CHECK (char_length(remark) <= 2000), 
	CONSTRAINT visit_target_kind_codes CHECK (target_kind in ('rental_unit', 'building', 'enterprise', 'enterprise_plot', 'waste_point', 'parking', 'facility', 'hazard', 'other')), 
	CONSTRAINT visit_target_code_min_length CHECK (char_length(target_code) >= 1), 
	CONSTRAINT visit_target_code_max_length CHECK (char_length(target_code) <= 64), 
	CONSTRAINT visit_purpose_codes CHECK (purpose in ('call', 'safety_check', 'waste_check', 'parking_count', 'recheck', 'drainage_check', 'other')), 
	CONSTRAINT visit_outcome_codes CHECK (outcome in ('01', '02', '03', '04', '05')), 
	CONSTRAINT visit_check_result_codes CHECK (check_result in ('consistent', 'count_differs', 'moved_out', 'new_unregistered', 'vacant', 'other_difference')), 
	CONSTRAINT visit_counted_minimum CHECK (counted >= 0), 
	CONSTRAINT visit_counted_maximum CHECK (counted <= 100000), 
	CONSTRAINT visit_correct_count_minimum CHECK (correct_count >= 0), 
	CONSTRAINT visit_correct_count_maximum CHECK (correct_count <= 100000), 
	CONSTRAINT visit_checked_count_minimum CHECK (checked_count >= 0), 
	CONSTRAINT visit_checked_count_maximum CHECK (checked_count <= 100000), 
	CONSTRAINT visit_worker_max_length CHECK (char_length(worker) <= 60), 
	CONSTRAINT visit_key UNIQUE NULLS NOT DISTINCT (community, grid, code), 
	CONSTRAINT visit_community_fkey FOREIGN KEY(community) REFERENCES gis.area (code)
);
CREATE INDEX visit_geom_idx ON gis.visit USING gist (geom);
CREATE INDEX visit_grid_idx ON gis.visit (community, grid);
COMMENT ON TABLE gis.visit IS '走访:一次走访、垃圾检查或车位清点:对象、结果、数到的数。';
COMMENT ON COLUMN gis.visit.community IS '12 位社区代码';
COMMENT ON COLUMN gis.visit.id IS '标识';
COMMENT ON COLUMN gis.visit.grid IS '15 位网格代码,由几何推出';
COMMENT ON COLUMN gis.visit.code IS '编码';
COMMENT ON COLUMN gis.visit.name IS '名称';
COMMENT ON COLUMN gis.visit.source IS '数据来源';
COMMENT ON COLUMN gis.visit.accuracy IS '定位精度';
COMMENT ON COLUMN gis.visit.surveyed_on IS '调查日期';
COMMENT ON COLUMN gis.visit.surveyor IS '调查岗位';
COMMENT ON COLUMN gis.visit.valid_from IS '生效日期';
COMMENT ON COLUMN gis.visit.valid_to IS '失效日期';
COMMENT ON COLUMN gis.visit.data_status IS '数据状态';
COMMENT ON COLUMN gis.visit.remark IS '备注';
COMMENT ON COLUMN gis.visit.target_kind IS '走访对象类型';
COMMENT ON COLUMN gis.visit.target_code IS '走访对象编码';
COMMENT ON COLUMN gis.visit.visited_on IS '走访日期';
COMMENT ON COLUMN gis.visit.purpose IS '走访事由';
COMMENT ON COLUMN gis.visit.outcome IS '走访结果';
COMMENT ON COLUMN gis.visit.check_result IS '核对结果';
COMMENT ON COLUMN gis.visit.counted IS '清点数';
COMMENT ON COLUMN gis.visit.correct_count IS '正确数';
COMMENT ON COLUMN gis.visit.checked_count IS '检查数';
COMMENT ON COLUMN gis.visit.at_night IS '夜间';
COMMENT ON COLUMN gis.visit.worker IS '走访岗位';
COMMENT ON COLUMN gis.visit.geom IS '几何,CGCS2000 经纬度';
COMMENT ON COLUMN gis.visit.upload IS '写入它的上传';
COMMENT ON COLUMN gis.visit.version IS '行版本';
COMMENT ON COLUMN gis.visit.recorded_at IS '记录时间';
COMMENT ON COLUMN gis.visit.recorded_by IS '记录者';
CREATE TABLE gis.visit_history (
	community TEXT NOT NULL, 
	id UUID NOT NULL, 
	grid TEXT, 
	code TEXT NOT NULL, 
	name TEXT, 
	source TEXT NOT NULL, 
	accuracy TEXT, 
	surveyed_on DATE, 
	surveyor TEXT, 
	valid_from DATE, 
	valid_to DATE, 
	data_status TEXT NOT NULL, 
	remark TEXT, 
	target_kind TEXT NOT NULL, 
	target_code TEXT NOT NULL, 
	visited_on DATE NOT NULL, 
	purpose TEXT NOT NULL, 
	outcome TEXT NOT NULL, 
	check_result TEXT, 
	counted INTEGER, 
	correct_count INTEGER, 
	checked_count INTEGER, 
	at_night BOOLEAN, 
	worker TEXT, 
	geom geometry(POINT,4490) NOT NULL, 
	upload UUID, 
	version INTEGER NOT NULL, 
	recorded_at TIMESTAMP WITH TIME ZONE NOT NULL, 
	recorded_by TEXT NOT NULL, 
	operation TEXT NOT NULL, 
	recorded_to TIMESTAMP WITH TIME ZONE DEFAULT 'infinity' NOT NULL, 
	written_at TIMESTAMP WITH TIME ZONE DEFAULT clock_timestamp() NOT NULL, 
	CONSTRAINT visit_history_pkey PRIMARY KEY (community, id, version, recorded_at, written_at)
);
CREATE UNIQUE INDEX visit_history_current_idx ON gis.visit_history (community, id) WHERE recorded_to = 'infinity';
COMMENT ON TABLE gis.visit_history IS '走访的历史版本';
COMMENT ON COLUMN gis.visit_history.community IS '12 位社区代码';
COMMENT ON COLUMN gis.visit_history.id IS '标识';
COMMENT ON COLUMN gis.visit_history.grid IS '15 位网格代码,由几何推出';
COMMENT ON COLUMN gis.visit_history.code IS '编码';
COMMENT ON COLUMN gis.visit_history.name IS '名称';
COMMENT ON COLUMN gis.visit_history.source IS '数据来源';
COMMENT ON COLUMN gis.visit_history.accuracy IS '定位精度';
COMMENT ON COLUMN gis.visit_history.surveyed_on IS '调查日期';
COMMENT ON COLUMN gis.visit_history.surveyor IS '调查岗位';
COMMENT ON COLUMN gis.visit_history.valid_from IS '生效日期';
COMMENT ON COLUMN gis.visit_history.valid_to IS '失效日期';
COMMENT ON COLUMN gis.visit_history.data_status IS '数据状态';
COMMENT ON COLUMN gis.visit_history.remark IS '备注';
COMMENT ON COLUMN gis.visit_history.target_kind IS '走访对象类型';
COMMENT ON COLUMN gis.visit_history.target_code IS '走访对象编码';
COMMENT ON COLUMN gis.visit_history.visited_on IS '走访日期';
COMMENT ON COLUMN gis.visit_history.purpose IS '走访事由';
COMMENT ON COLUMN gis.visit_history.outcome IS '走访结果';
COMMENT ON COLUMN gis.visit_history.check_result IS '核对结果';
COMMENT ON COLUMN gis.visit_history.counted IS '清点数';
COMMENT ON COLUMN gis.visit_history.correct_count IS '正确数';
COMMENT ON COLUMN gis.visit_history.checked_count IS '检查数';
COMMENT ON COLUMN gis.visit_history.at_night IS '夜间';
COMMENT ON COLUMN gis.visit_history.worker IS '走访岗位';
COMMENT ON COLUMN gis.visit_history.geom IS '几何,CGCS2000 经纬度';
COMMENT ON COLUMN gis.visit_history.upload IS '写入它的上传';
COMMENT ON COLUMN gis.visit_history.version IS '行版本';
COMMENT ON COLUMN gis.visit_history.recorded_at IS '记录时间';
COMMENT ON COLUMN gis.visit_history.recorded_by IS '记录者';
COMMENT ON COLUMN gis.visit_history.operation IS 'insert、update 或 delete';
COMMENT ON COLUMN gis.visit_history.recorded_to IS '记录止于';
COMMENT ON COLUMN gis.visit_history.written_at IS '写入时刻';
alter table gis.visit enable row level security;
create policy sees on gis.visit for select to gis_app using (community = any ((select gis.scope(12))::text[]) or grid = any ((select gis.scope(15))::text[]) or left(community, 9) = any ((select gis.scope(9))::text[]) or left(community, 6) = any ((select gis.scope(6))::text[]));
create policy adds on gis.visit for insert to gis_app with check (community = any ((select gis.scope(12))::text[]) or grid = any ((select gis.scope(15))::text[]) or left(community, 9) = any ((select gis.scope(9))::text[]) or left(community, 6) = any ((select gis.scope(6))::text[]));
create policy changes on gis.visit for update to gis_app using (community = any ((select gis.scope(12))::text[]) or grid = any ((select gis.scope(15))::text[]) or left(community, 9) = any ((select gis.scope(9))::text[]) or left(community, 6) = any ((select gis.scope(6))::text[])) with check (community = any ((select gis.scope(12))::text[]) or grid = any ((select gis.scope(15))::text[]) or left(community, 9) = any ((select gis.scope(9))::text[]) or left(community, 6) = any ((select gis.scope(6))::text[]));
create policy removes on gis.visit for delete to gis_app using (community = any ((select gis.scope(12))::text[]) or grid = any ((select gis.scope(15))::text[]) or left(community, 9) = any ((select gis.scope(9))::text[]) or left(community, 6) = any ((select gis.scope(6))::text[]));
grant select, delete, insert (community, id, grid, code, name, source, accuracy, surveyed_on, surveyor, valid_from, valid_to, data_status, remark, target_kind, target_code, visited_on, purpose, outcome, check_result, counted, correct_count, checked_count, at_night, worker, geom), update (community, id, grid, code, name, source, accuracy, surveyed_on, surveyor, valid_from, valid_to, data_status, remark, target_kind, target_code, visited_on, purpose, outcome, check_result, counted, correct_count, checked_count, at_night, worker, geom) on gis.visit to gis_app;
grant select on gis.visit to gis_backup;
alter table gis.visit_history enable row level security;
create policy sees on gis.visit_history for select to gis_app using (community = any ((select gis.scope(12))::text[]) or grid = any ((select gis.scope(15))::text[]) or left(community, 9) = any ((select gis.scope(9))::text[]) or left(community, 6) = any ((select gis.scope(6))::text[]));
grant select on gis.visit_history to gis_app, gis_backup;
create trigger mark_version before update on gis.visit for each row execute function gis.mark_version();
create trigger refuse_truncate before truncate on gis.visit for each statement execute function gis.refuse_truncate();
create trigger history_on_insert after insert on gis.visit referencing new table as new_rows for each statement execute function gis.write_history();
create trigger settle_grid_on_insert after insert on gis.visit referencing new table as new_rows for each statement execute function gis.settle_grid();
create trigger history_on_update after update on gis.visit referencing old table as old_rows new table as new_rows for each statement execute function gis.write_history();
create trigger settle_grid_on_update after update on gis.visit referencing new table as new_rows for each statement execute function gis.settle_grid();
create trigger history_on_delete after delete on gis.visit referencing old table as old_rows for each statement execute function gis.write_history();
CREATE TABLE gis.hazard (
	community TEXT NOT NULL, 
	id UUID DEFAULT gen_random_uuid() NOT NULL, 
	grid TEXT, 
	code TEXT NOT NULL, 
	name TEXT, 
	source TEXT DEFAULT 'surveyed' NOT NULL, 
	accuracy TEXT, 
	surveyed_on DATE, 
	surveyor TEXT, 
	valid_from DATE, 
	valid_to DATE, 
	data_status TEXT DEFAULT 'normal' NOT NULL, 
	remark TEXT, 
	event_code TEXT NOT NULL, 
	category TEXT DEFAULT 'other' NOT NULL, 
	level TEXT DEFAULT '01' NOT NULL, 
	subject_kind TEXT DEFAULT 'public' NOT NULL, 
	enterprise_code TEXT, 
	building_code TEXT, 
	rental_code TEXT, 
	status TEXT DEFAULT 'found' NOT NULL, 
	found_on DATE, 
	due_on DATE, 
	closed_on DATE, 
	found_by TEXT, 
	handler TEXT, 
	transferred_to TEXT, 
	transferred_on DATE, 
	transferred_ref TEXT, 
	campaign TEXT, 
	detail TEXT, 
	measure TEXT, 
	geom geometry(GEOMETRY,4490) NOT NULL, 
	upload UUID DEFAULT nullif(current_setting('gis.upload', true), '')::uuid, 
	version INTEGER DEFAULT '1' NOT NULL, 
	recorded_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL, 
	recorded_by TEXT DEFAULT coalesce(nullif(current_setting('gis.actor', true), ''), session_user) NOT NULL, 
	CONSTRAINT hazard_pkey PRIMARY KEY (community, id), 
	CONSTRAINT hazard_community_digits CHECK (community ~ '^[0-9]{12}$'), 
	CONSTRAINT hazard_grid_in_community CHECK (left(grid, 12) = community and length(grid) = 15), 
	CONSTRAINT hazard_geom_valid CHECK (ST_IsValid(geom) and not ST_IsEmpty(geom)), 
	CONSTRAINT hazard_geom_on_globe CHECK (ST_XMin(geom) >= -180 and ST_XMax(geom) <= 180 and ST_YMin(geom) >= -90 and ST_YMax(geom) <= 90), 
	CONSTRAINT hazard_code_min_length CHECK (char_length(code) >= 1), 
	CONSTRAINT hazard_code_max_length CHECK (char_length(code) <= 64), 
	CONSTRAINT hazard_name_max_length CHECK (char_length(name) <= 200), 
	CONSTRAINT hazard_source_codes CHECK (source in ('surveyed', 'census', 'reported', 'open_data', 'synthetic')), 
	CONSTRAINT hazard_accuracy_codes CHECK (accuracy in ('A', 'B', 'C')), 
	CONSTRAINT hazard_surveyor_max_length CHECK (char_length(surveyor) <= 60), 
	CONSTRAINT hazard_data_status_codes CHECK (data_status in ('normal', 'to_check', 'void')), 
	CONSTRAINT hazard_remark_max_length CHECK (char_length(remark) <= 2000), 
	CONSTRAINT hazard_event_code_codes CHECK (event_code in ('01-01', '01-02', '01-03', '01-04', '01-05', '01-06', '01-07', '01-08', '01-09', '01-10', '01-11', '01-12', '01-13', '01-14', '01-15', '01-16', '01-17', '01-18', '01-99', '02-01', '02-02', '02-03', '02-04', '02-05', '03-01', '03-02', '03-03', '03-04', '03-05', '03-99', '04-01', '04-02', '04-03', '04-04', '04-05', '04-06', '04-07', '04-08', '04-09', '04-99', '05-01', '05-02', '05-03', '05-04', '05-05', '05-06', '05-07', '05-08', '05-09', '05-10', '05-11', '05-12', '05-13', '05-99', 'X-GR01', 'X-GR02', 'X-GR03', 'X-FS01', 'X-FS02', 'X-FS03', 'X-UT01', 'X-RH01', 'X-BD01', 'X-BD02', 'X-BD03', 'X-EN01', 'X-IN01', 'X-IN02', 'X-IN03', 'X-IN04', 'X-PS01')), 
	CONSTRAINT hazard_event_code_max_length CHECK (char_length(event_code) <= 16), 
	CONSTRAINT hazard_category_codes CHECK (category in ('evacuation', 'electric', 'charging', 'lodging', 'crowding', 'chemicals', 'special_equipment', 'confined_space', 'dust', 'machinery', 'gas', 'structure', 'unauthorised', 'drainage', 'emission', 'licence', 'training', 'letting', 'order', 'green', 'lines', 'security', 'other')), 
	CONSTRAINT hazard_level_codes CHECK (level in ('01', '02', 'suspected')), 
	CONSTRAINT hazard_subject_kind_codes CHECK (subject_kind in ('residential', 'enterprise', 'public')), 
	CONSTRAINT hazard_enterprise_code_max_length CHECK (char_length(enterprise_code) <= 64), 
	CONSTRAINT hazard_building_code_max_length CHECK (char_length(building_code) <= 64), 
	CONSTRAINT hazard_rental_code_max_length CHECK (char_length(rental_code) <= 64), 
	CONSTRAINT hazard_status_codes CHECK (status in ('found', 'filed', 'assigned', 'rectifying', 'recheck', 'rework', 'transferred', 'suspended', 'closed', 'rejected', 'merged')), 
	CONSTRAINT hazard_found_by_codes CHECK (found_by in ('patrol', 'joint', 'self_check', 'resident', 'assigned')), 
	CONSTRAINT hazard_handler_max_length CHECK (char_length(handler) <= 120), 
	CONSTRAINT hazard_transferred_to_codes CHECK (transferred_to in ('street', 'emergency', 'fire', 'enforcement', 'ecology', 'market', 'police', 'housing', 'land', 'utility', 'other')), 
	CONSTRAINT hazard_transferred_ref_max_length CHECK (char_length(transferred_ref) <= 80), 
	CONSTRAINT hazard_campaign_max_length CHECK (char_length(campaign) <= 80), 
	CONSTRAINT hazard_detail_max_length CHECK (char_length(detail) <= 2000), 
	CONSTRAINT hazard_measure_max_length CHECK (char_length(measure) <= 2000), 
	CONSTRAINT hazard_key UNIQUE NULLS NOT DISTINCT (community, grid, code), 
	CONSTRAINT hazard_community_fkey FOREIGN KEY(community) REFERENCES gis.area (code)
);
CREATE INDEX hazard_geom_idx ON gis.hazard USING gist (geom);
CREATE INDEX hazard_grid_idx ON gis.hazard (community, grid);
COMMENT ON TABLE gis.hazard IS '隐患:一条隐患或城市管理事件,从发现到办结。';
COMMENT ON COLUMN gis.hazard.community IS '12 位社区代码';
COMMENT ON COLUMN gis.hazard.id IS '标识';
COMMENT ON COLUMN gis.hazard.grid IS '15 位网格代码,由几何推出';
COMMENT ON COLUMN gis.hazard.code IS '编码';
COMMENT ON COLUMN gis.hazard.name IS '名称';
COMMENT ON COLUMN gis.hazard.source IS '数据来源';
COMMENT ON COLUMN gis.hazard.accuracy IS '定位精度';
COMMENT ON COLUMN gis.hazard.surveyed_on IS '调查日期';
COMMENT ON COLUMN gis.hazard.surveyor IS '调查岗位';
COMMENT ON COLUMN gis.hazard.valid_from IS '生效日期';
COMMENT ON COLUMN gis.hazard.valid_to IS '失效日期';
COMMENT ON COLUMN gis.hazard.data_status IS '数据状态';
COMMENT ON COLUMN gis.hazard.remark IS '备注';
COMMENT ON COLUMN gis.hazard.event_code IS '事件类别';
COMMENT ON COLUMN gis.hazard.category IS '隐患类别';
COMMENT ON COLUMN gis.hazard.level IS '隐患等级';
COMMENT ON COLUMN gis.hazard.subject_kind IS '对象类别';
COMMENT ON COLUMN gis.hazard.enterprise_code IS '企业编码';
COMMENT ON COLUMN gis.hazard.building_code IS '楼栋编码';
COMMENT ON COLUMN gis.hazard.rental_code IS '出租房编码';
COMMENT ON COLUMN gis.hazard.status IS '办理状态';
COMMENT ON COLUMN gis.hazard.found_on IS '发现日期';
COMMENT ON COLUMN gis.hazard.due_on IS '整改期限';
COMMENT ON COLUMN gis.hazard.closed_on IS '销号日期';
COMMENT ON COLUMN gis.hazard.found_by IS '发现方式';
COMMENT ON COLUMN gis.hazard.handler IS '处置岗位';
COMMENT ON COLUMN gis.hazard.transferred_to IS '移交部门';
COMMENT ON COLUMN gis.hazard.transferred_on IS '移交日期';
COMMENT ON COLUMN gis.hazard.transferred_ref IS '移交文号';
COMMENT ON COLUMN gis.hazard.campaign IS '专项行动';
COMMENT ON COLUMN gis.hazard.detail IS '隐患描述';
COMMENT ON COLUMN gis.hazard.measure IS '整改措施';
COMMENT ON COLUMN gis.hazard.geom IS '几何,CGCS2000 经纬度';
COMMENT ON COLUMN gis.hazard.upload IS '写入它的上传';
COMMENT ON COLUMN gis.hazard.version IS '行版本';
COMMENT ON COLUMN gis.hazard.recorded_at IS '记录时间';
COMMENT ON COLUMN gis.hazard.recorded_by IS '记录者';
CREATE TABLE gis.hazard_history (
	community TEXT NOT NULL, 
	id UUID NOT NULL, 
	grid TEXT, 
	code TEXT NOT NULL, 
	name TEXT, 
	source TEXT NOT NULL, 
	accuracy TEXT, 
	surveyed_on DATE, 
	surveyor TEXT, 
	valid_from DATE, 
	valid_to DATE, 
	data_status TEXT NOT NULL, 
	remark TEXT, 
	event_code TEXT NOT NULL, 
	category TEXT NOT NULL, 
	level TEXT NOT NULL, 
	subject_kind TEXT NOT NULL, 
	enterprise_code TEXT, 
	building_code TEXT, 
	rental_code TEXT, 
	status TEXT NOT NULL, 
	found_on DATE, 
	due_on DATE, 
	closed_on DATE, 
	found_by TEXT, 
	handler TEXT, 
	transferred_to TEXT, 
	transferred_on DATE, 
	transferred_ref TEXT, 
	campaign TEXT, 
	detail TEXT, 
	measure TEXT, 
	geom geometry(GEOMETRY,4490) NOT NULL, 
	upload UUID, 
	version INTEGER NOT NULL, 
	recorded_at TIMESTAMP WITH TIME ZONE NOT NULL, 
	recorded_by TEXT NOT NULL, 
	operation TEXT NOT NULL, 
	recorded_to TIMESTAMP WITH TIME ZONE DEFAULT 'infinity' NOT NULL, 
	written_at TIMESTAMP WITH TIME ZONE DEFAULT clock_timestamp() NOT NULL, 
	CONSTRAINT hazard_history_pkey PRIMARY KEY (community, id, version, recorded_at, written_at)
);
CREATE UNIQUE INDEX hazard_history_current_idx ON gis.hazard_history (community, id) WHERE recorded_to = 'infinity';
COMMENT ON TABLE gis.hazard_history IS '隐患的历史版本';
COMMENT ON COLUMN gis.hazard_history.community IS '12 位社区代码';
COMMENT ON COLUMN gis.hazard_history.id IS '标识';
COMMENT ON COLUMN gis.hazard_history.grid IS '15 位网格代码,由几何推出';
COMMENT ON COLUMN gis.hazard_history.code IS '编码';
COMMENT ON COLUMN gis.hazard_history.name IS '名称';
COMMENT ON COLUMN gis.hazard_history.source IS '数据来源';
COMMENT ON COLUMN gis.hazard_history.accuracy IS '定位精度';
COMMENT ON COLUMN gis.hazard_history.surveyed_on IS '调查日期';
COMMENT ON COLUMN gis.hazard_history.surveyor IS '调查岗位';
COMMENT ON COLUMN gis.hazard_history.valid_from IS '生效日期';
COMMENT ON COLUMN gis.hazard_history.valid_to IS '失效日期';
COMMENT ON COLUMN gis.hazard_history.data_status IS '数据状态';
COMMENT ON COLUMN gis.hazard_history.remark IS '备注';
COMMENT ON COLUMN gis.hazard_history.event_code IS '事件类别';
COMMENT ON COLUMN gis.hazard_history.category IS '隐患类别';
COMMENT ON COLUMN gis.hazard_history.level IS '隐患等级';
COMMENT ON COLUMN gis.hazard_history.subject_kind IS '对象类别';
COMMENT ON COLUMN gis.hazard_history.enterprise_code IS '企业编码';
COMMENT ON COLUMN gis.hazard_history.building_code IS '楼栋编码';
COMMENT ON COLUMN gis.hazard_history.rental_code IS '出租房编码';
COMMENT ON COLUMN gis.hazard_history.status IS '办理状态';
COMMENT ON COLUMN gis.hazard_history.found_on IS '发现日期';
COMMENT ON COLUMN gis.hazard_history.due_on IS '整改期限';
COMMENT ON COLUMN gis.hazard_history.closed_on IS '销号日期';
COMMENT ON COLUMN gis.hazard_history.found_by IS '发现方式';
COMMENT ON COLUMN gis.hazard_history.handler IS '处置岗位';
COMMENT ON COLUMN gis.hazard_history.transferred_to IS '移交部门';
COMMENT ON COLUMN gis.hazard_history.transferred_on IS '移交日期';
COMMENT ON COLUMN gis.hazard_history.transferred_ref IS '移交文号';
COMMENT ON COLUMN gis.hazard_history.campaign IS '专项行动';
COMMENT ON COLUMN gis.hazard_history.detail IS '隐患描述';
COMMENT ON COLUMN gis.hazard_history.measure IS '整改措施';
COMMENT ON COLUMN gis.hazard_history.geom IS '几何,CGCS2000 经纬度';
COMMENT ON COLUMN gis.hazard_history.upload IS '写入它的上传';
COMMENT ON COLUMN gis.hazard_history.version IS '行版本';
COMMENT ON COLUMN gis.hazard_history.recorded_at IS '记录时间';
COMMENT ON COLUMN gis.hazard_history.recorded_by IS '记录者';
COMMENT ON COLUMN gis.hazard_history.operation IS 'insert、update 或 delete';
COMMENT ON COLUMN gis.hazard_history.recorded_to IS '记录止于';
COMMENT ON COLUMN gis.hazard_history.written_at IS '写入时刻';
alter table gis.hazard enable row level security;
create policy sees on gis.hazard for select to gis_app using (community = any ((select gis.scope(12))::text[]) or grid = any ((select gis.scope(15))::text[]) or left(community, 9) = any ((select gis.scope(9))::text[]) or left(community, 6) = any ((select gis.scope(6))::text[]));
create policy adds on gis.hazard for insert to gis_app with check (community = any ((select gis.scope(12))::text[]) or grid = any ((select gis.scope(15))::text[]) or left(community, 9) = any ((select gis.scope(9))::text[]) or left(community, 6) = any ((select gis.scope(6))::text[]));
create policy changes on gis.hazard for update to gis_app using (community = any ((select gis.scope(12))::text[]) or grid = any ((select gis.scope(15))::text[]) or left(community, 9) = any ((select gis.scope(9))::text[]) or left(community, 6) = any ((select gis.scope(6))::text[])) with check (community = any ((select gis.scope(12))::text[]) or grid = any ((select gis.scope(15))::text[]) or left(community, 9) = any ((select gis.scope(9))::text[]) or left(community, 6) = any ((select gis.scope(6))::text[]));
create policy removes on gis.hazard for delete to gis_app using (community = any ((select gis.scope(12))::text[]) or grid = any ((select gis.scope(15))::text[]) or left(community, 9) = any ((select gis.scope(9))::text[]) or left(community, 6) = any ((select gis.scope(6))::text[]));
grant select, delete, insert (community, id, grid, code, name, source, accuracy, surveyed_on, surveyor, valid_from, valid_to, data_status, remark, event_code, category, level, subject_kind, enterprise_code, building_code, rental_code, status, found_on, due_on, closed_on, found_by, handler, transferred_to, transferred_on, transferred_ref, campaign, detail, measure, geom), update (community, id, grid, code, name, source, accuracy, surveyed_on, surveyor, valid_from, valid_to, data_status, remark, event_code, category, level, subject_kind, enterprise_code, building_code, rental_code, status, found_on, due_on, closed_on, found_by, handler, transferred_to, transferred_on, transferred_ref, campaign, detail, measure, geom) on gis.hazard to gis_app;
grant select on gis.hazard to gis_backup;
alter table gis.hazard_history enable row level security;
create policy sees on gis.hazard_history for select to gis_app using (community = any ((select gis.scope(12))::text[]) or grid = any ((select gis.scope(15))::text[]) or left(community, 9) = any ((select gis.scope(9))::text[]) or left(community, 6) = any ((select gis.scope(6))::text[]));
grant select on gis.hazard_history to gis_app, gis_backup;
create trigger mark_version before update on gis.hazard for each row execute function gis.mark_version();
create trigger refuse_truncate before truncate on gis.hazard for each statement execute function gis.refuse_truncate();
create trigger history_on_insert after insert on gis.hazard referencing new table as new_rows for each statement execute function gis.write_history();
create trigger settle_grid_on_insert after insert on gis.hazard referencing new table as new_rows for each statement execute function gis.settle_grid();
create trigger history_on_update after update on gis.hazard referencing old table as old_rows new table as new_rows for each statement execute function gis.write_history();
create trigger settle_grid_on_update after update on gis.hazard referencing new table as new_rows for each statement execute function gis.settle_grid();
create trigger history_on_delete after delete on gis.hazard referencing old table as old_rows for each statement execute function gis.write_history();
CREATE TABLE gis.community (
	community TEXT NOT NULL, 
	id UUID DEFAULT gen_random_uuid() NOT NULL, 
	grid TEXT, 
	code TEXT NOT NULL, 
	name TEXT, 
	source TEXT DEFAULT 'surveyed' NOT NULL, 
	accuracy TEXT, 
	surveyed_on DATE, 
	surveyor TEXT, 
	valid_from DATE, 
	valid_to DATE, 
	data_status TEXT DEFAULT 'normal' NOT NULL, 
	remark TEXT, 
	county TEXT, 
	street TEXT, 
	boundary_status TEXT DEFAULT 'sketch' NOT NULL, 
	area_reported_km2 DOUBLE PRECISION, 
	established_on DATE, 
	predecessor TEXT, 
	urban_rural_class TEXT, 
	geom geometry(MULTIPOLYGON,4490) NOT NULL, 
	upload UUID DEFAULT nullif(current_setting('gis.upload', true), '')::uuid, 
	version INTEGER DEFAULT '1' NOT NULL, 
	recorded_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL, 
	recorded_by TEXT DEFAULT coalesce(nullif(current_setting('gis.actor', true), ''), session_user) NOT NULL, 
	CONSTRAINT community_pkey PRIMARY KEY (community, id), 
	CONSTRAINT community_community_digits CHECK (community ~ '^[0-9]{12}$'), 
	CONSTRAINT community_grid_in_community CHECK (left(grid, 12) = community and length(grid) = 15), 
	CONSTRAINT community_geom_valid CHECK (ST_IsValid(geom) and not ST_IsEmpty(geom)), 
	CONSTRAINT community_geom_on_globe CHECK (ST_XMin(geom) >= -180 and ST_XMax(geom) <= 180 and ST_YMin(geom) >= -90 and ST_YMax(geom) <= 90), 
	CONSTRAINT community_code_min_length CHECK (char_length(code) >= 12), 
	CONSTRAINT community_code_max_length CHECK (char_length(code) <= 12), 
	CONSTRAINT community_code_pattern CHECK (code ~ '^[0-9]{12}$'), 
	CONSTRAINT community_name_max_length CHECK (char_length(name) <= 200), 
	CONSTRAINT community_source_codes CHECK (source in ('surveyed', 'census', 'reported', 'open_data', 'synthetic')), 
	CONSTRAINT community_accuracy_codes CHECK (accuracy in ('A', 'B', 'C')), 
	CONSTRAINT community_surveyor_max_length CHECK (char_length(surveyor) <= 60), 
	CONSTRAINT community_data_status_codes CHECK (data_status in ('normal', 'to_check', 'void')), 
	CONSTRAINT community_remark_max_length CHECK (char_length(remark) <= 2000), 
	CONSTRAINT community_county_max_length CHECK (char_length(county) <= 60), 
	CONSTRAINT community_street_max_length CHECK (char_length(street) <= 60), 
	CONSTRAINT community_boundary_status_codes CHECK (boundary_status in ('official', 'agreed', 'sketch')), 
	CONSTRAINT community_area_reported_km2_finite CHECK (area_reported_km2 > '-infinity' and area_reported_km2 < 'infinity'), 
	CONSTRAINT community_area_reported_km2_minimum CHECK (area_reported_km2 > 0), 
	CONSTRAINT community_area_reported_km2_maximum CHECK (area_reported_km2 <= 500), 
	CONSTRAINT community_predecessor_max_length CHECK (char_length(predecessor) <= 120), 
	CONSTRAINT community_urban_rural_class_codes CHECK (urban_rural_class in ('111', '112', '121', '122', '210', '220')), 
	CONSTRAINT community_key UNIQUE (community, code), 
	CONSTRAINT community_community_fkey FOREIGN KEY(community) REFERENCES gis.area (code)
);
CREATE INDEX community_geom_idx ON gis.community USING gist (geom);
CREATE INDEX community_grid_idx ON gis.community (community, grid);
COMMENT ON TABLE gis.community IS '社区边界:社区居委会的范围,是每张图的边框。';
COMMENT ON COLUMN gis.community.community IS '12 位社区代码';
COMMENT ON COLUMN gis.community.id IS '标识';
COMMENT ON COLUMN gis.community.grid IS '15 位网格代码,由几何推出';
COMMENT ON COLUMN gis.community.code IS '社区代码';
COMMENT ON COLUMN gis.community.name IS '名称';
COMMENT ON COLUMN gis.community.source IS '数据来源';
COMMENT ON COLUMN gis.community.accuracy IS '定位精度';
COMMENT ON COLUMN gis.community.surveyed_on IS '调查日期';
COMMENT ON COLUMN gis.community.surveyor IS '调查岗位';
COMMENT ON COLUMN gis.community.valid_from IS '生效日期';
COMMENT ON COLUMN gis.community.valid_to IS '失效日期';
COMMENT ON COLUMN gis.community.data_status IS '数据状态';
COMMENT ON COLUMN gis.community.remark IS '备注';
COMMENT ON COLUMN gis.community.county IS '所属县市区';
COMMENT ON COLUMN gis.community.street IS '所属街道';
COMMENT ON COLUMN gis.community.boundary_status IS '界线性质';
COMMENT ON COLUMN gis.community.area_reported_km2 IS '上报面积(km²)';
COMMENT ON COLUMN gis.community.established_on IS '成立日期';
COMMENT ON COLUMN gis.community.predecessor IS '前身';
COMMENT ON COLUMN gis.community.urban_rural_class IS '城乡分类';
COMMENT ON COLUMN gis.community.geom IS '几何,CGCS2000 经纬度';
COMMENT ON COLUMN gis.community.upload IS '写入它的上传';
COMMENT ON COLUMN gis.community.version IS '行版本';
COMMENT ON COLUMN gis.community.recorded_at IS '记录时间';
COMMENT ON COLUMN gis.community.recorded_by IS '记录者';
CREATE TABLE gis.community_history (
	community TEXT NOT NULL, 
	id UUID NOT NULL, 
	grid TEXT, 
	code TEXT NOT NULL, 
	name TEXT, 
	source TEXT NOT NULL, 
	accuracy TEXT, 
	surveyed_on DATE, 
	surveyor TEXT, 
	valid_from DATE, 
	valid_to DATE, 
	data_status TEXT NOT NULL, 
	remark TEXT, 
	county TEXT, 
	street TEXT, 
	boundary_status TEXT NOT NULL, 
	area_reported_km2 DOUBLE PRECISION, 
	established_on DATE, 
	predecessor TEXT, 
	urban_rural_class TEXT, 
	geom geometry(MULTIPOLYGON,4490) NOT NULL, 
	upload UUID, 
	version INTEGER NOT NULL, 
	recorded_at TIMESTAMP WITH TIME ZONE NOT NULL, 
	recorded_by TEXT NOT NULL, 
	operation TEXT NOT NULL, 
	recorded_to TIMESTAMP WITH TIME ZONE DEFAULT 'infinity' NOT NULL, 
	written_at TIMESTAMP WITH TIME ZONE DEFAULT clock_timestamp() NOT NULL, 
	CONSTRAINT community_history_pkey PRIMARY KEY (community, id, version, recorded_at, written_at)
);
CREATE UNIQUE INDEX community_history_current_idx ON gis.community_history (community, id) WHERE recorded_to = 'infinity';
COMMENT ON TABLE gis.community_history IS '社区边界的历史版本';
COMMENT ON COLUMN gis.community_history.community IS '12 位社区代码';
COMMENT ON COLUMN gis.community_history.id IS '标识';
COMMENT ON COLUMN gis.community_history.grid IS '15 位网格代码,由几何推出';
COMMENT ON COLUMN gis.community_history.code IS '社区代码';
COMMENT ON COLUMN gis.community_history.name IS '名称';
COMMENT ON COLUMN gis.community_history.source IS '数据来源';
COMMENT ON COLUMN gis.community_history.accuracy IS '定位精度';
COMMENT ON COLUMN gis.community_history.surveyed_on IS '调查日期';
COMMENT ON COLUMN gis.community_history.surveyor IS '调查岗位';
COMMENT ON COLUMN gis.community_history.valid_from IS '生效日期';
COMMENT ON COLUMN gis.community_history.valid_to IS '失效日期';
COMMENT ON COLUMN gis.community_history.data_status IS '数据状态';
COMMENT ON COLUMN gis.community_history.remark IS '备注';
COMMENT ON COLUMN gis.community_history.county IS '所属县市区';
COMMENT ON COLUMN gis.community_history.street IS '所属街道';
COMMENT ON COLUMN gis.community_history.boundary_status IS '界线性质';
COMMENT ON COLUMN gis.community_history.area_reported_km2 IS '上报面积(km²)';
COMMENT ON COLUMN gis.community_history.established_on IS '成立日期';
COMMENT ON COLUMN gis.community_history.predecessor IS '前身';
COMMENT ON COLUMN gis.community_history.urban_rural_class IS '城乡分类';
COMMENT ON COLUMN gis.community_history.geom IS '几何,CGCS2000 经纬度';
COMMENT ON COLUMN gis.community_history.upload IS '写入它的上传';
COMMENT ON COLUMN gis.community_history.version IS '行版本';
COMMENT ON COLUMN gis.community_history.recorded_at IS '记录时间';
COMMENT ON COLUMN gis.community_history.recorded_by IS '记录者';
COMMENT ON COLUMN gis.community_history.operation IS 'insert、update 或 delete';
COMMENT ON COLUMN gis.community_history.recorded_to IS '记录止于';
COMMENT ON COLUMN gis.community_history.written_at IS '写入时刻';
alter table gis.community enable row level security;
create policy sees on gis.community for select to gis_app using (community = any ((select gis.scope_communities())::text[]) or left(community, 9) = any ((select gis.scope(9))::text[]) or left(community, 6) = any ((select gis.scope(6))::text[]));
create policy adds on gis.community for insert to gis_app with check (community = any ((select gis.scope(12))::text[]) or left(community, 9) = any ((select gis.scope(9))::text[]) or left(community, 6) = any ((select gis.scope(6))::text[]));
create policy changes on gis.community for update to gis_app using (community = any ((select gis.scope(12))::text[]) or left(community, 9) = any ((select gis.scope(9))::text[]) or left(community, 6) = any ((select gis.scope(6))::text[])) with check (community = any ((select gis.scope(12))::text[]) or left(community, 9) = any ((select gis.scope(9))::text[]) or left(community, 6) = any ((select gis.scope(6))::text[]));
create policy removes on gis.community for delete to gis_app using (community = any ((select gis.scope(12))::text[]) or left(community, 9) = any ((select gis.scope(9))::text[]) or left(community, 6) = any ((select gis.scope(6))::text[]));
grant select, delete, insert (community, id, grid, code, name, source, accuracy, surveyed_on, surveyor, valid_from, valid_to, data_status, remark, county, street, boundary_status, area_reported_km2, established_on, predecessor, urban_rural_class, geom), update (community, id, grid, code, name, source, accuracy, surveyed_on, surveyor, valid_from, valid_to, data_status, remark, county, street, boundary_status, area_reported_km2, established_on, predecessor, urban_rural_class, geom) on gis.community to gis_app;
grant select on gis.community to gis_backup;
alter table gis.community_history enable row level security;
create policy sees on gis.community_history for select to gis_app using (community = any ((select gis.scope_communities())::text[]) or left(community, 9) = any ((select gis.scope(9))::text[]) or left(community, 6) = any ((select gis.scope(6))::text[]));
grant select on gis.community_history to gis_app, gis_backup;
create trigger mark_version before update on gis.community for each row execute function gis.mark_version();
create trigger refuse_truncate before truncate on gis.community for each statement execute function gis.refuse_truncate();
create trigger history_on_insert after insert on gis.community referencing new table as new_rows for each statement execute function gis.write_history();
create trigger settle_grid_on_insert after insert on gis.community referencing new table as new_rows for each statement execute function gis.settle_grid();
create trigger history_on_update after update on gis.community referencing old table as old_rows new table as new_rows for each statement execute function gis.write_history();
create trigger settle_grid_on_update after update on gis.community referencing new table as new_rows for each statement execute function gis.settle_grid();
create trigger history_on_delete after delete on gis.community referencing old table as old_rows for each statement execute function gis.write_history();
