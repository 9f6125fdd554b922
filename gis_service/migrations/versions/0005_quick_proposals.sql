alter table gis.proposal_row set (fillfactor = 50);
alter table gis.proposal_row drop constraint proposal_row_proposal_fkey;

create function gis.take_rows_along() returns trigger language plpgsql set search_path = gis, pg_catalog, pg_temp as $$
begin
  delete from proposal_row r using old_rows o where r.community = o.community and r.proposal = o.id;
  return null;
end $$;
comment on function gis.take_rows_along() is 'The rows of a proposal go with it; whoever may delete it sees all of them.';
create trigger take_rows_along after delete on gis.proposal referencing old table as old_rows for each statement execute function gis.take_rows_along();
