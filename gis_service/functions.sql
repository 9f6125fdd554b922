-- Functions of the schema. Definer functions are few; each says why it is one.
create collation gis.zh (provider = icu, locale = 'zh-u-kn-true');

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

create function gis.take_rows_along() returns trigger language plpgsql set search_path = gis, pg_catalog, pg_temp as $$
begin
  delete from proposal_row r using old_rows o where r.community = o.community and r.proposal = o.id;
  return null;
end $$;
comment on function gis.take_rows_along() is 'The rows of a proposal go with it; whoever may delete it sees all of them.';

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
