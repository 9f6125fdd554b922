-- Days on which a community works or rests otherwise than the published calendar says.
CREATE TABLE gis.work_day (
	community TEXT NOT NULL, 
	day DATE NOT NULL, 
	working BOOLEAN NOT NULL, 
	name TEXT NOT NULL, 
	basis TEXT NOT NULL, 
	CONSTRAINT work_day_pkey PRIMARY KEY (community, day), 
	CONSTRAINT work_day_community_fkey FOREIGN KEY(community) REFERENCES gis.area (code) ON DELETE CASCADE
);
COMMENT ON TABLE gis.work_day IS '社区的工作日历:与内置的节假日安排不同或内置没有的日子';
COMMENT ON COLUMN gis.work_day.community IS '12 位社区代码';
COMMENT ON COLUMN gis.work_day.day IS '日期';
COMMENT ON COLUMN gis.work_day.working IS '上班;否为休息';
COMMENT ON COLUMN gis.work_day.name IS '名称';
COMMENT ON COLUMN gis.work_day.basis IS '依据';
alter table gis.work_day enable row level security;
create policy sees on gis.work_day for select to gis_app using (community = any ((select string_to_array(current_setting('gis.communities', true), ','))::text[]) or left(community, 9) = any ((select string_to_array(current_setting('gis.scope', true), ','))::text[]) or left(community, 6) = any ((select string_to_array(current_setting('gis.scope', true), ','))::text[]));
grant select on gis.work_day to gis_app, gis_backup;
create policy adds on gis.work_day for insert to gis_app with check (community = any ((select string_to_array(current_setting('gis.scope', true), ','))::text[]) or left(community, 9) = any ((select string_to_array(current_setting('gis.scope', true), ','))::text[]) or left(community, 6) = any ((select string_to_array(current_setting('gis.scope', true), ','))::text[]));
create policy changes on gis.work_day for update to gis_app using (community = any ((select string_to_array(current_setting('gis.scope', true), ','))::text[]) or left(community, 9) = any ((select string_to_array(current_setting('gis.scope', true), ','))::text[]) or left(community, 6) = any ((select string_to_array(current_setting('gis.scope', true), ','))::text[])) with check (community = any ((select string_to_array(current_setting('gis.scope', true), ','))::text[]) or left(community, 9) = any ((select string_to_array(current_setting('gis.scope', true), ','))::text[]) or left(community, 6) = any ((select string_to_array(current_setting('gis.scope', true), ','))::text[]));
create policy removes on gis.work_day for delete to gis_app using (community = any ((select string_to_array(current_setting('gis.scope', true), ','))::text[]) or left(community, 9) = any ((select string_to_array(current_setting('gis.scope', true), ','))::text[]) or left(community, 6) = any ((select string_to_array(current_setting('gis.scope', true), ','))::text[]));
grant insert, update, delete on gis.work_day to gis_app;
create trigger note_insert after insert on gis.work_day referencing new table as new_rows for each statement execute function gis.note_write('r.community', '''''', 'r.day || case when r.working then '' 班 '' else '' 休 '' end || r.name');
create trigger note_update after update on gis.work_day referencing old table as old_rows new table as new_rows for each statement execute function gis.note_write('r.community', '''''', 'r.day || case when r.working then '' 班 '' else '' 休 '' end || r.name');
create trigger note_delete after delete on gis.work_day referencing old table as old_rows for each statement execute function gis.note_write('r.community', '''''', 'r.day || case when r.working then '' 班 '' else '' 休 '' end || r.name');
