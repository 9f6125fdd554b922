CREATE TABLE gis.account (
	name TEXT NOT NULL, 
	title TEXT NOT NULL, 
	role TEXT NOT NULL, 
	password TEXT, 
	password_by TEXT, 
	active BOOLEAN DEFAULT true NOT NULL, 
	demo BOOLEAN DEFAULT false NOT NULL, 
	created_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL, 
	created_by TEXT DEFAULT coalesce(nullif(current_setting('gis.actor', true), ''), session_user) NOT NULL, 
	CONSTRAINT account_pkey PRIMARY KEY (name), 
	CONSTRAINT account_name_pattern CHECK (name ~ '^[a-z][a-z0-9_.-]{1,39}$'), 
	CONSTRAINT account_title_length CHECK (char_length(title) between 1 and 60), 
	CONSTRAINT account_role_known CHECK (role in ('grid_worker', 'surveyor', 'staff', 'leader', 'liaison', 'admin', 'auditor'))
);
COMMENT ON TABLE gis.account IS '账户';
COMMENT ON COLUMN gis.account.name IS '账户名;也是历史里的记录者';
COMMENT ON COLUMN gis.account.title IS '姓名或称呼';
COMMENT ON COLUMN gis.account.role IS '角色';
COMMENT ON COLUMN gis.account.password IS '口令的 argon2 摘要;空为不能用口令登录';
COMMENT ON COLUMN gis.account.password_by IS '谁设的口令';
COMMENT ON COLUMN gis.account.active IS '可以使用';
COMMENT ON COLUMN gis.account.demo IS '演示账户';
COMMENT ON COLUMN gis.account.created_at IS '建立时间';
COMMENT ON COLUMN gis.account.created_by IS '谁建立的';
CREATE TABLE gis.account_area (
	account TEXT NOT NULL, 
	area TEXT NOT NULL, 
	since DATE DEFAULT (now() at time zone 'Asia/Shanghai')::date NOT NULL, 
	until DATE, 
	substitutes TEXT DEFAULT '' NOT NULL, 
	granted_by TEXT DEFAULT coalesce(nullif(current_setting('gis.actor', true), ''), session_user) NOT NULL, 
	CONSTRAINT account_area_pkey PRIMARY KEY (account, area, since, substitutes), 
	CONSTRAINT account_area_account_fkey FOREIGN KEY(account) REFERENCES gis.account (name) ON DELETE CASCADE, 
	CONSTRAINT account_area_digits CHECK (area ~ '^([0-9]{6}|[0-9]{9}|[0-9]{12}|[0-9]{15})$'), 
	CONSTRAINT account_area_period CHECK (until >= since - 1)
);
COMMENT ON TABLE gis.account_area IS '账户的范围:长期的,或顶替期间的';
COMMENT ON COLUMN gis.account_area.account IS '账户名';
COMMENT ON COLUMN gis.account_area.area IS '区划代码,6、9、12 或 15 位';
COMMENT ON COLUMN gis.account_area.since IS '自哪天起(含)';
COMMENT ON COLUMN gis.account_area.until IS '到哪天止(含);空为长期';
COMMENT ON COLUMN gis.account_area.substitutes IS '顶替谁;空为自己的范围';
COMMENT ON COLUMN gis.account_area.granted_by IS '谁给的';
CREATE TABLE gis.credential (
	id UUID DEFAULT gen_random_uuid() NOT NULL, 
	hash BYTEA NOT NULL, 
	account TEXT NOT NULL, 
	kind TEXT NOT NULL, 
	title TEXT NOT NULL, 
	areas TEXT[], 
	read_only BOOLEAN DEFAULT false NOT NULL, 
	viewing TEXT, 
	created_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL, 
	used_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL, 
	idle_s INTEGER, 
	expires_at TIMESTAMP WITH TIME ZONE NOT NULL, 
	CONSTRAINT credential_pkey PRIMARY KEY (id), 
	CONSTRAINT credential_hash_key UNIQUE (hash), 
	CONSTRAINT credential_account_fkey FOREIGN KEY(account) REFERENCES gis.account (name) ON DELETE CASCADE, 
	CONSTRAINT credential_viewing_fkey FOREIGN KEY(viewing) REFERENCES gis.account (name) ON DELETE CASCADE, 
	CONSTRAINT credential_kind_known CHECK (kind in ('session', 'token'))
);
CREATE INDEX credential_account_idx ON gis.credential (account);
COMMENT ON TABLE gis.credential IS '登录会话与访问令牌';
COMMENT ON COLUMN gis.credential.id IS '标识';
COMMENT ON COLUMN gis.credential.hash IS '秘密的 SHA-256;秘密本身不保存';
COMMENT ON COLUMN gis.credential.account IS '账户名';
COMMENT ON COLUMN gis.credential.kind IS '登录会话或访问令牌';
COMMENT ON COLUMN gis.credential.title IS '浏览器,或令牌的用途';
COMMENT ON COLUMN gis.credential.areas IS '令牌只用于这些范围;空为账户的全部范围';
COMMENT ON COLUMN gis.credential.read_only IS '只能看';
COMMENT ON COLUMN gis.credential.viewing IS '正以谁的身份查看';
COMMENT ON COLUMN gis.credential.created_at IS '建立时间';
COMMENT ON COLUMN gis.credential.used_at IS '最近使用';
COMMENT ON COLUMN gis.credential.idle_s IS '多少秒不用就失效';
COMMENT ON COLUMN gis.credential.expires_at IS '到期';
CREATE TABLE gis.login_attempt (
	id BIGINT GENERATED ALWAYS AS IDENTITY, 
	account TEXT NOT NULL, 
	address TEXT NOT NULL, 
	at TIMESTAMP WITH TIME ZONE DEFAULT clock_timestamp() NOT NULL, 
	succeeded BOOLEAN DEFAULT false NOT NULL, 
	CONSTRAINT login_attempt_pkey PRIMARY KEY (id)
);
CREATE INDEX login_attempt_account_idx ON gis.login_attempt (account, at);
CREATE INDEX login_attempt_address_idx ON gis.login_attempt (address, at);
COMMENT ON TABLE gis.login_attempt IS '登录的尝试:保留一天,用来限制猜口令';
COMMENT ON COLUMN gis.login_attempt.id IS '标识';
COMMENT ON COLUMN gis.login_attempt.account IS '写下的账户名';
COMMENT ON COLUMN gis.login_attempt.address IS '来自哪里';
COMMENT ON COLUMN gis.login_attempt.at IS '何时';
COMMENT ON COLUMN gis.login_attempt.succeeded IS '成功';
-- Functions about people. 'grid_worker', 'surveyor', 'staff', 'leader' and 'staff', 'leader' are the roles that read data, and that may look through another's eyes.
create function gis.areas_of(whom text) returns text[] language plpgsql stable security definer
set search_path = gis, pg_catalog, pg_temp as $$
declare
  today date := (now() at time zone 'Asia/Shanghai')::date;
