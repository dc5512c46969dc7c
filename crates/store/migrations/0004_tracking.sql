-- What is logged by programs of all kinds stands beside what pipelines do: the runs of a pipeline are those of the
-- experiment of its name.
CREATE TABLE experiments (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    name TEXT NOT NULL UNIQUE,
    -- Where its files are; ours when null.
    artifact_location TEXT,
    created INTEGER NOT NULL,
    updated INTEGER NOT NULL,
    -- Since when it is in the bin.
    deleted INTEGER
) STRICT;
INSERT INTO experiments (id, name, created, updated)
    SELECT 0, 'Default', CAST(unixepoch('subsec') * 1000 AS INTEGER), CAST(unixepoch('subsec') * 1000 AS INTEGER);
INSERT INTO experiments (name, created, updated)
    SELECT pipeline, min(started), max(started) FROM runs WHERE pipeline <> 'Default'
    GROUP BY pipeline ORDER BY min(started);

CREATE TABLE experiment_tags (
    experiment INTEGER NOT NULL REFERENCES experiments ON DELETE CASCADE,
    key TEXT NOT NULL,
    value TEXT NOT NULL,
    PRIMARY KEY (experiment, key)
) STRICT, WITHOUT ROWID;

-- `logged`: by a client, not by a pipeline; only the latter are collected.
ALTER TABLE runs ADD COLUMN experiment INTEGER REFERENCES experiments;
ALTER TABLE runs ADD COLUMN name TEXT NOT NULL DEFAULT '';
ALTER TABLE runs ADD COLUMN user TEXT NOT NULL DEFAULT '';
ALTER TABLE runs ADD COLUMN ended INTEGER;
ALTER TABLE runs ADD COLUMN deleted INTEGER;
ALTER TABLE runs ADD COLUMN logged INTEGER NOT NULL DEFAULT 0;
-- A trial of a search is a run of its own, within the run that searched.
ALTER TABLE runs ADD COLUMN parent TEXT REFERENCES runs ON DELETE CASCADE;
UPDATE runs SET
    experiment = (SELECT id FROM experiments WHERE experiments.name = runs.pipeline),
    name = run,
    ended = CASE WHEN status <> 'running' THEN started + CAST(seconds * 1000 AS INTEGER) END;
CREATE INDEX runs_by_experiment ON runs (experiment, started DESC, run);
CREATE INDEX runs_by_parent ON runs (parent) WHERE parent IS NOT NULL;

CREATE TABLE run_params (
    run TEXT NOT NULL REFERENCES runs ON DELETE CASCADE,
    key TEXT NOT NULL,
    value TEXT NOT NULL,
    PRIMARY KEY (run, key)
) STRICT, WITHOUT ROWID;
CREATE INDEX run_params_by_key ON run_params (key, value, run);

CREATE TABLE run_tags (
    run TEXT NOT NULL REFERENCES runs ON DELETE CASCADE,
    key TEXT NOT NULL,
    value TEXT NOT NULL,
    PRIMARY KEY (run, key)
) STRICT, WITHOUT ROWID;
CREATE INDEX run_tags_by_key ON run_tags (key, value, run);

-- Points as they came, one row a call; folded into the two tables below every moment, and before they are read.
CREATE TABLE metric_log (
    id INTEGER PRIMARY KEY,
    run TEXT NOT NULL REFERENCES runs ON DELETE CASCADE,
    points TEXT NOT NULL
) STRICT;

-- The last point of each series; a value that is no number is null. `bits` are those of the value, since SQLite writes
-- some numbers as text a little off.
CREATE TABLE latest_metrics (
    run TEXT NOT NULL REFERENCES runs ON DELETE CASCADE,
    key TEXT NOT NULL,
    value REAL,
    bits INTEGER,
    timestamp INTEGER NOT NULL,
    step INTEGER NOT NULL,
    PRIMARY KEY (run, key)
) STRICT, WITHOUT ROWID;
CREATE INDEX latest_metrics_by_value ON latest_metrics (key, value, run);

