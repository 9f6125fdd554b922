alter table gis.hazard add column flow text default 'community' not null;
alter table gis.hazard_history add column flow text default 'community' not null;
alter table gis.hazard_history alter column flow drop default;
COMMENT ON COLUMN gis.hazard.flow IS '办理流程';
COMMENT ON COLUMN gis.hazard.closed_on IS '办结日期';
COMMENT ON COLUMN gis.hazard_history.flow IS '办理流程';
COMMENT ON COLUMN gis.hazard_history.closed_on IS '办结日期';
-- Codes get other names: no row changes, so that none gets a new version.
alter table gis.hazard drop constraint hazard_status_codes;
alter table gis.hazard disable trigger user;
update gis.hazard set status = case status when 'filed' then 'registered' else 'advised' end where status in ('filed', 'assigned');
update gis.hazard_history set status = case status when 'filed' then 'registered' else 'advised' end where status in ('filed', 'assigned');
alter table gis.hazard enable trigger user;
update gis.layer_version set version = version + 1, changed_at = now() where layer = 'hazard';
alter table gis.hazard add constraint hazard_status_codes check (status in ('found', 'registered', 'advised', 'filed', 'assigned', 'rectifying', 'transferred', 'tracking', 'recheck', 'rework', 'suspended', 'closed', 'rejected', 'merged'));
alter table gis.hazard add constraint hazard_flow_codes check (flow in ('community', 'street'));
revoke update (level, status, due_on, closed_on, handler, transferred_to, transferred_on, transferred_ref) on gis.hazard from gis_app;
grant insert (flow) on gis.hazard to gis_app;
CREATE TABLE gis.flow_step (
	flow TEXT NOT NULL, 
	step TEXT NOT NULL, 
	from_state TEXT NOT NULL, 
	to_flow TEXT NOT NULL, 
	to_state TEXT NOT NULL, 
	offices TEXT[] NOT NULL, 
	requires TEXT[] NOT NULL, 
	graves TEXT NOT NULL, 
	offers TEXT[] NOT NULL, 
	CONSTRAINT flow_step_pkey PRIMARY KEY (flow, from_state, step)
);
COMMENT ON TABLE gis.flow_step IS '办理流程:没有列在这里的步骤,数据库一律拒绝';
COMMENT ON COLUMN gis.flow_step.flow IS '流程';
COMMENT ON COLUMN gis.flow_step.step IS '步骤';
COMMENT ON COLUMN gis.flow_step.from_state IS '步骤之前的状态';
COMMENT ON COLUMN gis.flow_step.to_flow IS '步骤之后的流程';
COMMENT ON COLUMN gis.flow_step.to_state IS '步骤之后的状态';
COMMENT ON COLUMN gis.flow_step.offices IS '谁可以走这一步';
COMMENT ON COLUMN gis.flow_step.requires IS '必须写明什么';
COMMENT ON COLUMN gis.flow_step.graves IS '对哪些案件可以走这一步';
COMMENT ON COLUMN gis.flow_step.offers IS '还可以写明什么;别的不能写';
insert into gis.flow_step values ('community', 'register', 'found', 'community', 'registered', '{worker,community,street}', '{}', 'any', '{note,handler}');
insert into gis.flow_step values ('community', 'reject', 'found', 'community', 'rejected', '{community,street}', '{note}', 'ordinary', '{}');
insert into gis.flow_step values ('community', 'reject', 'registered', 'community', 'rejected', '{community,street}', '{note}', 'ordinary', '{}');
insert into gis.flow_step values ('community', 'advise', 'registered', 'community', 'advised', '{worker,community,street}', '{note}', 'any', '{due_on}');
insert into gis.flow_step values ('community', 'advise', 'rework', 'community', 'advised', '{worker,community,street}', '{note}', 'any', '{due_on}');
insert into gis.flow_step values ('community', 'handle', 'registered', 'community', 'rectifying', '{worker,community,street}', '{}', 'ordinary', '{note,handler,due_on}');
insert into gis.flow_step values ('community', 'handle', 'advised', 'community', 'rectifying', '{worker,community,street}', '{}', 'ordinary', '{note,handler,due_on}');
insert into gis.flow_step values ('community', 'handle', 'rework', 'community', 'rectifying', '{worker,community,street}', '{}', 'ordinary', '{note,handler,due_on}');
insert into gis.flow_step values ('community', 'transfer', 'found', 'community', 'transferred', '{worker,community,street}', '{department}', 'any', '{note,reference}');
insert into gis.flow_step values ('community', 'transfer', 'registered', 'community', 'transferred', '{worker,community,street}', '{department}', 'any', '{note,reference}');
insert into gis.flow_step values ('community', 'transfer', 'advised', 'community', 'transferred', '{worker,community,street}', '{department}', 'any', '{note,reference}');
insert into gis.flow_step values ('community', 'transfer', 'rectifying', 'community', 'transferred', '{worker,community,street}', '{department}', 'any', '{note,reference}');
insert into gis.flow_step values ('community', 'transfer', 'rework', 'community', 'transferred', '{worker,community,street}', '{department}', 'any', '{note,reference}');
insert into gis.flow_step values ('community', 'transfer', 'suspended', 'community', 'transferred', '{worker,community,street}', '{department}', 'any', '{note,reference}');
insert into gis.flow_step values ('community', 'track', 'transferred', 'community', 'tracking', '{worker,community,street}', '{note}', 'any', '{reference}');
insert into gis.flow_step values ('community', 'track', 'tracking', 'community', 'tracking', '{worker,community,street}', '{note}', 'any', '{reference}');
insert into gis.flow_step values ('community', 'accept', 'transferred', 'street', 'filed', '{street}', '{}', 'any', '{note,reference}');
insert into gis.flow_step values ('community', 'accept', 'tracking', 'street', 'filed', '{street}', '{}', 'any', '{note,reference}');
insert into gis.flow_step values ('community', 'ask_recheck', 'advised', 'community', 'recheck', '{worker,community,street}', '{note}', 'ordinary', '{}');
insert into gis.flow_step values ('community', 'ask_recheck', 'rectifying', 'community', 'recheck', '{worker,community,street}', '{note}', 'ordinary', '{}');
insert into gis.flow_step values ('community', 'report_back', 'transferred', 'community', 'recheck', '{worker,community,street}', '{note}', 'any', '{reference}');
insert into gis.flow_step values ('community', 'report_back', 'tracking', 'community', 'recheck', '{worker,community,street}', '{note}', 'any', '{reference}');
insert into gis.flow_step values ('community', 'close', 'recheck', 'community', 'closed', '{worker,community,street}', '{note}', 'determined', '{}');
insert into gis.flow_step values ('community', 'fail', 'recheck', 'community', 'rework', '{worker,community,street}', '{note}', 'any', '{due_on}');
insert into gis.flow_step values ('community', 'suspend', 'registered', 'community', 'suspended', '{community,street}', '{note,due_on}', 'ordinary', '{}');
insert into gis.flow_step values ('community', 'suspend', 'advised', 'community', 'suspended', '{community,street}', '{note,due_on}', 'ordinary', '{}');
insert into gis.flow_step values ('community', 'suspend', 'rectifying', 'community', 'suspended', '{community,street}', '{note,due_on}', 'ordinary', '{}');
insert into gis.flow_step values ('community', 'suspend', 'tracking', 'community', 'suspended', '{community,street}', '{note,due_on}', 'ordinary', '{}');
insert into gis.flow_step values ('community', 'suspend', 'rework', 'community', 'suspended', '{community,street}', '{note,due_on}', 'ordinary', '{}');
insert into gis.flow_step values ('community', 'resume', 'suspended', 'community', 'registered', '{community,street}', '{}', 'any', '{note}');
insert into gis.flow_step values ('community', 'reopen', 'closed', 'community', 'rework', '{community,street}', '{note}', 'any', '{}');
insert into gis.flow_step values ('community', 'reopen', 'rejected', 'community', 'rework', '{community,street}', '{note}', 'any', '{}');
insert into gis.flow_step values ('community', 'reopen', 'merged', 'community', 'rework', '{community,street}', '{note}', 'any', '{}');
insert into gis.flow_step values ('community', 'find', 'found', 'community', 'found', '{worker,community,street}', '{}', 'any', '{note}');
insert into gis.flow_step values ('community', 'note', 'found', 'community', 'found', '{worker,community,street}', '{note}', 'any', '{}');
insert into gis.flow_step values ('community', 'note', 'registered', 'community', 'registered', '{worker,community,street}', '{note}', 'any', '{}');
insert into gis.flow_step values ('community', 'note', 'advised', 'community', 'advised', '{worker,community,street}', '{note}', 'any', '{}');
insert into gis.flow_step values ('community', 'note', 'rectifying', 'community', 'rectifying', '{worker,community,street}', '{note}', 'any', '{}');
insert into gis.flow_step values ('community', 'note', 'transferred', 'community', 'transferred', '{worker,community,street}', '{note}', 'any', '{}');
insert into gis.flow_step values ('community', 'note', 'tracking', 'community', 'tracking', '{worker,community,street}', '{note}', 'any', '{}');
insert into gis.flow_step values ('community', 'note', 'recheck', 'community', 'recheck', '{worker,community,street}', '{note}', 'any', '{}');
insert into gis.flow_step values ('community', 'note', 'rework', 'community', 'rework', '{worker,community,street}', '{note}', 'any', '{}');
insert into gis.flow_step values ('community', 'note', 'suspended', 'community', 'suspended', '{worker,community,street}', '{note}', 'any', '{}');
insert into gis.flow_step values ('community', 'assign', 'found', 'community', 'found', '{community,street}', '{handler}', 'any', '{note}');
insert into gis.flow_step values ('community', 'assign', 'registered', 'community', 'registered', '{community,street}', '{handler}', 'any', '{note}');
insert into gis.flow_step values ('community', 'assign', 'advised', 'community', 'advised', '{community,street}', '{handler}', 'any', '{note}');
insert into gis.flow_step values ('community', 'assign', 'rectifying', 'community', 'rectifying', '{community,street}', '{handler}', 'any', '{note}');
insert into gis.flow_step values ('community', 'assign', 'transferred', 'community', 'transferred', '{community,street}', '{handler}', 'any', '{note}');
insert into gis.flow_step values ('community', 'assign', 'tracking', 'community', 'tracking', '{community,street}', '{handler}', 'any', '{note}');
insert into gis.flow_step values ('community', 'assign', 'recheck', 'community', 'recheck', '{community,street}', '{handler}', 'any', '{note}');
insert into gis.flow_step values ('community', 'assign', 'rework', 'community', 'rework', '{community,street}', '{handler}', 'any', '{note}');
insert into gis.flow_step values ('community', 'assign', 'suspended', 'community', 'suspended', '{community,street}', '{handler}', 'any', '{note}');
insert into gis.flow_step values ('community', 'suspect', 'found', 'community', 'found', '{worker,community,street}', '{note}', 'ordinary', '{}');
insert into gis.flow_step values ('community', 'suspect', 'registered', 'community', 'registered', '{worker,community,street}', '{note}', 'ordinary', '{}');
insert into gis.flow_step values ('community', 'suspect', 'advised', 'community', 'advised', '{worker,community,street}', '{note}', 'ordinary', '{}');
insert into gis.flow_step values ('community', 'suspect', 'rectifying', 'community', 'rectifying', '{worker,community,street}', '{note}', 'ordinary', '{}');
insert into gis.flow_step values ('community', 'suspect', 'transferred', 'community', 'transferred', '{worker,community,street}', '{note}', 'ordinary', '{}');
insert into gis.flow_step values ('community', 'suspect', 'tracking', 'community', 'tracking', '{worker,community,street}', '{note}', 'ordinary', '{}');
insert into gis.flow_step values ('community', 'suspect', 'recheck', 'community', 'recheck', '{worker,community,street}', '{note}', 'ordinary', '{}');
insert into gis.flow_step values ('community', 'suspect', 'rework', 'community', 'rework', '{worker,community,street}', '{note}', 'ordinary', '{}');
insert into gis.flow_step values ('community', 'suspect', 'suspended', 'community', 'suspended', '{worker,community,street}', '{note}', 'ordinary', '{}');
insert into gis.flow_step values ('community', 'determine', 'found', 'community', 'found', '{street}', '{level,note}', 'determines', '{}');
insert into gis.flow_step values ('community', 'determine', 'registered', 'community', 'registered', '{street}', '{level,note}', 'determines', '{}');
insert into gis.flow_step values ('community', 'determine', 'advised', 'community', 'advised', '{street}', '{level,note}', 'determines', '{}');
insert into gis.flow_step values ('community', 'determine', 'rectifying', 'community', 'rectifying', '{street}', '{level,note}', 'determines', '{}');
insert into gis.flow_step values ('community', 'determine', 'transferred', 'community', 'transferred', '{street}', '{level,note}', 'determines', '{}');
insert into gis.flow_step values ('community', 'determine', 'tracking', 'community', 'tracking', '{street}', '{level,note}', 'determines', '{}');
insert into gis.flow_step values ('community', 'determine', 'recheck', 'community', 'recheck', '{street}', '{level,note}', 'determines', '{}');
insert into gis.flow_step values ('community', 'determine', 'rework', 'community', 'rework', '{street}', '{level,note}', 'determines', '{}');
insert into gis.flow_step values ('community', 'determine', 'suspended', 'community', 'suspended', '{street}', '{level,note}', 'determines', '{}');
insert into gis.flow_step values ('community', 'extend', 'found', 'community', 'found', '{community,street}', '{due_on,note}', 'any', '{}');
insert into gis.flow_step values ('community', 'extend', 'registered', 'community', 'registered', '{community,street}', '{due_on,note}', 'any', '{}');
insert into gis.flow_step values ('community', 'extend', 'advised', 'community', 'advised', '{community,street}', '{due_on,note}', 'any', '{}');
insert into gis.flow_step values ('community', 'extend', 'rectifying', 'community', 'rectifying', '{community,street}', '{due_on,note}', 'any', '{}');
insert into gis.flow_step values ('community', 'extend', 'transferred', 'community', 'transferred', '{community,street}', '{due_on,note}', 'any', '{}');
insert into gis.flow_step values ('community', 'extend', 'tracking', 'community', 'tracking', '{community,street}', '{due_on,note}', 'any', '{}');
insert into gis.flow_step values ('community', 'extend', 'recheck', 'community', 'recheck', '{community,street}', '{due_on,note}', 'any', '{}');
insert into gis.flow_step values ('community', 'extend', 'rework', 'community', 'rework', '{community,street}', '{due_on,note}', 'any', '{}');
insert into gis.flow_step values ('community', 'extend', 'suspended', 'community', 'suspended', '{community,street}', '{due_on,note}', 'any', '{}');
insert into gis.flow_step values ('community', 'merge', 'found', 'community', 'merged', '{community,street}', '{main_code}', 'ordinary', '{note}');
insert into gis.flow_step values ('community', 'merge', 'registered', 'community', 'merged', '{community,street}', '{main_code}', 'ordinary', '{note}');
insert into gis.flow_step values ('community', 'merge', 'advised', 'community', 'merged', '{community,street}', '{main_code}', 'ordinary', '{note}');
insert into gis.flow_step values ('community', 'merge', 'rectifying', 'community', 'merged', '{community,street}', '{main_code}', 'ordinary', '{note}');
insert into gis.flow_step values ('community', 'merge', 'transferred', 'community', 'merged', '{community,street}', '{main_code}', 'ordinary', '{note}');
insert into gis.flow_step values ('community', 'merge', 'tracking', 'community', 'merged', '{community,street}', '{main_code}', 'ordinary', '{note}');
insert into gis.flow_step values ('community', 'merge', 'recheck', 'community', 'merged', '{community,street}', '{main_code}', 'ordinary', '{note}');
insert into gis.flow_step values ('community', 'merge', 'rework', 'community', 'merged', '{community,street}', '{main_code}', 'ordinary', '{note}');
insert into gis.flow_step values ('community', 'merge', 'suspended', 'community', 'merged', '{community,street}', '{main_code}', 'ordinary', '{note}');
insert into gis.flow_step values ('street', 'file', 'found', 'street', 'filed', '{street}', '{}', 'any', '{note}');
insert into gis.flow_step values ('street', 'decline', 'found', 'street', 'rejected', '{street}', '{note}', 'any', '{}');
insert into gis.flow_step values ('street', 'decline', 'filed', 'street', 'rejected', '{street}', '{note}', 'any', '{}');
insert into gis.flow_step values ('street', 'dispatch', 'filed', 'street', 'assigned', '{street}', '{handler}', 'any', '{department,note,due_on}');
insert into gis.flow_step values ('street', 'dispatch', 'rework', 'street', 'assigned', '{street}', '{handler}', 'any', '{department,note,due_on}');
insert into gis.flow_step values ('street', 'dispose', 'assigned', 'street', 'rectifying', '{street}', '{}', 'any', '{note}');
insert into gis.flow_step values ('street', 'report_done', 'assigned', 'street', 'recheck', '{street}', '{note}', 'any', '{}');
insert into gis.flow_step values ('street', 'report_done', 'rectifying', 'street', 'recheck', '{street}', '{note}', 'any', '{}');
insert into gis.flow_step values ('street', 'close', 'recheck', 'street', 'closed', '{street}', '{note}', 'any', '{}');
insert into gis.flow_step values ('street', 'fail', 'recheck', 'street', 'rework', '{street}', '{note}', 'any', '{due_on}');
insert into gis.flow_step values ('street', 'suspend', 'filed', 'street', 'suspended', '{street}', '{note,due_on}', 'any', '{}');
insert into gis.flow_step values ('street', 'suspend', 'assigned', 'street', 'suspended', '{street}', '{note,due_on}', 'any', '{}');
insert into gis.flow_step values ('street', 'suspend', 'rectifying', 'street', 'suspended', '{street}', '{note,due_on}', 'any', '{}');
insert into gis.flow_step values ('street', 'suspend', 'rework', 'street', 'suspended', '{street}', '{note,due_on}', 'any', '{}');
insert into gis.flow_step values ('street', 'resume', 'suspended', 'street', 'filed', '{street}', '{}', 'any', '{note}');
insert into gis.flow_step values ('street', 'return', 'filed', 'community', 'tracking', '{street}', '{note}', 'any', '{}');
insert into gis.flow_step values ('street', 'return', 'assigned', 'community', 'tracking', '{street}', '{note}', 'any', '{}');
insert into gis.flow_step values ('street', 'reopen', 'closed', 'street', 'rework', '{street}', '{note}', 'any', '{}');
insert into gis.flow_step values ('street', 'reopen', 'rejected', 'street', 'rework', '{street}', '{note}', 'any', '{}');
insert into gis.flow_step values ('street', 'reopen', 'merged', 'street', 'rework', '{street}', '{note}', 'any', '{}');
insert into gis.flow_step values ('street', 'find', 'found', 'street', 'found', '{worker,community,street}', '{}', 'any', '{note}');
insert into gis.flow_step values ('street', 'note', 'found', 'street', 'found', '{worker,community,street}', '{note}', 'any', '{}');
insert into gis.flow_step values ('street', 'note', 'filed', 'street', 'filed', '{worker,community,street}', '{note}', 'any', '{}');
insert into gis.flow_step values ('street', 'note', 'assigned', 'street', 'assigned', '{worker,community,street}', '{note}', 'any', '{}');
insert into gis.flow_step values ('street', 'note', 'rectifying', 'street', 'rectifying', '{worker,community,street}', '{note}', 'any', '{}');
insert into gis.flow_step values ('street', 'note', 'recheck', 'street', 'recheck', '{worker,community,street}', '{note}', 'any', '{}');
insert into gis.flow_step values ('street', 'note', 'rework', 'street', 'rework', '{worker,community,street}', '{note}', 'any', '{}');
insert into gis.flow_step values ('street', 'note', 'suspended', 'street', 'suspended', '{worker,community,street}', '{note}', 'any', '{}');
insert into gis.flow_step values ('street', 'assign', 'found', 'street', 'found', '{street}', '{handler}', 'any', '{note}');
insert into gis.flow_step values ('street', 'assign', 'filed', 'street', 'filed', '{street}', '{handler}', 'any', '{note}');
insert into gis.flow_step values ('street', 'assign', 'assigned', 'street', 'assigned', '{street}', '{handler}', 'any', '{note}');
insert into gis.flow_step values ('street', 'assign', 'rectifying', 'street', 'rectifying', '{street}', '{handler}', 'any', '{note}');
insert into gis.flow_step values ('street', 'assign', 'recheck', 'street', 'recheck', '{street}', '{handler}', 'any', '{note}');
insert into gis.flow_step values ('street', 'assign', 'rework', 'street', 'rework', '{street}', '{handler}', 'any', '{note}');
insert into gis.flow_step values ('street', 'assign', 'suspended', 'street', 'suspended', '{street}', '{handler}', 'any', '{note}');
insert into gis.flow_step values ('street', 'suspect', 'found', 'street', 'found', '{worker,community,street}', '{note}', 'ordinary', '{}');
insert into gis.flow_step values ('street', 'suspect', 'filed', 'street', 'filed', '{worker,community,street}', '{note}', 'ordinary', '{}');
insert into gis.flow_step values ('street', 'suspect', 'assigned', 'street', 'assigned', '{worker,community,street}', '{note}', 'ordinary', '{}');
insert into gis.flow_step values ('street', 'suspect', 'rectifying', 'street', 'rectifying', '{worker,community,street}', '{note}', 'ordinary', '{}');
insert into gis.flow_step values ('street', 'suspect', 'recheck', 'street', 'recheck', '{worker,community,street}', '{note}', 'ordinary', '{}');
insert into gis.flow_step values ('street', 'suspect', 'rework', 'street', 'rework', '{worker,community,street}', '{note}', 'ordinary', '{}');
insert into gis.flow_step values ('street', 'suspect', 'suspended', 'street', 'suspended', '{worker,community,street}', '{note}', 'ordinary', '{}');
insert into gis.flow_step values ('street', 'determine', 'found', 'street', 'found', '{street}', '{level,note}', 'determines', '{}');
insert into gis.flow_step values ('street', 'determine', 'filed', 'street', 'filed', '{street}', '{level,note}', 'determines', '{}');
insert into gis.flow_step values ('street', 'determine', 'assigned', 'street', 'assigned', '{street}', '{level,note}', 'determines', '{}');
insert into gis.flow_step values ('street', 'determine', 'rectifying', 'street', 'rectifying', '{street}', '{level,note}', 'determines', '{}');
insert into gis.flow_step values ('street', 'determine', 'recheck', 'street', 'recheck', '{street}', '{level,note}', 'determines', '{}');
insert into gis.flow_step values ('street', 'determine', 'rework', 'street', 'rework', '{street}', '{level,note}', 'determines', '{}');
insert into gis.flow_step values ('street', 'determine', 'suspended', 'street', 'suspended', '{street}', '{level,note}', 'determines', '{}');
insert into gis.flow_step values ('street', 'extend', 'found', 'street', 'found', '{street}', '{due_on,note}', 'any', '{}');
insert into gis.flow_step values ('street', 'extend', 'filed', 'street', 'filed', '{street}', '{due_on,note}', 'any', '{}');
insert into gis.flow_step values ('street', 'extend', 'assigned', 'street', 'assigned', '{street}', '{due_on,note}', 'any', '{}');
insert into gis.flow_step values ('street', 'extend', 'rectifying', 'street', 'rectifying', '{street}', '{due_on,note}', 'any', '{}');
insert into gis.flow_step values ('street', 'extend', 'recheck', 'street', 'recheck', '{street}', '{due_on,note}', 'any', '{}');
insert into gis.flow_step values ('street', 'extend', 'rework', 'street', 'rework', '{street}', '{due_on,note}', 'any', '{}');
insert into gis.flow_step values ('street', 'extend', 'suspended', 'street', 'suspended', '{street}', '{due_on,note}', 'any', '{}');
insert into gis.flow_step values ('street', 'merge', 'found', 'street', 'merged', '{street}', '{main_code}', 'ordinary', '{note}');
insert into gis.flow_step values ('street', 'merge', 'filed', 'street', 'merged', '{street}', '{main_code}', 'ordinary', '{note}');
insert into gis.flow_step values ('street', 'merge', 'assigned', 'street', 'merged', '{street}', '{main_code}', 'ordinary', '{note}');
insert into gis.flow_step values ('street', 'merge', 'rectifying', 'street', 'merged', '{street}', '{main_code}', 'ordinary', '{note}');
insert into gis.flow_step values ('street', 'merge', 'recheck', 'street', 'merged', '{street}', '{main_code}', 'ordinary', '{note}');
insert into gis.flow_step values ('street', 'merge', 'rework', 'street', 'merged', '{street}', '{main_code}', 'ordinary', '{note}');
insert into gis.flow_step values ('street', 'merge', 'suspended', 'street', 'merged', '{street}', '{main_code}', 'ordinary', '{note}');
alter table gis.flow_step enable row level security;
grant select on gis.flow_step to gis_backup;
CREATE TABLE gis.case_step (
	community TEXT NOT NULL, 
	id UUID DEFAULT gen_random_uuid() NOT NULL, 
	case_id UUID NOT NULL, 
	position INTEGER NOT NULL, 
	step TEXT NOT NULL, 
	from_flow TEXT NOT NULL, 
	from_state TEXT NOT NULL, 
	to_flow TEXT NOT NULL, 
	to_state TEXT NOT NULL, 
	at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL, 
	due_at TIMESTAMP WITH TIME ZONE, 
	remind_at TIMESTAMP WITH TIME ZONE, 
	due_on DATE, 
	note TEXT, 
	handler TEXT, 
	department TEXT, 
	reference TEXT, 
	level TEXT, 
	main_code TEXT, 
	office TEXT NOT NULL, 
	actor TEXT DEFAULT coalesce(nullif(current_setting('gis.actor', true), ''), session_user) NOT NULL, 
	recorded_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL, 
	CONSTRAINT case_step_pkey PRIMARY KEY (community, id), 
	CONSTRAINT case_step_position_key UNIQUE (community, case_id, position), 
	CONSTRAINT case_step_community_fkey FOREIGN KEY(community) REFERENCES gis.area (code), 
	CONSTRAINT case_step_in_flow FOREIGN KEY(from_flow, from_state, step) REFERENCES gis.flow_step (flow, from_state, step), 
	CONSTRAINT case_step_note_max_length CHECK (char_length(note) <= 2000), 
	CONSTRAINT case_step_handler_max_length CHECK (char_length(handler) <= 120), 
	CONSTRAINT case_step_reference_max_length CHECK (char_length(reference) <= 80)
);
COMMENT ON TABLE gis.case_step IS '案件走过的步骤:只增不改';
COMMENT ON COLUMN gis.case_step.community IS '12 位社区代码';
COMMENT ON COLUMN gis.case_step.id IS '标识,可由终端给出';
COMMENT ON COLUMN gis.case_step.case_id IS '案件';
COMMENT ON COLUMN gis.case_step.position IS '第几步';
COMMENT ON COLUMN gis.case_step.step IS '步骤';
COMMENT ON COLUMN gis.case_step.from_flow IS '步骤之前的流程';
COMMENT ON COLUMN gis.case_step.from_state IS '步骤之前的状态';
COMMENT ON COLUMN gis.case_step.to_flow IS '步骤之后的流程';
COMMENT ON COLUMN gis.case_step.to_state IS '步骤之后的状态';
COMMENT ON COLUMN gis.case_step.at IS '何时走的这一步';
COMMENT ON COLUMN gis.case_step.due_at IS '本环节的时限';
COMMENT ON COLUMN gis.case_step.remind_at IS '何时提醒';
COMMENT ON COLUMN gis.case_step.due_on IS '整改期限';
COMMENT ON COLUMN gis.case_step.note IS '情况说明';
COMMENT ON COLUMN gis.case_step.handler IS '处置岗位';
COMMENT ON COLUMN gis.case_step.department IS '移交部门';
COMMENT ON COLUMN gis.case_step.reference IS '对方的编号或文号';
COMMENT ON COLUMN gis.case_step.level IS '认定的等级';
COMMENT ON COLUMN gis.case_step.main_code IS '并入的主案编码';
COMMENT ON COLUMN gis.case_step.office IS '以什么身份';
COMMENT ON COLUMN gis.case_step.actor IS '操作者';
COMMENT ON COLUMN gis.case_step.recorded_at IS '记录时间';
CREATE TABLE gis.case_photo (
	community TEXT NOT NULL, 
	id UUID DEFAULT gen_random_uuid() NOT NULL, 
	case_id UUID NOT NULL, 
	stage TEXT NOT NULL, 
	sha256 TEXT NOT NULL, 
	width INTEGER NOT NULL, 
	height INTEGER NOT NULL, 
	bytes BIGINT NOT NULL, 
	taken_at TIMESTAMP WITH TIME ZONE, 
	actor TEXT DEFAULT coalesce(nullif(current_setting('gis.actor', true), ''), session_user) NOT NULL, 
	added_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL, 
	CONSTRAINT case_photo_pkey PRIMARY KEY (community, id), 
	CONSTRAINT case_photo_community_fkey FOREIGN KEY(community) REFERENCES gis.area (code), 
	CONSTRAINT case_photo_stage_known CHECK (stage in ('before', 'after')), 
	CONSTRAINT case_photo_sha256_digits CHECK (sha256 ~ '^[0-9a-f]{64}$')
);
CREATE INDEX case_photo_case_idx ON gis.case_photo (community, case_id);
CREATE INDEX case_photo_sha256_idx ON gis.case_photo (sha256);
COMMENT ON TABLE gis.case_photo IS '案件的照片:文件在数据库之外,以内容的摘要为名';
COMMENT ON COLUMN gis.case_photo.community IS '12 位社区代码';
COMMENT ON COLUMN gis.case_photo.id IS '标识,可由终端给出';
COMMENT ON COLUMN gis.case_photo.case_id IS '案件';
COMMENT ON COLUMN gis.case_photo.stage IS '处置前或处置后';
COMMENT ON COLUMN gis.case_photo.sha256 IS '照片文件的 SHA-256';
COMMENT ON COLUMN gis.case_photo.width IS '宽(像素)';
COMMENT ON COLUMN gis.case_photo.height IS '高(像素)';
COMMENT ON COLUMN gis.case_photo.bytes IS '文件字节数';
COMMENT ON COLUMN gis.case_photo.taken_at IS '拍摄时间';
COMMENT ON COLUMN gis.case_photo.actor IS '谁加的';
COMMENT ON COLUMN gis.case_photo.added_at IS '加入时间';
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
  if nullif(current_setting('gis.upload', true), '') is null and current_setting('gis.role', true) in ('grid_worker', 'surveyor', 'staff')
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
  if nullif(current_setting('gis.upload', true), '') is null and current_setting('gis.role', true) in ('grid_worker', 'surveyor', 'staff')
    and exists (select from case_step s where s.community = old.community and s.case_id = old.id) then
    raise exception 'a case that has a journal is not deleted' using errcode = 'check_violation', constraint = 'hazard_journal_stays';
  end if;
  return old;
