-- What stands behind the name of a model that is served, and what stood there before: the newest row of a model counts.
-- `record` is null where the name goes back to the model's champion.
CREATE TABLE deployments (
    name TEXT NOT NULL REFERENCES models,
    number INTEGER NOT NULL,
    record TEXT,
    reason TEXT NOT NULL,
    created INTEGER NOT NULL,
    PRIMARY KEY (name, number)
) STRICT, WITHOUT ROWID;
