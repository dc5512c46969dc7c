-- The trials of searches, by the fingerprint of the step that searches. `record` holds what is shown.
CREATE TABLE trials (
    fingerprint TEXT NOT NULL,
    study TEXT NOT NULL,
    number INTEGER NOT NULL,
    state TEXT NOT NULL,
    value REAL,
    seconds REAL NOT NULL,
    record TEXT NOT NULL,
    PRIMARY KEY (fingerprint, study, number)
) STRICT, WITHOUT ROWID;