end $$;
comment on function gis.keep_case() is 'Definer: a case that somebody has begun to see to ends by a step, not by being deleted.';

create function gis.guard_structure() returns trigger language plpgsql set search_path = gis, pg_catalog, pg_temp as $$
begin
  if new.status <> 'suspected' and (tg_op = 'INSERT' or new.status is distinct from old.status)
    and nullif(current_setting('gis.upload', true), '') is null and current_setting('gis.role', true) in ('grid_worker', 'surveyor', 'staff')
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
  select * into held from hazard h where h.community = new.community and h.id = new.case_id and (h.community = any ((select string_to_array(current_setting('gis.scope', true), ','))::text[]) or h.grid = any ((select string_to_array(current_setting('gis.scope', true), ','))::text[]) or left(h.community, 9) = any ((select string_to_array(current_setting('gis.scope', true), ','))::text[]) or left(h.community, 6) = any ((select string_to_array(current_setting('gis.scope', true), ','))::text[])) for update;
  if not found then
    raise exception 'no such case' using errcode = 'check_violation', constraint = 'case_step_case';
  end if;
  select * into line from flow_step f where f.flow = held.flow and f.from_state = held.status and f.step = new.step;
  if not found or (line.step = 'find' and exists (select from case_step s where s.community = new.community and s.case_id = new.case_id)) then
    raise exception 'not from this state' using errcode = 'check_violation', constraint = 'case_step_in_flow', detail = held.status;
  end if;
  new.office := (select office from unnest(line.offices) with ordinality o(office, place)
    where office = any (offices_in(new.community)) order by place limit 1);
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
    and h.id <> held.id and h.status not in ('closed', 'merged', 'rejected') and (h.community = any ((select string_to_array(current_setting('gis.scope', true), ','))::text[]) or h.grid = any ((select string_to_array(current_setting('gis.scope', true), ','))::text[]) or left(h.community, 9) = any ((select string_to_array(current_setting('gis.scope', true), ','))::text[]) or left(h.community, 6) = any ((select string_to_array(current_setting('gis.scope', true), ','))::text[]))) then
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

