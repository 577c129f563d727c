-- What a sensor may send, JSON of a LinkPlan; none: what its own configuration says.
ALTER TABLE sensors ADD COLUMN link_plan TEXT;