-- The series in pieces, in the order of logging: value, timestamp, step of each point in 24 bytes, little-endian.
CREATE TABLE metric_chunks (
    run TEXT NOT NULL REFERENCES runs ON DELETE CASCADE,
    key TEXT NOT NULL,
    chunk INTEGER NOT NULL,
    count INTEGER NOT NULL,
    points BLOB NOT NULL,
    PRIMARY KEY (run, key, chunk)
) STRICT, WITHOUT ROWID;

INSERT INTO run_params (run, key, value)
    SELECT r.run, p.key, CAST(p.value AS TEXT) FROM runs r, json_each(r.record, '$.params') p WHERE p.value IS NOT NULL;
INSERT INTO latest_metrics (run, key, value, timestamp, step)
    SELECT m.run, m.model || '/' || m.metric, m.value, coalesce(r.ended, r.started), 0
    FROM metrics m JOIN runs r ON r.run = m.run WHERE true
    ON CONFLICT DO NOTHING;

CREATE TABLE datasets (
    id TEXT NOT NULL PRIMARY KEY,
    name TEXT NOT NULL,
    digest TEXT NOT NULL,
    source_type TEXT NOT NULL,
    source TEXT NOT NULL,
    schema TEXT,
    profile TEXT
) STRICT, WITHOUT ROWID;

CREATE TABLE run_datasets (
    run TEXT NOT NULL REFERENCES runs ON DELETE CASCADE,
    dataset TEXT NOT NULL REFERENCES datasets,
    tags TEXT NOT NULL,
    PRIMARY KEY (run, dataset)
) STRICT, WITHOUT ROWID;
CREATE INDEX run_datasets_by_dataset ON run_datasets (dataset);

-- Models that clients log, registered or not.
CREATE TABLE logged_models (
    id TEXT NOT NULL PRIMARY KEY,
    experiment INTEGER NOT NULL REFERENCES experiments,
    name TEXT NOT NULL,
    status TEXT NOT NULL,
    type TEXT NOT NULL,
    run TEXT NOT NULL,
    created INTEGER NOT NULL,
    updated INTEGER NOT NULL,
    deleted INTEGER
) STRICT, WITHOUT ROWID;
CREATE INDEX logged_models_by_experiment ON logged_models (experiment, created DESC, id);
CREATE INDEX logged_models_by_run ON logged_models (run);

CREATE TABLE logged_model_params (
    model TEXT NOT NULL REFERENCES logged_models ON DELETE CASCADE,
    key TEXT NOT NULL,
    value TEXT NOT NULL,
    PRIMARY KEY (model, key)
) STRICT, WITHOUT ROWID;

CREATE TABLE logged_model_tags (
    model TEXT NOT NULL REFERENCES logged_models ON DELETE CASCADE,
    key TEXT NOT NULL,
    value TEXT NOT NULL,
    PRIMARY KEY (model, key)
) STRICT, WITHOUT ROWID;

CREATE TABLE logged_model_metrics (
    model TEXT NOT NULL REFERENCES logged_models ON DELETE CASCADE,
    key TEXT NOT NULL,
    timestamp INTEGER NOT NULL,
    step INTEGER NOT NULL,
    run TEXT NOT NULL,
    value REAL,
    dataset_name TEXT,
    dataset_digest TEXT,
    PRIMARY KEY (model, key, timestamp, step, run)
) STRICT, WITHOUT ROWID;

-- The models a run read (`input`) or made (`output`).
CREATE TABLE run_models (
    run TEXT NOT NULL REFERENCES runs ON DELETE CASCADE,
    direction TEXT NOT NULL,
    model TEXT NOT NULL,
    step INTEGER NOT NULL,
    PRIMARY KEY (run, direction, model)
) STRICT, WITHOUT ROWID;

