CREATE TABLE acts (
  id      TEXT   NOT NULL PRIMARY KEY,
  kind    TEXT   NOT NULL,
  actor   TEXT   NOT NULL,
  session TEXT   NOT NULL,
  edge    TEXT   NOT NULL,
  detail  TEXT   NOT NULL,
  at_ms   BIGINT NOT NULL
) /* sqlite: WITHOUT ROWID */;

CREATE INDEX acts_at ON acts (at_ms, id);
CREATE INDEX acts_session ON acts (session) WHERE session <> '';
CREATE INDEX acts_actor ON acts (actor) WHERE actor <> '';
