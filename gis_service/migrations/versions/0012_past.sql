-- What the service's own tables held at an earlier moment is kept, as it is for layers.
create function gis.keep_past() returns trigger language plpgsql security definer
set search_path = gis, pg_catalog, pg_temp as $$
declare
  history text := format('gis.%I', tg_table_name || '_history');
  same text;
  since timestamptz;
  names text;
begin
  select string_agg(format('h.%1$I = ($1).%1$I', part), ' and ') into same from unnest(tg_argv) part;
  if tg_op = 'INSERT' then
    execute format('select max(recorded_to) from %s h where %s and recorded_to < ''infinity''', history, same) into since using new;
  else
    execute format('update %s h set recorded_to = greatest(transaction_timestamp(), recorded_at) where %s and recorded_to = ''infinity'' returning recorded_to', history, same)
    into since using old;
  end if;
  if tg_op <> 'DELETE' then
    select string_agg(quote_ident(attname), ', ' order by attnum) into names
    from pg_catalog.pg_attribute where attrelid = tg_relid and attnum > 0 and not attisdropped;
    execute format('insert into %s (%s, recorded_at) select %s, $2 from (select ($1).*) n', history, names, names)
    using new, greatest(transaction_timestamp(), since);
  end if;
  return null;
end $$;
comment on function gis.keep_past() is 'Definer: writes the twin of one of the service''s own tables; its arguments are the names of the key.';
CREATE TABLE gis.area_history (
	code TEXT NOT NULL, 
	name TEXT NOT NULL, 
	metric_srid INTEGER NOT NULL, 
	created_at TIMESTAMP WITH TIME ZONE NOT NULL, 
	recorded_at TIMESTAMP WITH TIME ZONE NOT NULL, 
	recorded_to TIMESTAMP WITH TIME ZONE DEFAULT 'infinity' NOT NULL, 
	written_at TIMESTAMP WITH TIME ZONE DEFAULT clock_timestamp() NOT NULL, 
	CONSTRAINT area_history_pkey PRIMARY KEY (code, recorded_at, written_at)
);
CREATE UNIQUE INDEX area_history_current_idx ON gis.area_history (code) WHERE recorded_to = 'infinity';
COMMENT ON TABLE gis.area_history IS '社区:区域登记与其量测坐标系:历史';
COMMENT ON COLUMN gis.area_history.code IS '12 位社区代码';
COMMENT ON COLUMN gis.area_history.name IS '名称';
COMMENT ON COLUMN gis.area_history.metric_srid IS '量测坐标系 EPSG 代码';
COMMENT ON COLUMN gis.area_history.created_at IS '建立时间';
COMMENT ON COLUMN gis.area_history.recorded_at IS '记录起于';
COMMENT ON COLUMN gis.area_history.recorded_to IS '记录止于';
COMMENT ON COLUMN gis.area_history.written_at IS '写入时刻';
alter table gis.area_history enable row level security;
create policy sees on gis.area_history for select to gis_app using (code = any ((select string_to_array(current_setting('gis.communities', true), ','))::text[]) or left(code, 9) = any ((select string_to_array(current_setting('gis.scope', true), ','))::text[]) or left(code, 6) = any ((select string_to_array(current_setting('gis.scope', true), ','))::text[]));
grant select on gis.area_history to gis_app, gis_backup;
create trigger keep_past after insert or update or delete on gis.area for each row execute function gis.keep_past('code');
CREATE TABLE gis.area_rule_history (
	community TEXT NOT NULL, 
	rule TEXT NOT NULL, 
	value DOUBLE PRECISION NOT NULL, 
	basis TEXT NOT NULL, 
	recorded_at TIMESTAMP WITH TIME ZONE NOT NULL, 
	recorded_to TIMESTAMP WITH TIME ZONE DEFAULT 'infinity' NOT NULL, 
	written_at TIMESTAMP WITH TIME ZONE DEFAULT clock_timestamp() NOT NULL, 
	CONSTRAINT area_rule_history_pkey PRIMARY KEY (community, rule, recorded_at, written_at)
);
CREATE UNIQUE INDEX area_rule_history_current_idx ON gis.area_rule_history (community, rule) WHERE recorded_to = 'infinity';
COMMENT ON TABLE gis.area_rule_history IS '社区对阈值的调整:历史';
COMMENT ON COLUMN gis.area_rule_history.community IS '12 位社区代码';
COMMENT ON COLUMN gis.area_rule_history.rule IS '阈值代码';
COMMENT ON COLUMN gis.area_rule_history.value IS '本社区采用的数值';
COMMENT ON COLUMN gis.area_rule_history.basis IS '依据';
COMMENT ON COLUMN gis.area_rule_history.recorded_at IS '记录起于';
COMMENT ON COLUMN gis.area_rule_history.recorded_to IS '记录止于';
COMMENT ON COLUMN gis.area_rule_history.written_at IS '写入时刻';
alter table gis.area_rule_history enable row level security;
create policy sees on gis.area_rule_history for select to gis_app using (community = any ((select string_to_array(current_setting('gis.communities', true), ','))::text[]) or left(community, 9) = any ((select string_to_array(current_setting('gis.scope', true), ','))::text[]) or left(community, 6) = any ((select string_to_array(current_setting('gis.scope', true), ','))::text[]));
grant select on gis.area_rule_history to gis_app, gis_backup;
create trigger keep_past after insert or update or delete on gis.area_rule for each row execute function gis.keep_past('community', 'rule');
CREATE TABLE gis.reported_total_history (
	community TEXT NOT NULL, 
	code TEXT NOT NULL, 
	position INTEGER NOT NULL, 
	title TEXT NOT NULL, 
	value DOUBLE PRECISION NOT NULL, 
	qualifier TEXT NOT NULL, 
	unit TEXT NOT NULL, 
	as_of TEXT NOT NULL, 
	measure TEXT NOT NULL, 
	source TEXT NOT NULL, 
	recorded_at TIMESTAMP WITH TIME ZONE NOT NULL, 
	recorded_to TIMESTAMP WITH TIME ZONE DEFAULT 'infinity' NOT NULL, 
	written_at TIMESTAMP WITH TIME ZONE DEFAULT clock_timestamp() NOT NULL, 
	CONSTRAINT reported_total_history_pkey PRIMARY KEY (community, code, recorded_at, written_at)
);
CREATE UNIQUE INDEX reported_total_history_current_idx ON gis.reported_total_history (community, code) WHERE recorded_to = 'infinity';
COMMENT ON TABLE gis.reported_total_history IS '上报总数:与图层核对用,不强求相等:历史';
COMMENT ON COLUMN gis.reported_total_history.community IS '12 位社区代码';
COMMENT ON COLUMN gis.reported_total_history.code IS '指标代码';
COMMENT ON COLUMN gis.reported_total_history.position IS '排列次序';
COMMENT ON COLUMN gis.reported_total_history.title IS '指标';
COMMENT ON COLUMN gis.reported_total_history.value IS '上报数';
COMMENT ON COLUMN gis.reported_total_history.qualifier IS '约、余、近、左右,或空';
COMMENT ON COLUMN gis.reported_total_history.unit IS '单位';
COMMENT ON COLUMN gis.reported_total_history.as_of IS '时点原文';
COMMENT ON COLUMN gis.reported_total_history.measure IS '由图层计算的方法名';
COMMENT ON COLUMN gis.reported_total_history.source IS '出处';
COMMENT ON COLUMN gis.reported_total_history.recorded_at IS '记录起于';
COMMENT ON COLUMN gis.reported_total_history.recorded_to IS '记录止于';
COMMENT ON COLUMN gis.reported_total_history.written_at IS '写入时刻';
alter table gis.reported_total_history enable row level security;
create policy sees on gis.reported_total_history for select to gis_app using (community = any ((select string_to_array(current_setting('gis.communities', true), ','))::text[]) or left(community, 9) = any ((select string_to_array(current_setting('gis.scope', true), ','))::text[]) or left(community, 6) = any ((select string_to_array(current_setting('gis.scope', true), ','))::text[]));
grant select on gis.reported_total_history to gis_app, gis_backup;
create trigger keep_past after insert or update or delete on gis.reported_total for each row execute function gis.keep_past('community', 'code');
CREATE TABLE gis.layer_version_history (
	community TEXT NOT NULL, 
	layer TEXT NOT NULL, 
	version BIGINT NOT NULL, 
	changed_at TIMESTAMP WITH TIME ZONE NOT NULL, 
	recorded_at TIMESTAMP WITH TIME ZONE NOT NULL, 
	recorded_to TIMESTAMP WITH TIME ZONE DEFAULT 'infinity' NOT NULL, 
	written_at TIMESTAMP WITH TIME ZONE DEFAULT clock_timestamp() NOT NULL, 
	CONSTRAINT layer_version_history_pkey PRIMARY KEY (community, layer, recorded_at, written_at)
);
CREATE UNIQUE INDEX layer_version_history_current_idx ON gis.layer_version_history (community, layer) WHERE recorded_to = 'infinity';
COMMENT ON TABLE gis.layer_version_history IS '图层版本:缓存标识由它而来:历史';
COMMENT ON COLUMN gis.layer_version_history.community IS '12 位社区代码';
COMMENT ON COLUMN gis.layer_version_history.layer IS '图层';
COMMENT ON COLUMN gis.layer_version_history.version IS '版本号:每个改动了该层的事务加一';
COMMENT ON COLUMN gis.layer_version_history.changed_at IS '最近改动时间';
COMMENT ON COLUMN gis.layer_version_history.recorded_at IS '记录起于';
COMMENT ON COLUMN gis.layer_version_history.recorded_to IS '记录止于';
COMMENT ON COLUMN gis.layer_version_history.written_at IS '写入时刻';
alter table gis.layer_version_history enable row level security;
create policy sees on gis.layer_version_history for select to gis_app using (community = any ((select string_to_array(current_setting('gis.communities', true), ','))::text[]) or left(community, 9) = any ((select string_to_array(current_setting('gis.scope', true), ','))::text[]) or left(community, 6) = any ((select string_to_array(current_setting('gis.scope', true), ','))::text[]));
grant select on gis.layer_version_history to gis_app, gis_backup;
create trigger keep_past after insert or update or delete on gis.layer_version for each row execute function gis.keep_past('community', 'layer');
revoke execute on function gis.keep_past() from public;

