-- The catalog as of version 1. Digests are 64 hexadecimal digits, times milliseconds since 1970, JSON is text.
PRAGMA application_id = 0x54594344;

-- What is kept: the row exists once the blobs are durable.
CREATE TABLE artifacts (
    digest TEXT NOT NULL PRIMARY KEY,
    kind TEXT NOT NULL,
    outline TEXT NOT NULL,
    rows INTEGER,
    bytes INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE artifact_files (
    artifact TEXT NOT NULL REFERENCES artifacts ON DELETE CASCADE,
    name TEXT NOT NULL,
    blob TEXT NOT NULL,
    bytes INTEGER NOT NULL,
    PRIMARY KEY (artifact, name)
) STRICT, WITHOUT ROWID;

-- Artifacts an artifact is incomplete without. The target may lack a row: then the artifact counts as missing.
CREATE TABLE artifact_references (
    artifact TEXT NOT NULL REFERENCES artifacts ON DELETE CASCADE,
    position INTEGER NOT NULL,
    target TEXT NOT NULL,
    PRIMARY KEY (artifact, position)
) STRICT, WITHOUT ROWID;

-- What each fingerprint is the digest of; outlives the cache, for `explain` and lineage.
CREATE TABLE fingerprints (
    fingerprint TEXT NOT NULL PRIMARY KEY,
    uses TEXT NOT NULL,
    fields TEXT NOT NULL
) STRICT, WITHOUT ROWID;

-- Finished work.
CREATE TABLE cache (
    fingerprint TEXT NOT NULL PRIMARY KEY,
    warnings TEXT NOT NULL,
    created INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE cache_outputs (
    fingerprint TEXT NOT NULL REFERENCES cache ON DELETE CASCADE,
    port TEXT NOT NULL,
    artifact TEXT NOT NULL REFERENCES artifacts,
    PRIMARY KEY (fingerprint, port)
) STRICT, WITHOUT ROWID;
CREATE INDEX cache_outputs_by_artifact ON cache_outputs (artifact);

-- What came of what; outlives the artifacts in between, so that a registered model keeps its whole ancestry.
CREATE TABLE lineage_outputs (
    artifact TEXT NOT NULL,
    fingerprint TEXT NOT NULL,
    port TEXT NOT NULL,
    PRIMARY KEY (artifact, fingerprint, port)
) STRICT, WITHOUT ROWID;

CREATE TABLE lineage_inputs (
    fingerprint TEXT NOT NULL,
    position INTEGER NOT NULL,
    port TEXT NOT NULL,
    name TEXT NOT NULL,
    artifact TEXT NOT NULL,
    PRIMARY KEY (fingerprint, position)
) STRICT, WITHOUT ROWID;

-- What happened. `record` holds what is shown; the columns beside it are what is searched.
CREATE TABLE runs (
    run TEXT NOT NULL PRIMARY KEY,
    pipeline TEXT NOT NULL,
    status TEXT NOT NULL,
    started INTEGER NOT NULL,
    seconds REAL NOT NULL,
    record TEXT NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX runs_by_start ON runs (started, run);

CREATE TABLE step_runs (
    run TEXT NOT NULL REFERENCES runs ON DELETE CASCADE,
    step TEXT NOT NULL,
    position INTEGER NOT NULL,
    uses TEXT NOT NULL,
    status TEXT NOT NULL,
    seconds REAL NOT NULL,
    fingerprint TEXT,
    record TEXT NOT NULL,
    PRIMARY KEY (run, step)
) STRICT, WITHOUT ROWID;

CREATE TABLE step_outputs (
    run TEXT NOT NULL REFERENCES runs ON DELETE CASCADE,
    step TEXT NOT NULL,
    port TEXT NOT NULL,
    artifact TEXT NOT NULL,
    PRIMARY KEY (run, step, port)
) STRICT, WITHOUT ROWID;

CREATE TABLE last_fingerprints (
    pipeline TEXT NOT NULL,
    step TEXT NOT NULL,
    fingerprint TEXT NOT NULL,
    run TEXT NOT NULL,
    PRIMARY KEY (pipeline, step)
) STRICT, WITHOUT ROWID;

CREATE TABLE metrics (
    run TEXT NOT NULL REFERENCES runs ON DELETE CASCADE,
    step TEXT NOT NULL,
    model TEXT NOT NULL,
    metric TEXT NOT NULL,
    value REAL,
    low REAL,
    high REAL,
    level REAL,
    PRIMARY KEY (run, step, model, metric)
) STRICT, WITHOUT ROWID;

-- What is registered.
CREATE TABLE models (
    name TEXT NOT NULL PRIMARY KEY,
    created INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE model_versions (
    name TEXT NOT NULL REFERENCES models,
    version INTEGER NOT NULL,
    artifact TEXT NOT NULL REFERENCES artifacts,
    run TEXT NOT NULL,
    about TEXT NOT NULL,
    created INTEGER NOT NULL,
    PRIMARY KEY (name, version),
    UNIQUE (name, artifact)
) STRICT, WITHOUT ROWID;
CREATE INDEX model_versions_by_artifact ON model_versions (artifact);

CREATE TABLE aliases (
    name TEXT NOT NULL,
    alias TEXT NOT NULL,
    version INTEGER NOT NULL,
    PRIMARY KEY (name, alias),
    FOREIGN KEY (name, version) REFERENCES model_versions
) STRICT, WITHOUT ROWID;
