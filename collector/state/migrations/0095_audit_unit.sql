-- The unit that whoever did it was of then: its administrators may read the row. Without one (a name that no account
-- has, what was done on the machine, rows of before) the row is for those who see everything. The hash does not cover it.
ALTER TABLE audit ADD COLUMN unit_id INTEGER;
CREATE INDEX audit_by_unit ON audit (unit_id, id);