-- The files that clients keep, by their path below the root of all such files.
CREATE TABLE files (
    path TEXT NOT NULL PRIMARY KEY,
    blob TEXT NOT NULL,
    bytes INTEGER NOT NULL,
    created INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- The parts of files that come in parts; the id is a secret that only the uploader knows.
CREATE TABLE uploads (
    id TEXT NOT NULL PRIMARY KEY,
    path TEXT NOT NULL,
    created INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE upload_parts (
    upload TEXT NOT NULL REFERENCES uploads ON DELETE CASCADE,
    number INTEGER NOT NULL,
    blob TEXT NOT NULL,
    bytes INTEGER NOT NULL,
    PRIMARY KEY (upload, number)
) STRICT, WITHOUT ROWID;

-- Registered models: what clients say of them. `last_version` keeps the number of a removed version from coming again.
ALTER TABLE models ADD COLUMN description TEXT NOT NULL DEFAULT '';
ALTER TABLE models ADD COLUMN updated INTEGER NOT NULL DEFAULT 0;
ALTER TABLE models ADD COLUMN last_version INTEGER NOT NULL DEFAULT 0;
UPDATE models SET
    updated = coalesce((SELECT max(v.created) FROM model_versions v WHERE v.name = models.name), created),
    last_version = coalesce((SELECT max(v.version) FROM model_versions v WHERE v.name = models.name), 0);

CREATE TABLE model_tags (
    name TEXT NOT NULL REFERENCES models ON UPDATE CASCADE ON DELETE CASCADE,
    key TEXT NOT NULL,
    value TEXT NOT NULL,
    PRIMARY KEY (name, key)
) STRICT, WITHOUT ROWID;

-- A version is an artifact of ours, or the files at a `source` that a client named. SQLite changes no column: the tables
-- are made anew, the one that refers to the other first out of the way.
CREATE TABLE old_aliases AS SELECT * FROM aliases;
CREATE TABLE old_versions AS SELECT * FROM model_versions;
DROP TABLE aliases;
DROP TABLE model_versions;

CREATE TABLE model_versions (
    name TEXT NOT NULL REFERENCES models ON UPDATE CASCADE,
    version INTEGER NOT NULL,
    artifact TEXT REFERENCES artifacts,
    run TEXT NOT NULL,
    about TEXT NOT NULL,
    created INTEGER NOT NULL,
    updated INTEGER NOT NULL,
    source TEXT NOT NULL DEFAULT '',
    logged_model TEXT NOT NULL DEFAULT '',
    run_link TEXT NOT NULL DEFAULT '',
    description TEXT NOT NULL DEFAULT '',
    stage TEXT NOT NULL DEFAULT 'None',
    PRIMARY KEY (name, version),
    UNIQUE (name, artifact)
) STRICT, WITHOUT ROWID;
CREATE INDEX model_versions_by_artifact ON model_versions (artifact);
CREATE INDEX model_versions_by_run ON model_versions (run);
INSERT INTO model_versions (name, version, artifact, run, about, created, updated)
    SELECT name, version, artifact, run, about, created, created FROM old_versions;

CREATE TABLE aliases (
    name TEXT NOT NULL,
    alias TEXT NOT NULL,
    version INTEGER NOT NULL,
    PRIMARY KEY (name, alias),
    FOREIGN KEY (name, version) REFERENCES model_versions ON UPDATE CASCADE
) STRICT, WITHOUT ROWID;
INSERT INTO aliases SELECT name, alias, version FROM old_aliases;
DROP TABLE old_aliases;
DROP TABLE old_versions;

CREATE TABLE version_tags (
    name TEXT NOT NULL,
    version INTEGER NOT NULL,
    key TEXT NOT NULL,
    value TEXT NOT NULL,
    PRIMARY KEY (name, version, key),
    FOREIGN KEY (name, version) REFERENCES model_versions ON UPDATE CASCADE ON DELETE CASCADE
) STRICT, WITHOUT ROWID;
