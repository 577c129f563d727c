-- An alert on what a server answers comes from the attacked, not from the attacker.
ALTER TABLE groups ADD COLUMN is_answer INTEGER NOT NULL DEFAULT 0;