begin
  return (select coalesce(array_agg(h.area order by h.area), '{}') from account_area h
  where h.account = whom and h.since <= today and (h.until is null or h.until >= today)
    and not exists (select from account_area w
      where w.account = whom and w.since <= today and (w.until is null or w.until >= today)
        and w.area <> h.area and starts_with(h.area, w.area)));
end $$;
comment on function gis.areas_of(text) is 'Definer: the areas that an account has today, before anybody is known to ask.';

create function gis.narrowed(areas text[], limits text[]) returns text[] language sql immutable
set search_path = pg_catalog, pg_temp as $$
  select coalesce(array_agg(distinct case when length(a) >= length(l) then a else l end), '{}')
  from unnest(areas) a, unnest(limits) l where starts_with(a, l) or starts_with(l, a)
$$;
comment on function gis.narrowed(text[], text[]) is 'What two lists of areas have in common.';

create function gis.granted(secret bytea) returns table (
  actor text, title text, role text, areas text, managed text, read_only boolean, viewing text, credential uuid, kind text
) language plpgsql stable security definer set search_path = gis, pg_catalog, pg_temp as $$
declare
  held credential;
  own account;
  shown account;
  found_areas text[];
begin
  select * into held from credential c
  where c.hash = secret and c.expires_at > now()
    and (c.idle_s is null or c.used_at > now() - make_interval(secs => c.idle_s));
  if not found then
    return;
  end if;
  select * into own from account a where a.name = held.account and a.active;
  if not found then
    return;
  end if;
  shown := own;
  found_areas := areas_of(own.name);
  if held.areas is not null then
    found_areas := narrowed(found_areas, held.areas);
  end if;
  if held.viewing is not null then
    select * into shown from account a
    where a.name = held.viewing and a.active and a.role in ('grid_worker', 'surveyor') and own.role in ('staff', 'leader');
    if found then
      found_areas := narrowed(areas_of(shown.name), found_areas);
    else
      -- There are no such eyes any more: one sees with one's own again.
      shown := own;
      held.viewing := null;
    end if;
  end if;
  return query select own.name, own.title, shown.role,
    case when shown.role in ('grid_worker', 'surveyor', 'staff', 'leader') then array_to_string(found_areas, ',') else '' end,
    case when shown.role in ('grid_worker', 'surveyor', 'staff', 'leader') then '' else array_to_string(found_areas, ',') end,
    held.read_only or held.viewing is not null, held.viewing, held.id, held.kind;
