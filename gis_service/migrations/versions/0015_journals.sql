-- What is determined doesn't go back to suspected by anybody else; a photo is a journal too; nothing is merged into what
-- is void; of several offices whoever makes a step acts in the highest.
create or replace function gis.keep_case() returns trigger language plpgsql security definer
set search_path = gis, pg_catalog, pg_temp as $$
begin
  if current_setting('gis.role', true) in ('grid_worker', 'surveyor', 'staff')
    and (exists (select from case_step s where s.community = old.community and s.case_id = old.id)
      or exists (select from case_photo p where p.community = old.community and p.case_id = old.id)) then
    raise exception 'a case that has a journal is not deleted' using errcode = 'check_violation', constraint = 'hazard_journal_stays';
  end if;
  return old;
end $$;

create or replace function gis.guard_structure() returns trigger language plpgsql set search_path = gis, pg_catalog, pg_temp as $$
begin
  if (case tg_op when 'INSERT' then new.status <> 'suspected' else new.status is distinct from old.status end)
    and nullif(current_setting('gis.upload', true), '') is null and current_setting('gis.role', true) in ('grid_worker', 'surveyor', 'staff')
    and not 'street' = any (offices_in(new.community)) then
    raise exception 'only suspected until someone entitled determines it' using errcode = 'check_violation',
      constraint = 'illegal_structure_status_entitled';
  end if;
  return new;
end $$;

create or replace function gis.take_step() returns trigger language plpgsql security definer
set search_path = gis, public, pg_temp as $$
declare
  held hazard;
  line flow_step;
  missing text;
begin
  select * into held from hazard h where h.community = new.community and h.id = new.case_id and (h.community = any ((select string_to_array(current_setting('gis.scope', true), ','))::text[]) or h.grid = any ((select string_to_array(current_setting('gis.scope', true), ','))::text[]) or left(h.community, 9) = any ((select string_to_array(current_setting('gis.scope', true), ','))::text[]) or left(h.community, 6) = any ((select string_to_array(current_setting('gis.scope', true), ','))::text[])) for update;
  if not found then
    raise exception 'no such case' using errcode = 'check_violation', constraint = 'case_step_case';
  end if;
  select * into line from flow_step f where f.flow = held.flow and f.from_state = held.status and f.step = new.step;
  if not found or (line.step = 'find' and exists (select from case_step s where s.community = new.community and s.case_id = new.case_id)) then
    raise exception 'not from this state' using errcode = 'check_violation', constraint = 'case_step_in_flow', detail = held.status;
  end if;
  new.office := (select office from unnest(line.offices) with ordinality o(office, place)
    where office = any (offices_in(new.community)) order by place desc limit 1);
  if new.office is null then
    raise exception 'not in this office' using errcode = 'check_violation', constraint = 'case_step_office', detail = array_to_string(line.offices, ',');
  end if;
  select wanted into missing from unnest(line.requires) wanted where coalesce(btrim(to_jsonb(new) ->> wanted), '') = '' limit 1;
  if found then
    raise exception 'something is missing' using errcode = 'check_violation', constraint = 'case_step_requires', detail = missing;
  end if;
  select said into missing from unnest(array['note', 'handler', 'department', 'reference', 'due_on', 'level', 'main_code']) said
  where to_jsonb(new) ->> said is not null and not said = any (line.requires || line.offers)
    -- The service itself says the first limit of a whole case.
    and not (said = 'due_on' and held.due_on is null) limit 1;
  if found then
    raise exception 'this step does not say that' using errcode = 'check_violation', constraint = 'case_step_offers', detail = missing;
  end if;
  if (line.graves = 'ordinary' and held.level <> '01') or (line.graves = 'determined' and held.level = 'suspected') then
    raise exception 'a grave case goes up' using errcode = 'check_violation', constraint = 'case_step_graves';
  end if;
  if (line.graves = 'determines' and new.level not in ('01', '02')) or (line.graves <> 'determines' and new.level is not null) then
    raise exception 'this step determines no such level' using errcode = 'check_violation', constraint = 'case_step_level';
  end if;
  if line.step = 'merge' and not exists (select from hazard h where h.community = new.community and h.code = new.main_code
    and h.id <> held.id and h.data_status <> 'void' and h.status not in ('closed', 'merged', 'rejected') and (h.community = any ((select string_to_array(current_setting('gis.scope', true), ','))::text[]) or h.grid = any ((select string_to_array(current_setting('gis.scope', true), ','))::text[]) or left(h.community, 9) = any ((select string_to_array(current_setting('gis.scope', true), ','))::text[]) or left(h.community, 6) = any ((select string_to_array(current_setting('gis.scope', true), ','))::text[]))) then
    raise exception 'no such main case' using errcode = 'check_violation', constraint = 'case_step_main_code';
  end if;
  new.position := coalesce((select max(s.position) from case_step s where s.community = new.community and s.case_id = new.case_id), 0) + 1;
  new.from_flow := held.flow;
  new.from_state := held.status;
  new.to_flow := line.to_flow;
  new.to_state := line.to_state;
  -- A phone's clock may be wrong: nothing has happened yet that is still to come, nor before the step that went before.
  new.at := least(greatest(coalesce(new.at, now()), (select max(s.at) from case_step s
    where s.community = new.community and s.case_id = new.case_id)), now());
  new.actor := coalesce(nullif(current_setting('gis.actor', true), ''), session_user);
  new.recorded_at := now();
  update hazard h set
    flow = line.to_flow,
    status = line.to_state,
    level = case when line.step = 'suspect' and h.level = '01' then 'suspected' else coalesce(new.level, h.level) end,
    due_on = coalesce(new.due_on, h.due_on),
    closed_on = case when line.to_state <> 'closed' then null when line.from_state = 'closed' then h.closed_on
      else (new.at at time zone 'Asia/Shanghai')::date end,
    handler = coalesce(new.handler, h.handler),
    transferred_to = coalesce(new.department, h.transferred_to),
    transferred_on = case when line.to_state = 'transferred' and line.from_state <> 'transferred'
      then (new.at at time zone 'Asia/Shanghai')::date else h.transferred_on end,
    transferred_ref = coalesce(new.reference, h.transferred_ref)
  where h.community = held.community and h.id = held.id;
  return new;
end $$;
