alter table gis.proposal_row set (fillfactor = 50);
