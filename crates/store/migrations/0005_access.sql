-- Who may call a server that other machines reach. Secrets are kept as hashes only: a password as an argon2id string,
-- tokens and sessions by the BLAKE3 digest of what the caller shows.
CREATE TABLE users (
    name TEXT NOT NULL PRIMARY KEY,
    role TEXT NOT NULL,
    password TEXT NOT NULL,
    created INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE tokens (
    digest TEXT NOT NULL PRIMARY KEY,
    name TEXT NOT NULL REFERENCES users ON DELETE CASCADE,
    created INTEGER NOT NULL,
    expires INTEGER
) STRICT, WITHOUT ROWID;
CREATE INDEX tokens_by_name ON tokens (name);

CREATE TABLE sessions (
    digest TEXT NOT NULL PRIMARY KEY,
    name TEXT NOT NULL REFERENCES users ON DELETE CASCADE,
    created INTEGER NOT NULL,
    expires INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX sessions_by_name ON sessions (name);

-- What was changed by requests, and what was refused to change. Not tied to `users`: it outlives them.
CREATE TABLE audit (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    time INTEGER NOT NULL,
    who TEXT NOT NULL,
    address TEXT NOT NULL,
    method TEXT NOT NULL,
    path TEXT NOT NULL,
    status INTEGER NOT NULL,
    target TEXT NOT NULL
) STRICT;
