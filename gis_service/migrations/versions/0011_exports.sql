alter policy sees on gis.job using ((community = any ((select string_to_array(current_setting('gis.scope', true), ','))::text[]) or left(community, 9) = any ((select string_to_array(current_setting('gis.scope', true), ','))::text[]) or left(community, 6) = any ((select string_to_array(current_setting('gis.scope', true), ','))::text[])) or cardinality(areas) > 0 and not exists (select from unnest(areas) a where not exists (select from unnest(string_to_array(current_setting('gis.scope', true), ',')) s where s <> '' and starts_with(a, s))));
alter policy adds on gis.job with check ((community = any ((select string_to_array(current_setting('gis.scope', true), ','))::text[]) or left(community, 9) = any ((select string_to_array(current_setting('gis.scope', true), ','))::text[]) or left(community, 6) = any ((select string_to_array(current_setting('gis.scope', true), ','))::text[])) or cardinality(areas) > 0 and not exists (select from unnest(areas) a where not exists (select from unnest(string_to_array(current_setting('gis.scope', true), ',')) s where s <> '' and starts_with(a, s))));
alter policy changes on gis.job using ((community = any ((select string_to_array(current_setting('gis.scope', true), ','))::text[]) or left(community, 9) = any ((select string_to_array(current_setting('gis.scope', true), ','))::text[]) or left(community, 6) = any ((select string_to_array(current_setting('gis.scope', true), ','))::text[])) or cardinality(areas) > 0 and not exists (select from unnest(areas) a where not exists (select from unnest(string_to_array(current_setting('gis.scope', true), ',')) s where s <> '' and starts_with(a, s)))) with check ((community = any ((select string_to_array(current_setting('gis.scope', true), ','))::text[]) or left(community, 9) = any ((select string_to_array(current_setting('gis.scope', true), ','))::text[]) or left(community, 6) = any ((select string_to_array(current_setting('gis.scope', true), ','))::text[])) or cardinality(areas) > 0 and not exists (select from unnest(areas) a where not exists (select from unnest(string_to_array(current_setting('gis.scope', true), ',')) s where s <> '' and starts_with(a, s))));
alter policy removes on gis.job using ((community = any ((select string_to_array(current_setting('gis.scope', true), ','))::text[]) or left(community, 9) = any ((select string_to_array(current_setting('gis.scope', true), ','))::text[]) or left(community, 6) = any ((select string_to_array(current_setting('gis.scope', true), ','))::text[])) or cardinality(areas) > 0 and not exists (select from unnest(areas) a where not exists (select from unnest(string_to_array(current_setting('gis.scope', true), ',')) s where s <> '' and starts_with(a, s))));
CREATE TABLE gis.export (
	community TEXT NOT NULL, 
	id UUID NOT NULL, 
	code TEXT NOT NULL, 
	name TEXT NOT NULL, 
	format TEXT NOT NULL, 
	paper TEXT NOT NULL, 
	orientation TEXT NOT NULL, 
	scale INTEGER, 
	grid TEXT, 
	day DATE NOT NULL, 
	author TEXT DEFAULT '' NOT NULL, 
	review TEXT DEFAULT '' NOT NULL, 
	areas TEXT[] NOT NULL, 
	title TEXT DEFAULT '' NOT NULL, 
	finding TEXT DEFAULT '' NOT NULL, 
	versions JSONB DEFAULT '{}' NOT NULL, 
	figures JSONB DEFAULT '[]' NOT NULL, 
	sha256 TEXT, 
	bytes BIGINT, 
	made_at TIMESTAMP WITH TIME ZONE, 
	actor TEXT DEFAULT coalesce(nullif(current_setting('gis.actor', true), ''), session_user) NOT NULL, 
	created_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL, 
	CONSTRAINT export_pkey PRIMARY KEY (community, id), 
	CONSTRAINT export_code_key UNIQUE (community, code), 
	CONSTRAINT export_community_fkey FOREIGN KEY(community) REFERENCES gis.area (code) ON DELETE CASCADE, 
	CONSTRAINT export_areas_some CHECK (cardinality(areas) > 0)
);
COMMENT ON TABLE gis.export IS '出过的图';
COMMENT ON COLUMN gis.export.community IS '12 位社区代码';
COMMENT ON COLUMN gis.export.id IS '标识';
COMMENT ON COLUMN gis.export.code IS '印在图上的编号';
COMMENT ON COLUMN gis.export.name IS '地图';
COMMENT ON COLUMN gis.export.format IS '文件格式';
COMMENT ON COLUMN gis.export.paper IS '纸张';
COMMENT ON COLUMN gis.export.orientation IS '横或竖';
COMMENT ON COLUMN gis.export.scale IS '比例尺分母;空为自动';
COMMENT ON COLUMN gis.export.grid IS '只出一个网格:15 位网格代码';
COMMENT ON COLUMN gis.export.day IS '计算日';
COMMENT ON COLUMN gis.export.author IS '制图单位';
COMMENT ON COLUMN gis.export.review IS '审图号';
COMMENT ON COLUMN gis.export.areas IS '谁的范围里的数据';
COMMENT ON COLUMN gis.export.title IS '图名';
COMMENT ON COLUMN gis.export.finding IS '结论';
COMMENT ON COLUMN gis.export.versions IS '出图时各图层的版本';
COMMENT ON COLUMN gis.export.figures IS '图上的数字';
COMMENT ON COLUMN gis.export.sha256 IS '文件 SHA-256';
COMMENT ON COLUMN gis.export.bytes IS '文件字节数';
COMMENT ON COLUMN gis.export.made_at IS '出好的时刻';
COMMENT ON COLUMN gis.export.actor IS '谁要的';
COMMENT ON COLUMN gis.export.created_at IS '要的时刻';
alter table gis.export enable row level security;
create policy sees on gis.export for select to gis_app using (cardinality(areas) > 0 and not exists (select from unnest(areas) a where not exists (select from unnest(string_to_array(current_setting('gis.scope', true), ',')) s where s <> '' and starts_with(a, s))));
grant select on gis.export to gis_app, gis_backup;
create policy adds on gis.export for insert to gis_app with check (cardinality(areas) > 0 and not exists (select from unnest(areas) a where not exists (select from unnest(string_to_array(current_setting('gis.scope', true), ',')) s where s <> '' and starts_with(a, s))));
create policy changes on gis.export for update to gis_app using (cardinality(areas) > 0 and not exists (select from unnest(areas) a where not exists (select from unnest(string_to_array(current_setting('gis.scope', true), ',')) s where s <> '' and starts_with(a, s)))) with check (cardinality(areas) > 0 and not exists (select from unnest(areas) a where not exists (select from unnest(string_to_array(current_setting('gis.scope', true), ',')) s where s <> '' and starts_with(a, s))));
create policy removes on gis.export for delete to gis_app using (cardinality(areas) > 0 and not exists (select from unnest(areas) a where not exists (select from unnest(string_to_array(current_setting('gis.scope', true), ',')) s where s <> '' and starts_with(a, s))));
grant insert, update, delete on gis.export to gis_app;
create trigger note_insert after insert on gis.export referencing new table as new_rows for each statement execute function gis.note_write('r.community', '''''', 'r.name || '' '' || r.format || '' '' || r.code');
create trigger note_delete after delete on gis.export referencing old table as old_rows for each statement execute function gis.note_write('r.community', '''''', 'r.name || '' '' || r.format || '' '' || r.code');