-- Nothing tells since when these held: as far as is known, always.
insert into gis.area_history (code, name, metric_srid, created_at, recorded_at)
  select code, name, metric_srid, created_at, '-infinity' from gis.area;
insert into gis.area_rule_history (community, rule, value, basis, recorded_at)
  select community, rule, value, basis, '-infinity' from gis.area_rule;
insert into gis.reported_total_history
  (community, code, position, title, value, qualifier, unit, as_of, measure, source, recorded_at)
  select community, code, position, title, value, qualifier, unit, as_of, measure, source, '-infinity' from gis.reported_total;

-- Versions of layers follow from the moments at which their history was written, counted back from the present one.
do $$
declare
  one text;
begin
  for one in select distinct layer from gis.layer_version order by layer loop
    if to_regclass(format('gis.%I', one || '_history')) is not null then
      execute format('
        insert into gis.layer_version_history (community, layer, version, changed_at, recorded_at, recorded_to)
        select m.community, v.layer, greatest(v.version + 1 - row_number() over newest, 1), m.moment, m.moment,
          coalesce(lag(m.moment) over newest, ''infinity'')
        from (select distinct community, recorded_at as moment from gis.%I) m
        join gis.layer_version v on v.community = m.community and v.layer = %L
        window newest as (partition by m.community order by m.moment desc)', one || '_history', one);
    end if;
  end loop;
end $$;

alter table gis.export add column as_of DATE;
COMMENT ON COLUMN gis.export.as_of IS '按哪一天结束时的记录;空为出图时的';

create function gis.export_taken(wanted_community text, wanted uuid) returns void language sql security definer
set search_path = gis, pg_catalog, pg_temp as $$
  insert into touch as t select pg_current_xact_id()::text, community, 'export', 'read', '', name || ' ' || format || ' ' || code, 1, false
  from export where community = wanted_community and id = wanted and cardinality(areas) > 0 and not exists (select from unnest(areas) a where not exists (select from unnest(string_to_array(current_setting('gis.scope', true), ',')) s where s <> '' and starts_with(a, s)))
  on conflict (xact, community, subject, operation, key, detail) do update set rows = t.rows + 1;
$$;
comment on function gis.export_taken(text, uuid) is 'Definer: notes in the audit that somebody took the file of an export that is theirs to see.';
revoke execute on function gis.export_taken(text, uuid) from public;
grant execute on function gis.export_taken(text, uuid) to gis_app;
