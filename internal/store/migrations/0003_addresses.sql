-- Apart from the seats, so that what is kept for the shortest time is in one place.
CREATE TABLE addresses (
  session TEXT   NOT NULL,
  seat    TEXT   NOT NULL,
  address TEXT   NOT NULL,
  seen_ms BIGINT NOT NULL,
  PRIMARY KEY (session, seat, address),
  FOREIGN KEY (session, seat) REFERENCES seats (session, seat) ON DELETE CASCADE
) /* sqlite: WITHOUT ROWID */;

CREATE INDEX addresses_seen ON addresses (seen_ms);
