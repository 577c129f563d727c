-- The root was called by an English word in a Vietnamese table; who has named it otherwise keeps the name.
UPDATE units SET kind = 'trung tâm' WHERE id = 1 AND kind = 'centre';
