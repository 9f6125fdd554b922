alter table gis.upload add column removed integer not null default 0;
alter table gis.upload add column reverts uuid;
alter table gis.upload add constraint upload_reverts_fkey foreign key (community, reverts) references gis.upload (community, id);
comment on column gis.upload.removed is '删除';
comment on column gis.upload.reverts is '它撤回的上传';
