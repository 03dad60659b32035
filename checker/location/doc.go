// Package location answers where an edge can be, given round trips to it from several checkers, some of whom lie.
//
// # What a round trip says
//
// Nothing overtakes light: a checker that had its answer after t is no further from the edge than light gets in t/2. So each report is a disc on
// the ground around its checker, the edge is where the discs overlap, and a claim outside is impossible. Everything else only makes t longer: detours,
// queues, the last mile, and an edge or a relay that waits. So an edge may seem further from a checker than it is, and never nearer, and a long round trip is
// proof of nothing. It is a hint: Consistency says how usual all round trips would be, were the claim true, by a Curve that is calibrated with round trips
// between known places.
//
// # What is guaranteed
//
// Of n reports at most f lie (Rules.Liars), in whatever way, together, and knowing all others; a lie is a wrong time or a checker's wrong place. NewSurvey refuses
// f >= n/3. Then
//   - A true claim is never impossible. A claim is flagged only where more than f reports exclude it, each for itself, so that any n-f of them have
//     one that does. This needs at most f liars, and light that is not faster than Rules.Speed.
//   - Liars cannot save a false claim that f+1 honest checkers exclude. Of n = 3f+1 these are just over half of the honest ones, of more reports a smaller
//     part. With larger f it would be most of them, and from n/2 on all would not be enough.
//   - Each place that is not impossible is within reach of n-2f honest checkers at least, which is more than f.
//   - Liars move a Consistency by f/n at most, which is less than a third.
//   - More reports, with the same f, never make an impossible claim possible, and more delay never makes a possible claim impossible.
//
// # What is not
//
// An edge that delays its answers to everybody makes all discs as large as it likes, and is never flagged (Gill, Ganjali and Wong, "Dude, Where's That
// IP?", USENIX Security 2010). It pays with being slow for everybody, near the truth and elsewhere; Consistency shows it as far as checkers near the claimed
// place find it slow. And what is found is the place of whoever answers: the answer has to take something that only the edge has, such as its key and a fresh
// input, and a machine to which the edge's owner gave that key is the edge here.
//
// So this ranks, and never slashes: a verdict may cost score and sessions, not stake.
//
// # Where the methods are from
//
// Discs by distance-to-delay lines: Gueye, Ziviani, Crovella and Fdida, "Constraint-Based Geolocation of Internet Hosts" (CBG), IEEE/ACM Transactions on
// Networking 14(6), 2006. There the line (bestline) lies below all round trips between landmarks, so that one lie moves it: here light alone excludes, and
// the calibrated curve ranks. That a delay says both how far and how near, by the envelope of what was measured: Wong, Stoyanov and Sirer, "Octant", NSDI
// 2007. That one distribution of distances for each delay serves all landmarks: Laki, Mátray, Hága, Sebők, Csabai and Vattay, "Spotter", INFOCOM 2011.
//
// # Vocabulary
//
// The reach of a report is the radius of its disc. A sample is a round trip between two known places. A claim is a place, and by how much it may be wrong.
//
// # Concurrency
//
// Everything is pure. A Survey and a Curve do not change: any number of goroutines may use one.
package location
