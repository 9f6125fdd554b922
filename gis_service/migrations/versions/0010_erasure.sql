grant select on sequence gis.login_attempt_id_seq to gis_backup;
alter table gis.audit add column salt uuid;
alter table gis.audit add column erased_at timestamp with time zone;
comment on column gis.audit.salt is '随机数,算在摘要里;删除个人信息时一并抹去,原文就猜不出来';
comment on column gis.audit.erased_at is '何时抹去了其中的个人信息';
drop function gis.audit_digest(bytea, text, bigint, timestamptz, text, text, uuid, jsonb);
create function gis.audit_digest(previous bytea, area text, "position" bigint, at timestamptz, actor text, role text, upload uuid, entries jsonb, salt uuid)
returns bytea language sql stable set search_path = pg_catalog, pg_temp as $$
  select sha256(convert_to((jsonb_build_array(encode(previous, 'hex'), area, "position", extract(epoch from at), actor, role, upload, entries)
    || case when salt is null then '[]'::jsonb else jsonb_build_array(salt) end)::text, 'UTF8'))
$$;
comment on function gis.audit_digest(bytea, text, bigint, timestamptz, text, text, uuid, jsonb, uuid) is 'The digest of one link: what it says, and the digest of the one before it. The salt keeps what is erased from being guessed.';

create or replace function gis.count_versions() returns trigger language plpgsql security definer
set search_path = gis, public, pg_temp as $$
declare
  gone touch[];
  noted record;
  here bigint;
  previous bytea;
  made bytea;
  grain uuid;
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
    grain := gen_random_uuid();
    made := audit_digest(previous, noted.area, here, moment, who, whose, which, noted.entries, grain);
    insert into audit (area, position, at, actor, role, upload, entries, previous, digest, salt)
    values (noted.area, here, moment, who, whose, which, noted.entries, previous, made, grain);
    update audit_head h set digest = made where h.area = noted.area;
  end loop;
  return null;
end $$;
revoke execute on function gis.audit_digest(bytea, text, bigint, timestamptz, text, text, uuid, jsonb, uuid) from public;
grant execute on function gis.audit_digest(bytea, text, bigint, timestamptz, text, text, uuid, jsonb, uuid) to gis_app;
alter table gis.rental_unit_personal add column written_at timestamp with time zone default now() not null;
comment on column gis.rental_unit_personal.written_at is '写入时刻;保留期从它算起';
create or replace function gis.personal_masked(layer text, wanted_community text, wanted uuid) returns jsonb language plpgsql stable security definer
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
create or replace function gis.personal_whole(layer text, wanted_community text, wanted uuid, reason text) returns jsonb language plpgsql security definer
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
create or replace function gis.personal_written(layer text, wanted_community text, wanted uuid, given jsonb) returns boolean language plpgsql security definer
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
revoke execute on function gis.expire_personal(integer) from public;
grant execute on function gis.expire_personal(integer) to gis_app;
