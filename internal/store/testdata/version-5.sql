INSERT INTO sessions (id, app, edge, account, begun_ms, ended_ms, code, reason, quality) VALUES
  ('s-1', 'tux', 'e-1', 'studio', 1893553445000, 1893553545000, 'left', 'The player left.', '{"frames_per_second":59.7}'),
  ('s-2', '', 'e-2', '', 1893553446000, NULL, '', '', '');
INSERT INTO seats (session, seat, part, player, token, sat_ms, rose_ms) VALUES
  ('s-1', 'player', 'play', 'ada', 'jti-1', 1893553445000, 1893553545000),
  ('s-1', 's-9', 'watch', '', 'jti-2', 1893553450000, 1893553460000),
  ('s-2', 'player', 'play', '', 'jti-3', 1893553446000, NULL);
INSERT INTO usage (session, seat, first, past) VALUES
  ('s-1', 'player', 1893553445, 1893553475), ('s-1', 'player', 1893553480, 1893553545), ('s-2', 'player', 1893553446, 1893553447);
INSERT INTO acts (id, kind, actor, session, edge, detail, at_ms) VALUES
  ('a-1', 'lease-granted', 'jti-1', 's-1', 'e-1', 'slot 0, epoch 7', 1893553445000),
  ('a-2', 'edge-drained', 'operator', '', 'e-1', '', 1893553600000);
INSERT INTO addresses (session, seat, address, seen_ms) VALUES ('s-1', 'player', '203.0.113.7', 1893553445000), ('s-1', 'player', '2001:db8::7', 1893553500000);
INSERT INTO orders (kind, target, reason, actor, at_ms, until_ms) VALUES
  ('drain-edge', 'e-1', 'a new disk', 'ada', 1893553600000, 0), ('ban-token', 'TOKEN', 'cheats', 'ada', 1893553600000, 1893557200000);
