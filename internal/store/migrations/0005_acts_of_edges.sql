-- An edge's acts, the newest first: it may have hundreds of thousands, of which a page is shown.
CREATE INDEX acts_edge ON acts (edge, at_ms, id) WHERE edge <> '';