end $$;
comment on function gis.granted(bytea) is 'Definer: what a secret gives now; nothing once it is revoked, expired, idle or its account disabled.';

create function gis.use_credential(secret bytea) returns table (
  actor text, title text, role text, areas text, managed text, read_only boolean, viewing text, credential uuid, kind text
) language plpgsql security definer set search_path = gis, pg_catalog, pg_temp as $$
begin
  update credential c set used_at = now()
  from granted(secret) g where c.id = g.credential and c.used_at < now() - interval '30 seconds';
  return query select * from granted(secret);
end $$;
comment on function gis.use_credential(bytea) is 'Definer: the same, and notes that it was used.';

create function gis.begin_login(given text, source text, most_by_account integer, most_by_address integer) returns table (
  attempt bigint, by_account boolean, role text, password text
) language plpgsql security definer set search_path = gis, pg_catalog, pg_temp as $$
declare
  since timestamptz := clock_timestamp() - interval '15 minutes';
  of_account bigint;
  of_address bigint;
  noted bigint;
begin
  -- One after the other, or many at once would each find few before them.
  perform pg_advisory_xact_lock(hashtextextended(given, 2));
  delete from login_attempt l where l.at < now() - interval '1 day';
  delete from credential c where c.expires_at < now() - interval '7 days';
  select count(*) into of_account from login_attempt l where l.account = given and l.at > since and not l.succeeded;
  select count(*) into of_address from login_attempt l where l.address = source and l.at > since and not l.succeeded;
  if of_account >= most_by_account or of_address >= most_by_address then
    return query select null::bigint, of_account >= most_by_account, null::text, null::text;
    return;
  end if;
  insert into login_attempt (account, address) values (given, source) returning id into noted;
  return query select noted, false, a.role, a.password from (select 1) one left join account a on a.name = given and a.active;
end $$;
comment on function gis.begin_login(text, text, integer, integer) is 'Definer: notes an attempt to log in, unless there were too many, and gives what the password is compared with.';

create function gis.held_of(whom text) returns text[] language plpgsql stable security definer
set search_path = gis, pg_catalog, pg_temp as $$
declare
  today date := (now() at time zone 'Asia/Shanghai')::date;
  held text[];
begin
  select array_agg(distinct area) into held from account_area
  where account = whom and until is distinct from since - 1 and (until is null or until >= today);
  if held is null then
    select array_agg(distinct area) into held from account_area where account = whom;
  end if;
  return coalesce(held, '{}');
end $$;
comment on function gis.held_of(text) is 'Definer: the areas of an account now and later; of one that has none, those that it had.';

create function gis.manages(whom text) returns boolean language plpgsql stable security definer
set search_path = gis, pg_catalog, pg_temp as $$
begin
  if current_setting('gis.role', true) = 'operator' then
    return true;
  end if;
  -- Whoever administers for demonstration administers what is there for it.
  return current_setting('gis.role', true) = 'admin'
    and not exists (select from account own join account other on other.name = whom
                    where own.name = current_setting('gis.actor', true) and own.demo and not other.demo)
    and held_of(whom) <> '{}'
    and not exists (
      select from unnest(held_of(whom)) r
      where not exists (select from unnest(string_to_array(current_setting('gis.managed', true), ',')) m
                        where m <> '' and starts_with(r, m)));
