CREATE TABLE gis.proposal (
	community TEXT NOT NULL, 
	id UUID NOT NULL, 
	key TEXT NOT NULL, 
	state TEXT NOT NULL, 
	layer TEXT, 
	mode TEXT NOT NULL, 
	grid TEXT, 
	file_name TEXT NOT NULL, 
	sha256 TEXT NOT NULL, 
	bytes BIGINT NOT NULL, 
	source TEXT NOT NULL, 
	attribution TEXT, 
	answers JSONB DEFAULT '{}' NOT NULL, 
	questions JSONB DEFAULT '[]' NOT NULL, 
	report JSONB DEFAULT '{}' NOT NULL, 
	problem TEXT, 
	fields TEXT[] DEFAULT '{}' NOT NULL, 
	for_new TEXT[] DEFAULT '{}' NOT NULL, 
	actor TEXT DEFAULT coalesce(nullif(current_setting('gis.actor', true), ''), session_user) NOT NULL, 
	created_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL, 
	CONSTRAINT proposal_pkey PRIMARY KEY (community, id), 
	CONSTRAINT proposal_key_key UNIQUE (community, key), 
	CONSTRAINT proposal_community_fkey FOREIGN KEY(community) REFERENCES gis.area (code), 
	CONSTRAINT proposal_state_known CHECK (state in ('processing', 'needs_answer', 'proposed', 'committed', 'refused')), 
	CONSTRAINT proposal_mode_known CHECK (mode in ('append', 'upsert', 'replace')), 
	CONSTRAINT proposal_grid_replaced CHECK ((mode = 'replace') = (grid is not null))
);
COMMENT ON TABLE gis.proposal IS '上传的提案:会改什么,等人决定';
COMMENT ON COLUMN gis.proposal.community IS '12 位社区代码';
COMMENT ON COLUMN gis.proposal.id IS '标识;入库后也是上传的标识';
COMMENT ON COLUMN gis.proposal.key IS '幂等键';
COMMENT ON COLUMN gis.proposal.state IS '处理状态';
COMMENT ON COLUMN gis.proposal.layer IS '图层;未定时为空';
COMMENT ON COLUMN gis.proposal.mode IS '追加、更新或替换网格';
COMMENT ON COLUMN gis.proposal.grid IS '替换的网格';
COMMENT ON COLUMN gis.proposal.file_name IS '文件名';
COMMENT ON COLUMN gis.proposal.sha256 IS '文件 SHA-256';
COMMENT ON COLUMN gis.proposal.bytes IS '文件字节数';
COMMENT ON COLUMN gis.proposal.source IS '行里没有写时的数据来源';
COMMENT ON COLUMN gis.proposal.attribution IS '须在地图上注明的来源';
COMMENT ON COLUMN gis.proposal.answers IS '对问题的回答';
COMMENT ON COLUMN gis.proposal.questions IS '等待回答的问题';
COMMENT ON COLUMN gis.proposal.report IS '文件检查的结果';
COMMENT ON COLUMN gis.proposal.problem IS '不能使用的原因';
COMMENT ON COLUMN gis.proposal.fields IS '文件给出的字段';
COMMENT ON COLUMN gis.proposal.for_new IS '只用于新要素的字段';
COMMENT ON COLUMN gis.proposal.actor IS '操作者';
COMMENT ON COLUMN gis.proposal.created_at IS '收到时间';
alter table gis.proposal enable row level security;
create policy sees on gis.proposal for select to gis_app using (community = any ((select string_to_array(current_setting('gis.scope', true), ','))::text[]) or left(community, 9) = any ((select string_to_array(current_setting('gis.scope', true), ','))::text[]) or left(community, 6) = any ((select string_to_array(current_setting('gis.scope', true), ','))::text[]));
grant select on gis.proposal to gis_app, gis_backup;
create policy adds on gis.proposal for insert to gis_app with check (community = any ((select string_to_array(current_setting('gis.scope', true), ','))::text[]) or left(community, 9) = any ((select string_to_array(current_setting('gis.scope', true), ','))::text[]) or left(community, 6) = any ((select string_to_array(current_setting('gis.scope', true), ','))::text[]));
create policy changes on gis.proposal for update to gis_app using (community = any ((select string_to_array(current_setting('gis.scope', true), ','))::text[]) or left(community, 9) = any ((select string_to_array(current_setting('gis.scope', true), ','))::text[]) or left(community, 6) = any ((select string_to_array(current_setting('gis.scope', true), ','))::text[])) with check (community = any ((select string_to_array(current_setting('gis.scope', true), ','))::text[]) or left(community, 9) = any ((select string_to_array(current_setting('gis.scope', true), ','))::text[]) or left(community, 6) = any ((select string_to_array(current_setting('gis.scope', true), ','))::text[]));
create policy removes on gis.proposal for delete to gis_app using (community = any ((select string_to_array(current_setting('gis.scope', true), ','))::text[]) or left(community, 9) = any ((select string_to_array(current_setting('gis.scope', true), ','))::text[]) or left(community, 6) = any ((select string_to_array(current_setting('gis.scope', true), ','))::text[]));
grant insert, update, delete on gis.proposal to gis_app;
CREATE TABLE gis.header_answer (
	community TEXT NOT NULL, 
	layer TEXT NOT NULL, 
	header TEXT NOT NULL, 
	field TEXT, 
	actor TEXT DEFAULT coalesce(nullif(current_setting('gis.actor', true), ''), session_user) NOT NULL, 
	answered_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL, 
	CONSTRAINT header_answer_pkey PRIMARY KEY (community, layer, header), 
	CONSTRAINT header_answer_community_fkey FOREIGN KEY(community) REFERENCES gis.area (code) ON DELETE CASCADE
);
COMMENT ON TABLE gis.header_answer IS '列名对应哪个字段:人回答过一次就记住';
COMMENT ON COLUMN gis.header_answer.community IS '12 位社区代码';
COMMENT ON COLUMN gis.header_answer.layer IS '图层';
COMMENT ON COLUMN gis.header_answer.header IS '文件里的列名';
COMMENT ON COLUMN gis.header_answer.field IS '对上的字段;空为不导入';
COMMENT ON COLUMN gis.header_answer.actor IS '操作者';
COMMENT ON COLUMN gis.header_answer.answered_at IS '回答时间';
alter table gis.header_answer enable row level security;
create policy sees on gis.header_answer for select to gis_app using (community = any ((select string_to_array(current_setting('gis.communities', true), ','))::text[]) or left(community, 9) = any ((select string_to_array(current_setting('gis.scope', true), ','))::text[]) or left(community, 6) = any ((select string_to_array(current_setting('gis.scope', true), ','))::text[]));
grant select on gis.header_answer to gis_app, gis_backup;
create policy adds on gis.header_answer for insert to gis_app with check (community = any ((select string_to_array(current_setting('gis.communities', true), ','))::text[]) or left(community, 9) = any ((select string_to_array(current_setting('gis.scope', true), ','))::text[]) or left(community, 6) = any ((select string_to_array(current_setting('gis.scope', true), ','))::text[]));
create policy changes on gis.header_answer for update to gis_app using (community = any ((select string_to_array(current_setting('gis.communities', true), ','))::text[]) or left(community, 9) = any ((select string_to_array(current_setting('gis.scope', true), ','))::text[]) or left(community, 6) = any ((select string_to_array(current_setting('gis.scope', true), ','))::text[])) with check (community = any ((select string_to_array(current_setting('gis.communities', true), ','))::text[]) or left(community, 9) = any ((select string_to_array(current_setting('gis.scope', true), ','))::text[]) or left(community, 6) = any ((select string_to_array(current_setting('gis.scope', true), ','))::text[]));
create policy removes on gis.header_answer for delete to gis_app using (community = any ((select string_to_array(current_setting('gis.communities', true), ','))::text[]) or left(community, 9) = any ((select string_to_array(current_setting('gis.scope', true), ','))::text[]) or left(community, 6) = any ((select string_to_array(current_setting('gis.scope', true), ','))::text[]));
grant insert, update, delete on gis.header_answer to gis_app;
CREATE TABLE gis.job (
	community TEXT NOT NULL, 
	id UUID NOT NULL, 
	kind TEXT NOT NULL, 
	subject JSONB NOT NULL, 
	state TEXT DEFAULT 'waiting' NOT NULL, 
	done INTEGER DEFAULT '0' NOT NULL, 
	total INTEGER, 
	attempts INTEGER DEFAULT '0' NOT NULL, 
	problem TEXT, 
	actor TEXT DEFAULT coalesce(nullif(current_setting('gis.actor', true), ''), session_user) NOT NULL, 
	role TEXT NOT NULL, 
	areas TEXT[] NOT NULL, 
	created_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL, 
	finished_at TIMESTAMP WITH TIME ZONE, 
	CONSTRAINT job_pkey PRIMARY KEY (community, id), 
	CONSTRAINT job_community_fkey FOREIGN KEY(community) REFERENCES gis.area (code) ON DELETE CASCADE, 
	CONSTRAINT job_state_known CHECK (state in ('waiting', 'running', 'done', 'failed', 'cancelled'))
);
CREATE INDEX job_unfinished_idx ON gis.job (created_at) WHERE state in ('waiting', 'running');
COMMENT ON TABLE gis.job IS '后台的工作';
COMMENT ON COLUMN gis.job.community IS '12 位社区代码';
COMMENT ON COLUMN gis.job.id IS '标识';
COMMENT ON COLUMN gis.job.kind IS '做什么';
COMMENT ON COLUMN gis.job.subject IS '对什么做';
COMMENT ON COLUMN gis.job.state IS '进行到哪一步';
COMMENT ON COLUMN gis.job.done IS '已完成';
COMMENT ON COLUMN gis.job.total IS '共有';
COMMENT ON COLUMN gis.job.attempts IS '开始过几次';
COMMENT ON COLUMN gis.job.problem IS '失败的原因';
COMMENT ON COLUMN gis.job.actor IS '操作者';
COMMENT ON COLUMN gis.job.role IS '操作者的角色';
COMMENT ON COLUMN gis.job.areas IS '操作者的范围';
COMMENT ON COLUMN gis.job.created_at IS '提交时间';
COMMENT ON COLUMN gis.job.finished_at IS '结束时间';
alter table gis.job enable row level security;
create policy sees on gis.job for select to gis_app using (community = any ((select string_to_array(current_setting('gis.scope', true), ','))::text[]) or left(community, 9) = any ((select string_to_array(current_setting('gis.scope', true), ','))::text[]) or left(community, 6) = any ((select string_to_array(current_setting('gis.scope', true), ','))::text[]));
grant select on gis.job to gis_app, gis_backup;
create policy adds on gis.job for insert to gis_app with check (community = any ((select string_to_array(current_setting('gis.scope', true), ','))::text[]) or left(community, 9) = any ((select string_to_array(current_setting('gis.scope', true), ','))::text[]) or left(community, 6) = any ((select string_to_array(current_setting('gis.scope', true), ','))::text[]));
create policy changes on gis.job for update to gis_app using (community = any ((select string_to_array(current_setting('gis.scope', true), ','))::text[]) or left(community, 9) = any ((select string_to_array(current_setting('gis.scope', true), ','))::text[]) or left(community, 6) = any ((select string_to_array(current_setting('gis.scope', true), ','))::text[])) with check (community = any ((select string_to_array(current_setting('gis.scope', true), ','))::text[]) or left(community, 9) = any ((select string_to_array(current_setting('gis.scope', true), ','))::text[]) or left(community, 6) = any ((select string_to_array(current_setting('gis.scope', true), ','))::text[]));
create policy removes on gis.job for delete to gis_app using (community = any ((select string_to_array(current_setting('gis.scope', true), ','))::text[]) or left(community, 9) = any ((select string_to_array(current_setting('gis.scope', true), ','))::text[]) or left(community, 6) = any ((select string_to_array(current_setting('gis.scope', true), ','))::text[]));
grant insert, update, delete on gis.job to gis_app;
CREATE TABLE gis.proposal_row (
	community TEXT NOT NULL, 
	proposal UUID NOT NULL, 
	row INTEGER NOT NULL, 
	step TEXT NOT NULL, 
	code TEXT DEFAULT '' NOT NULL, 
	feature UUID, 
	base INTEGER, 
	grid TEXT, 
	moved_m DOUBLE PRECISION, 
	values JSONB, 
	geom geometry(GEOMETRY,4490), 
	problems JSONB, 
	left_out TEXT, 
	written UUID, 
	CONSTRAINT proposal_row_pkey PRIMARY KEY (community, proposal, row), 
	CONSTRAINT proposal_row_proposal_fkey FOREIGN KEY(community, proposal) REFERENCES gis.proposal (community, id) ON DELETE CASCADE, 
	CONSTRAINT proposal_row_step_known CHECK (step in ('added', 'changed', 'moved', 'removed', 'unchanged', 'refused', 'unplaced', 'conflict'))
);
COMMENT ON TABLE gis.proposal_row IS '提案的各行';
COMMENT ON COLUMN gis.proposal_row.community IS '12 位社区代码';
COMMENT ON COLUMN gis.proposal_row.proposal IS '提案';
COMMENT ON COLUMN gis.proposal_row.row IS '文件里的行号;要删除的要素为负数';
COMMENT ON COLUMN gis.proposal_row.step IS '会怎样';
COMMENT ON COLUMN gis.proposal_row.code IS '编码';
COMMENT ON COLUMN gis.proposal_row.feature IS '对上的要素';
COMMENT ON COLUMN gis.proposal_row.base IS '提案时该要素的版本';
COMMENT ON COLUMN gis.proposal_row.grid IS '15 位网格代码';
COMMENT ON COLUMN gis.proposal_row.moved_m IS '移动的米数';
COMMENT ON COLUMN gis.proposal_row.values IS '文件给出的值';
COMMENT ON COLUMN gis.proposal_row.geom IS '文件给出的几何';
COMMENT ON COLUMN gis.proposal_row.problems IS '逐字段的问题和提醒';
COMMENT ON COLUMN gis.proposal_row.left_out IS '为什么不要这一行;空为要';
COMMENT ON COLUMN gis.proposal_row.written IS '写入它的上传';
alter table gis.proposal_row enable row level security;
create policy sees on gis.proposal_row for select to gis_app using (community = any ((select string_to_array(current_setting('gis.scope', true), ','))::text[]) or grid = any ((select string_to_array(current_setting('gis.scope', true), ','))::text[]) or left(community, 9) = any ((select string_to_array(current_setting('gis.scope', true), ','))::text[]) or left(community, 6) = any ((select string_to_array(current_setting('gis.scope', true), ','))::text[]));
grant select on gis.proposal_row to gis_app, gis_backup;
create policy adds on gis.proposal_row for insert to gis_app with check (community = any ((select string_to_array(current_setting('gis.scope', true), ','))::text[]) or grid = any ((select string_to_array(current_setting('gis.scope', true), ','))::text[]) or left(community, 9) = any ((select string_to_array(current_setting('gis.scope', true), ','))::text[]) or left(community, 6) = any ((select string_to_array(current_setting('gis.scope', true), ','))::text[]));
create policy changes on gis.proposal_row for update to gis_app using (community = any ((select string_to_array(current_setting('gis.scope', true), ','))::text[]) or grid = any ((select string_to_array(current_setting('gis.scope', true), ','))::text[]) or left(community, 9) = any ((select string_to_array(current_setting('gis.scope', true), ','))::text[]) or left(community, 6) = any ((select string_to_array(current_setting('gis.scope', true), ','))::text[])) with check (community = any ((select string_to_array(current_setting('gis.scope', true), ','))::text[]) or grid = any ((select string_to_array(current_setting('gis.scope', true), ','))::text[]) or left(community, 9) = any ((select string_to_array(current_setting('gis.scope', true), ','))::text[]) or left(community, 6) = any ((select string_to_array(current_setting('gis.scope', true), ','))::text[]));
create policy removes on gis.proposal_row for delete to gis_app using (community = any ((select string_to_array(current_setting('gis.scope', true), ','))::text[]) or grid = any ((select string_to_array(current_setting('gis.scope', true), ','))::text[]) or left(community, 9) = any ((select string_to_array(current_setting('gis.scope', true), ','))::text[]) or left(community, 6) = any ((select string_to_array(current_setting('gis.scope', true), ','))::text[]));
grant insert, update, delete on gis.proposal_row to gis_app;
create function gis.unfinished_jobs() returns table (community text, id uuid) language sql stable security definer set search_path = gis, pg_catalog, pg_temp as 'select community, id from job where state in (''waiting'', ''running'') order by created_at, id';
comment on function gis.unfinished_jobs() is 'Definer: which jobs there are to do and nothing of what they do, so that a worker finds them before it knows whose they are.';
