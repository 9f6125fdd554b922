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

create function gis.audit_digest(previous bytea, area text, "position" bigint, at timestamptz, actor text, role text, upload uuid, entries jsonb, salt uuid)
returns bytea language sql stable set search_path = pg_catalog, pg_temp as $$
  select sha256(convert_to((jsonb_build_array(encode(previous, 'hex'), area, "position", extract(epoch from at), actor, role, upload, entries)
    || case when salt is null then '[]'::jsonb else jsonb_build_array(salt) end)::text, 'UTF8'))
$$;
comment on function gis.audit_digest(bytea, text, bigint, timestamptz, text, text, uuid, jsonb, uuid) is 'The digest of one link: what it says, and the digest of the one before it. The salt keeps what is erased from being guessed.';

create function gis.count_versions() returns trigger language plpgsql security definer
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
  perform pg_notify('gis_changes', g.community || ' ' || g.subject)
  from (select distinct u.community, u.subject from unnest(gone) u where u.community <> '') g;
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
comment on function gis.count_versions() is 'Definer: at its commit, one step of the version counter for each layer that a transaction changed, one link of the audit for each area, and word to whoever listens.';

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

create function gis.export_taken(wanted_community text, wanted uuid) returns void language sql security definer
set search_path = gis, pg_catalog, pg_temp as $$
  insert into touch as t select pg_current_xact_id()::text, community, 'export', 'read', '', name || ' ' || format || ' ' || code, 1, false
  from export where community = wanted_community and id = wanted and :holds
  on conflict (xact, community, subject, operation, key, detail) do update set rows = t.rows + 1;
$$;
comment on function gis.export_taken(text, uuid) is 'Definer: notes in the audit that somebody took the file of an export that is theirs to see.';
