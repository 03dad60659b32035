-- What operators have ordered: one row for what an order is about, and the newest order counts. One that was lifted, or is over, has a time
-- in until_ms that has passed.
CREATE TABLE orders (
  kind     TEXT   NOT NULL,
  target   TEXT   NOT NULL,
  reason   TEXT   NOT NULL,
  actor    TEXT   NOT NULL,
  at_ms    BIGINT NOT NULL,
  until_ms BIGINT NOT NULL,   -- 0: until it is lifted
  PRIMARY KEY (kind, target)
) /* sqlite: WITHOUT ROWID */;

CREATE INDEX orders_until ON orders (until_ms) WHERE until_ms > 0;