end $$;
comment on function gis.manages(text) is 'Definer: whether whoever asks administers an account, all of whose areas then lie within their own.';

create function gis.is_new(whom text) returns boolean language sql stable security definer
set search_path = gis, pg_catalog, pg_temp as $$
  select not exists (select from account_area where account = whom)
$$;
comment on function gis.is_new(text) is 'Definer: whether an account never had an area, which it is given in the transaction that makes it.';

create function gis.manages_area(wanted text) returns boolean language sql stable
set search_path = gis, pg_catalog, pg_temp as $$
  select case current_setting('gis.role', true)
    when 'operator' then true
    when 'admin' then exists (select from unnest(string_to_array(current_setting('gis.managed', true), ',')) m
                              where m <> '' and starts_with(wanted, m))
    else false end
$$;
comment on function gis.manages_area(text) is 'Whether whoever asks may give an area to an account.';

create function gis.viewable() returns table (name text, title text, role text, areas text[]) language sql stable security definer
set search_path = gis, pg_catalog, pg_temp as $$
  select a.name, a.title, a.role, areas_of(a.name) from account a
  where a.active and a.role in ('grid_worker', 'surveyor') and current_setting('gis.role', true) in ('staff', 'leader')
    and areas_of(a.name) <> '{}'
    and not exists (
      select from unnest(areas_of(a.name)) r
      where not exists (select from unnest(string_to_array(current_setting('gis.scope', true), ',')) s
                        where s <> '' and starts_with(r, s)))
  order by a.name
$$;
comment on function gis.viewable() is 'Definer: the workers whose whole area lies within that of whoever asks, for looking through their eyes.';

create function gis.guard_account() returns trigger language plpgsql set search_path = gis, pg_catalog, pg_temp as $$
begin
  if old.name = current_setting('gis.actor', true) and current_setting('gis.role', true) <> 'operator'
      and (new.role, new.active) is distinct from (old.role, old.active) then
    raise exception 'nobody gives themselves another role' using errcode = 'insufficient_privilege';
  end if;
  if not manages(old.name) and (new.name, new.title, new.role, new.active, new.demo, new.created_at, new.created_by)
      is distinct from (old.name, old.title, old.role, old.active, old.demo, old.created_at, old.created_by) then
    raise exception 'people change nothing but the password of their own account' using errcode = 'insufficient_privilege';
  end if;
  return new;
end $$;
comment on function gis.guard_account() is 'Policies know rows, not columns: nobody gives themselves another role.';

create function gis.guard_credential() returns trigger language plpgsql set search_path = gis, pg_catalog, pg_temp as $$
begin
  if new.viewing is not null and not exists (select from viewable() v where v.name = new.viewing) then
    raise exception 'nobody looks through the eyes of an account outside of their area' using errcode = 'insufficient_privilege';
  end if;
  if tg_op = 'UPDATE' and (new.id, new.hash, new.account, new.kind, new.areas, new.read_only, new.expires_at, new.idle_s)
      is distinct from (old.id, old.hash, old.account, old.kind, old.areas, old.read_only, old.expires_at, old.idle_s) then
    raise exception 'a credential is never given more than it had' using errcode = 'insufficient_privilege';
  end if;
  return new;
end $$;
comment on function gis.guard_credential() is 'What a credential gives doesn''t grow; it may only look through eyes that are within reach.';

create function gis.end_session(secret bytea) returns void language plpgsql security definer
set search_path = gis, pg_catalog, pg_temp as $$
declare
  whose text;
begin
  delete from credential c where c.hash = secret and c.kind = 'session' returning c.account into whose;
  if found then
    perform set_config('gis.actor', whose, true);
  end if;
end $$;
comment on function gis.end_session(bytea) is 'Definer: whoever knows a session''s secret may end it; secrets'' hashes can''t be read.';

create function gis.mark_demo() returns trigger language plpgsql security definer
set search_path = gis, pg_catalog, pg_temp as $$
begin
  if exists (select from account a where a.name = current_setting('gis.actor', true) and a.demo) then
    new.demo := true;
  end if;
  return new;
