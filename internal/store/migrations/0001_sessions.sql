-- Times are milliseconds of Unix time where they end in _ms, else whole seconds.

CREATE TABLE sessions (
  id       TEXT   NOT NULL PRIMARY KEY,
  app      TEXT   NOT NULL,
  edge     TEXT   NOT NULL,
  account  TEXT   NOT NULL,
  begun_ms BIGINT NOT NULL,
  ended_ms BIGINT,            -- NULL while it runs
  code     TEXT   NOT NULL DEFAULT '',
  reason   TEXT   NOT NULL DEFAULT '',
  quality  TEXT   NOT NULL DEFAULT ''  -- JSON, '' where it is not known
) /* sqlite: WITHOUT ROWID */;

CREATE INDEX sessions_begun ON sessions (begun_ms, id);
CREATE INDEX sessions_open ON sessions (id) WHERE ended_ms IS NULL;

CREATE TABLE seats (
  session TEXT   NOT NULL REFERENCES sessions (id) ON DELETE CASCADE,
  seat    TEXT   NOT NULL,
  part    TEXT   NOT NULL,
  player  TEXT   NOT NULL,
  token   TEXT   NOT NULL,
  sat_ms  BIGINT NOT NULL,
  rose_ms BIGINT,
  PRIMARY KEY (session, seat)
) /* sqlite: WITHOUT ROWID */;

CREATE INDEX seats_player ON seats (player) WHERE player <> '';
CREATE INDEX seats_token ON seats (token) WHERE token <> '';

CREATE TABLE usage (
  session TEXT   NOT NULL,
  seat    TEXT   NOT NULL,
  first   BIGINT NOT NULL,
  past    BIGINT NOT NULL,
  PRIMARY KEY (session, seat, first),
  FOREIGN KEY (session, seat) REFERENCES seats (session, seat) ON DELETE CASCADE
) /* sqlite: WITHOUT ROWID */;
