-- Personal fields: nobody reads their tables but these functions. :keepers are the roles that may, within their areas.
create function gis.masked(value text) returns text language sql immutable set search_path = pg_catalog, pg_temp as $$
  select case
    when value is null or value = '' then value
    when value ~ '^[0-9+() -]{7,}$' then
      left(value, least(3, length(value) * 3 / 11)) || '****' || right(value, least(4, length(value) * 4 / 11))
    else left(value, 1) || repeat('*', greatest(length(value) - 1, 1)) end
$$;
comment on function gis.masked(text) is 'A name by its first character, a mobile number by its first three and last four digits, a shorter one by fewer.';

create function gis.reaches_person(layer text, wanted_community text, wanted uuid) returns boolean language plpgsql stable security definer
set search_path = gis, pg_catalog, pg_temp as $$
declare
  found boolean;
begin
  if current_setting('gis.role', true) not in (:keepers) or to_regclass(format('gis.%I', layer || '_personal')) is null then
    return false;
  end if;
  execute format('select exists (select from gis.%I f where f.community = $1 and f.id = $2 and :sees)', layer)
  into found using wanted_community, wanted;
  return found;
end $$;
comment on function gis.reaches_person(text, text, uuid) is 'Definer: whether whoever asks may see the personal fields of a feature: by role, and by area as strictly as a layer that is seen by grid.';

create function gis.personal_masked(layer text, wanted_community text, wanted uuid) returns jsonb language plpgsql stable security definer
set search_path = gis, pg_catalog, pg_temp as $$
declare
  found jsonb;
begin
  if not reaches_person(layer, wanted_community, wanted) then
    return null;
  end if;
  execute format('select jsonb_object_agg(k, masked(v)) from gis.%I p, jsonb_each_text(to_jsonb(p) - ''community'' - ''id'' - ''written_at'') e(k, v)'
    ' where p.community = $1 and p.id = $2', layer || '_personal') into found using wanted_community, wanted;
  return coalesce(found, '{}');
end $$;
comment on function gis.personal_masked(text, text, uuid) is 'Definer: the personal fields of a feature, masked; null where they are out of reach.';

create function gis.personal_whole(layer text, wanted_community text, wanted uuid, reason text) returns jsonb language plpgsql security definer
set search_path = gis, pg_catalog, pg_temp as $$
declare
  found jsonb;
begin
  if not reaches_person(layer, wanted_community, wanted) or char_length(btrim(reason)) < 4 then
    return null;
  end if;
  execute format('select to_jsonb(p) - ''community'' - ''id'' - ''written_at'' from gis.%I p where p.community = $1 and p.id = $2', layer || '_personal')
  into found using wanted_community, wanted;
  insert into touch as t values (pg_current_xact_id()::text, wanted_community, layer || '_personal', 'read', wanted::text, left(btrim(reason), 200), 1, false)
  on conflict (xact, community, subject, operation, key, detail) do update set rows = t.rows + 1;
  return coalesce(found, '{}');
end $$;
comment on function gis.personal_whole(text, text, uuid, text) is 'Definer: the personal fields of a feature as they are; that they were read, by whom and why, goes into the audit.';

create function gis.personal_written(layer text, wanted_community text, wanted uuid, given jsonb) returns boolean language plpgsql security definer
set search_path = gis, pg_catalog, pg_temp as $$
declare
  names text;
begin
  if not reaches_person(layer, wanted_community, wanted) then
    return false;
  end if;
  select string_agg(quote_ident(attname), ', ' order by attnum) into names from pg_catalog.pg_attribute
  where attrelid = format('gis.%I', layer || '_personal')::regclass and attnum > 0 and not attisdropped and attname not in ('community', 'id', 'written_at');
  execute format('delete from gis.%I where community = $1 and id = $2', layer || '_personal') using wanted_community, wanted;
  if exists (select from jsonb_each_text(given) e where e.value <> '') then
    execute format('insert into gis.%1$I (community, id, %2$s) select $1, $2, %2$s from jsonb_populate_record(null::gis.%1$I, $3)', layer || '_personal', names)
    using wanted_community, wanted, given;
  end if;
  insert into touch as t values (pg_current_xact_id()::text, wanted_community, layer || '_personal', 'update', wanted::text, '', 1, false)
  on conflict (xact, community, subject, operation, key, detail) do update set rows = t.rows + 1;
  return true;
end $$;
comment on function gis.personal_written(text, text, uuid, jsonb) is 'Definer: replaces the personal fields of a feature; they have no history, and the audit says only that they were written.';

create function gis.expire_personal(kept_days integer) returns bigint language plpgsql security definer
set search_path = gis, pg_catalog, pg_temp as $$
declare
  personal text;
  here bigint;
  gone bigint := 0;
begin
  if current_setting('gis.role', true) is distinct from 'operator' then
    return 0;
  end if;
  for personal in
    select relname from pg_catalog.pg_class where relnamespace = 'gis'::regnamespace and relkind = 'r' and relname like '%\_personal' order by relname
  loop
    execute format('with old as (delete from gis.%1$I where written_at < now() - make_interval(days => $1) returning community),'
      ' noted as (insert into touch as t select pg_current_xact_id()::text, community, %1$L, ''delete'', '''', ''保留期满'', count(*), false from old group by 2'
      ' on conflict (xact, community, subject, operation, key, detail) do update set rows = t.rows + excluded.rows)'
      ' select count(*) from old', personal) into here using kept_days;
    gone := gone + here;
  end loop;
  return gone;
end $$;
comment on function gis.expire_personal(integer) is 'Definer: deletes personal fields that nobody has written for so many days; the service asks for it once a day.';