end $$;
comment on function gis.mark_demo() is 'Definer: what an account for demonstration makes ends with the demonstration.';

alter table gis.account enable row level security;
alter table gis.account_area enable row level security;
alter table gis.credential enable row level security;
alter table gis.login_attempt enable row level security;
create policy sees on gis.account for select to gis_app using (name = current_setting('gis.actor', true) or gis.manages(name));
create policy adds on gis.account for insert to gis_app with check (current_setting('gis.role', true) in ('operator', 'admin'));
create policy changes on gis.account for update to gis_app using (name = current_setting('gis.actor', true) or gis.manages(name));
create policy removes on gis.account for delete to gis_app using (current_setting('gis.role', true) = 'operator');
grant select (name, title, role, password_by, active, demo, created_at, created_by), insert, delete, update (title, role, password, password_by, active) on gis.account to gis_app;
create policy sees on gis.account_area for select to gis_app using (account = current_setting('gis.actor', true) or gis.manages(account));
create policy adds on gis.account_area for insert to gis_app with check ((gis.manages(account) or gis.is_new(account)) and gis.manages_area(area) and (account <> current_setting('gis.actor', true) or current_setting('gis.role', true) = 'operator'));
create policy changes on gis.account_area for update to gis_app using (gis.manages(account) and (account <> current_setting('gis.actor', true) or current_setting('gis.role', true) = 'operator'));
grant select, insert, update (until) on gis.account_area to gis_app;
create policy sees on gis.credential for select to gis_app using (account = current_setting('gis.actor', true) or gis.manages(account));
create policy adds on gis.credential for insert to gis_app with check (account = current_setting('gis.actor', true) or current_setting('gis.role', true) = 'operator');
create policy changes on gis.credential for update to gis_app using (account = current_setting('gis.actor', true));
create policy removes on gis.credential for delete to gis_app using (account = current_setting('gis.actor', true) or gis.manages(account));
grant select (id, account, kind, title, areas, read_only, viewing, created_at, used_at, idle_s, expires_at), insert, update (viewing), delete on gis.credential to gis_app;
create policy sees on gis.login_attempt for select to gis_app using (account = current_setting('gis.actor', true));
create policy changes on gis.login_attempt for update to gis_app using (account = current_setting('gis.actor', true));
grant select (id, account), update (succeeded) on gis.login_attempt to gis_app;
create trigger guard_account before update on gis.account for each row execute function gis.guard_account();
create trigger mark_demo before insert on gis.account for each row execute function gis.mark_demo();
create trigger guard_credential before insert or update on gis.credential for each row execute function gis.guard_credential();
grant select on gis.account to gis_backup;
grant select on gis.account_area to gis_backup;
grant select on gis.credential to gis_backup;
grant select on gis.login_attempt to gis_backup;
drop policy sees on gis.upload;
drop policy adds on gis.upload;
create policy sees on gis.upload for select to gis_app using (community = any ((select string_to_array(current_setting('gis.scope', true), ','))::text[]) or left(community, 9) = any ((select string_to_array(current_setting('gis.scope', true), ','))::text[]) or left(community, 6) = any ((select string_to_array(current_setting('gis.scope', true), ','))::text[]));
create policy adds on gis.upload for insert to gis_app with check (community = any ((select string_to_array(current_setting('gis.scope', true), ','))::text[]) or left(community, 9) = any ((select string_to_array(current_setting('gis.scope', true), ','))::text[]) or left(community, 6) = any ((select string_to_array(current_setting('gis.scope', true), ','))::text[]));
create function gis.attributions(wanted text) returns setof text language sql stable security definer set search_path = gis, pg_catalog, pg_temp as $$ select distinct attribution from upload u where community = wanted and attribution is not null and (u.community = any ((select string_to_array(current_setting('gis.communities', true), ','))::text[]) or left(u.community, 9) = any ((select string_to_array(current_setting('gis.scope', true), ','))::text[]) or left(u.community, 6) = any ((select string_to_array(current_setting('gis.scope', true), ','))::text[])) order by attribution $$;
comment on function gis.attributions(text) is 'Definer: whose data must be named on a community''s maps, also on those of people who don''t see its uploads.';