create trigger guard_structure before insert or update on gis.illegal_structure for each row execute function gis.guard_structure();
create trigger keep_case before delete on gis.hazard for each row execute function gis.keep_case();
create trigger begin_case before insert on gis.hazard for each row execute function gis.begin_case();
create trigger take_step before insert on gis.case_step for each row execute function gis.take_step();
alter table gis.case_step enable row level security;
create policy sees on gis.case_step for select to gis_app using (exists (select from gis.hazard h where h.community = case_step.community and h.id = case_step.case_id));
grant select on gis.case_step to gis_app, gis_backup;
create policy adds on gis.case_step for insert to gis_app with check (exists (select from gis.hazard h where h.community = case_step.community and h.id = case_step.case_id));
alter table gis.case_photo enable row level security;
create policy sees on gis.case_photo for select to gis_app using (exists (select from gis.hazard h where h.community = case_photo.community and h.id = case_photo.case_id));
grant select on gis.case_photo to gis_app, gis_backup;
create policy adds on gis.case_photo for insert to gis_app with check (exists (select from gis.hazard h where h.community = case_photo.community and h.id = case_photo.case_id));
grant insert (community, id, case_id, step, at, due_at, remind_at, due_on, note, handler, department, reference, level, main_code) on gis.case_step to gis_app;
grant insert on gis.case_photo to gis_app;
CREATE TABLE gis.sync_edit (
	community TEXT NOT NULL, 
	id UUID NOT NULL, 
	kind TEXT NOT NULL, 
	body JSONB NOT NULL, 
	device TEXT DEFAULT '' NOT NULL, 
	made_at TIMESTAMP WITH TIME ZONE NOT NULL, 
	state TEXT NOT NULL, 
	result JSONB DEFAULT '{}' NOT NULL, 
	problem TEXT, 
	actor TEXT DEFAULT coalesce(nullif(current_setting('gis.actor', true), ''), session_user) NOT NULL, 
	areas TEXT[] NOT NULL, 
	received_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL, 
	settled_at TIMESTAMP WITH TIME ZONE, 
	settled_by TEXT, 
	CONSTRAINT sync_edit_pkey PRIMARY KEY (community, id), 
	CONSTRAINT sync_edit_community_fkey FOREIGN KEY(community) REFERENCES gis.area (code), 
	CONSTRAINT sync_edit_state_known CHECK (state in ('applied', 'conflict', 'settled', 'dropped')), 
	CONSTRAINT sync_edit_areas_some CHECK (cardinality(areas) > 0)
);
CREATE INDEX sync_edit_waiting_idx ON gis.sync_edit (community, received_at) WHERE state = 'conflict';
COMMENT ON TABLE gis.sync_edit IS '终端离线时做的改动:每一条要么已写入,要么等人决定';
COMMENT ON COLUMN gis.sync_edit.community IS '12 位社区代码';
COMMENT ON COLUMN gis.sync_edit.id IS '终端给出的标识';
COMMENT ON COLUMN gis.sync_edit.kind IS '哪一种改动';
COMMENT ON COLUMN gis.sync_edit.body IS '改动的内容';
COMMENT ON COLUMN gis.sync_edit.device IS '终端';
COMMENT ON COLUMN gis.sync_edit.made_at IS '在终端上做的时刻';
COMMENT ON COLUMN gis.sync_edit.state IS '已写入、待人决定、已决定采用或放弃';
COMMENT ON COLUMN gis.sync_edit.result IS '写入了什么';
COMMENT ON COLUMN gis.sync_edit.problem IS '为什么没有写入';
COMMENT ON COLUMN gis.sync_edit.actor IS '谁做的';
COMMENT ON COLUMN gis.sync_edit.areas IS '做的人的范围';
COMMENT ON COLUMN gis.sync_edit.received_at IS '收到时间';
COMMENT ON COLUMN gis.sync_edit.settled_at IS '决定时间';
COMMENT ON COLUMN gis.sync_edit.settled_by IS '谁决定的';
alter table gis.sync_edit enable row level security;
create policy sees on gis.sync_edit for select to gis_app using ((community = any ((select string_to_array(current_setting('gis.scope', true), ','))::text[]) or left(community, 9) = any ((select string_to_array(current_setting('gis.scope', true), ','))::text[]) or left(community, 6) = any ((select string_to_array(current_setting('gis.scope', true), ','))::text[])) or cardinality(areas) > 0 and not exists (select from unnest(areas) a where not exists (select from unnest(string_to_array(current_setting('gis.scope', true), ',')) s where s <> '' and starts_with(a, s))));
grant select on gis.sync_edit to gis_app, gis_backup;
create policy adds on gis.sync_edit for insert to gis_app with check ((community = any ((select string_to_array(current_setting('gis.scope', true), ','))::text[]) or left(community, 9) = any ((select string_to_array(current_setting('gis.scope', true), ','))::text[]) or left(community, 6) = any ((select string_to_array(current_setting('gis.scope', true), ','))::text[])) or cardinality(areas) > 0 and not exists (select from unnest(areas) a where not exists (select from unnest(string_to_array(current_setting('gis.scope', true), ',')) s where s <> '' and starts_with(a, s))));
create policy changes on gis.sync_edit for update to gis_app using ((community = any ((select string_to_array(current_setting('gis.scope', true), ','))::text[]) or left(community, 9) = any ((select string_to_array(current_setting('gis.scope', true), ','))::text[]) or left(community, 6) = any ((select string_to_array(current_setting('gis.scope', true), ','))::text[])) or cardinality(areas) > 0 and not exists (select from unnest(areas) a where not exists (select from unnest(string_to_array(current_setting('gis.scope', true), ',')) s where s <> '' and starts_with(a, s)))) with check ((community = any ((select string_to_array(current_setting('gis.scope', true), ','))::text[]) or left(community, 9) = any ((select string_to_array(current_setting('gis.scope', true), ','))::text[]) or left(community, 6) = any ((select string_to_array(current_setting('gis.scope', true), ','))::text[])) or cardinality(areas) > 0 and not exists (select from unnest(areas) a where not exists (select from unnest(string_to_array(current_setting('gis.scope', true), ',')) s where s <> '' and starts_with(a, s))));
create policy removes on gis.sync_edit for delete to gis_app using ((community = any ((select string_to_array(current_setting('gis.scope', true), ','))::text[]) or left(community, 9) = any ((select string_to_array(current_setting('gis.scope', true), ','))::text[]) or left(community, 6) = any ((select string_to_array(current_setting('gis.scope', true), ','))::text[])) or cardinality(areas) > 0 and not exists (select from unnest(areas) a where not exists (select from unnest(string_to_array(current_setting('gis.scope', true), ',')) s where s <> '' and starts_with(a, s))));
grant insert, update, delete on gis.sync_edit to gis_app;
create trigger note_insert after insert on gis.case_step referencing new table as new_rows for each statement execute function gis.note_write('r.community', 'r.case_id::text', 'r.step');
create trigger note_insert after insert on gis.sync_edit referencing new table as new_rows for each statement execute function gis.note_write('r.community', '''''', '''''');
create trigger note_update after update on gis.sync_edit referencing old table as old_rows new table as new_rows for each statement execute function gis.note_write('r.community', '''''', '''''');
create trigger note_insert after insert on gis.case_photo referencing new table as new_rows for each statement execute function gis.note_write('r.community', 'r.case_id::text', 'r.stage');
create trigger note_delete after delete on gis.case_photo referencing old table as old_rows for each statement execute function gis.note_write('r.community', 'r.case_id::text', 'r.stage');
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
revoke execute on function gis.offices_in(text), gis.begin_case(), gis.guard_structure(), gis.keep_case(), gis.photo_hashes(), gis.take_step() from public;
grant execute on function gis.offices_in(text), gis.photo_hashes() to gis_app;
