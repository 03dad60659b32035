// Package store keeps what must outlive signaling: sessions and who sat in them, the seconds that were used, why each ended, how
// good it was, and an audit log of leases and administrative acts. It is a SQLite file by default, and a Postgres database where several
// signaling nodes share one.
//
// # Acknowledgements
//
// Write returns, and TryWrite calls back, once an entry is on disk: fsync comes before the acknowledgement. Entries that wait
// together are committed together, so that many sessions share one fsync; an entry that is refused does not hold up the others.
// Every entry may be written again: twice is the same as once. So who gets an error, or none in time, writes the entry again.
//
// At most Config.Queue entries wait. Then Write waits for room, and TryWrite fails with ErrBusy.
//
// # Seconds
//
// The use of a seat is a set of seconds (Unix time), kept as disjoint spans: a receipt adds its span to the set, in any order, as
// often as it comes, and no second counts twice. A session without a break is one row, however long it is.
//
// # What is kept of a person
//
// A seat has the player's id and the token's, and the addresses it was seen at. Purge takes addresses off after a day, ids after ninety, and
// the rest after thirteen months (Retention); Erase takes a person's ids and addresses off at once. Seconds stay, since they were paid for,
// and name nobody. On SQLite nothing of it is left in the file.
//
// # Concurrency
//
// A Store is safe for concurrent use. Open starts nothing; one goroutine, Run's, writes. Several processes may share a database: on
// Postgres for good, on SQLite for what an administrator does meanwhile.
package store
