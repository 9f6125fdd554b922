-- Cases: every change of a case's state is a row of case_step, and every such row is checked against flow_step.
create function gis.offices_in(wanted_community text) returns text[] language sql stable
set search_path = pg_catalog, pg_temp as $$
  select array_remove(array[
    case when role in ('grid_worker', 'surveyor', 'staff') then 'worker' end,
    case when role in ('staff', 'operator') and widest <= 12 then 'community' end,
    case when role = 'staff' and widest <= 9 then 'street' end], null)
  from (select current_setting('gis.role', true) as role, min(length(area)) as widest
    from unnest(string_to_array(current_setting('gis.scope', true), ',')) area
    where area <> '' and (starts_with(wanted_community, area) or starts_with(area, wanted_community))) held
$$;
comment on function gis.offices_in(text) is 'In which capacities whoever asks makes steps in a community: grid, community, street.';

create function gis.begin_case() returns trigger language plpgsql security definer
set search_path = gis, public, pg_temp as $$
begin
  if exists (select from flow_step f where f.flow = new.flow)
    and not exists (select from flow_step f where f.flow = new.flow and f.from_state = new.status)
    and new.status is not null then
    raise exception 'no such state in the flow' using errcode = 'check_violation', constraint = 'hazard_status_in_flow';
  end if;
  -- A ledger tells of cases at any stage; a case that begins here begins at the beginning.
  if nullif(current_setting('gis.upload', true), '') is null and current_setting('gis.role', true) in (:writers)
    and (new.status <> 'found' or new.level = '02' or num_nonnulls(new.due_on, new.closed_on, new.handler,
      new.transferred_to, new.transferred_on, new.transferred_ref) > 0) then
    raise exception 'a case begins as found' using errcode = 'check_violation', constraint = 'hazard_status_begins';
  end if;
  return new;
end $$;
comment on function gis.begin_case() is 'Definer: a new case is at the beginning of its flow, unless a ledger brings it; no other state is left unknown.';

create function gis.keep_case() returns trigger language plpgsql security definer
set search_path = gis, pg_catalog, pg_temp as $$
begin
  if current_setting('gis.role', true) in (:writers)
    and (exists (select from case_step s where s.community = old.community and s.case_id = old.id)
      or exists (select from case_photo p where p.community = old.community and p.case_id = old.id)) then
    raise exception 'a case that has a journal is not deleted' using errcode = 'check_violation', constraint = 'hazard_journal_stays';
  end if;
  return old;
end $$;
comment on function gis.keep_case() is 'Definer: a case that somebody has begun to see to ends by a step, not by being deleted.';

create function gis.guard_structure() returns trigger language plpgsql set search_path = gis, pg_catalog, pg_temp as $$
begin
  if (case tg_op when 'INSERT' then new.status <> 'suspected' else new.status is distinct from old.status end)
    and nullif(current_setting('gis.upload', true), '') is null and current_setting('gis.role', true) in (:writers)
    and not 'street' = any (offices_in(new.community)) then
    raise exception 'only suspected until someone entitled determines it' using errcode = 'check_violation',
      constraint = 'illegal_structure_status_entitled';
  end if;
  return new;
end $$;
comment on function gis.guard_structure() is 'A structure is only suspected to be illegal until the street, or a ledger of who determined it, says otherwise.';

create function gis.photo_hashes() returns setof text language sql stable security definer
set search_path = gis, pg_catalog, pg_temp as $$
  select distinct sha256 from case_photo where current_setting('gis.role', true) = 'operator'
$$;
comment on function gis.photo_hashes() is 'Definer: the hashes of all photos, also of cases that were deleted, so that no file is taken for one that nobody needs.';

create function gis.take_step() returns trigger language plpgsql security definer
set search_path = gis, public, pg_temp as $$
declare
  held hazard;
  line flow_step;
  missing text;
begin
  select * into held from hazard h where h.community = new.community and h.id = new.case_id and :sees for update;
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
    and h.id <> held.id and h.data_status <> 'void' and h.status not in ('closed', 'merged', 'rejected') and :sees) then
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
comment on function gis.take_step() is 'Definer: makes a step that flow_step has, for whoever may make it, and moves the case; nobody else changes its state.';
