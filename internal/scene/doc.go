// Package scene is Nearlight's own small game, up to the point where it would be drawn: a glider follows a trail of
// lights over islands while the sun goes down. It answers one question: what does the next picture show?
//
// # Vocabulary
//
//   - Game: all state. Step moves it by one fixed Tick; the same seed and the same Controls give the same state, bit for
//     bit on one processor architecture (others may fuse multiplications and additions and differ in the last digits).
//   - Land: the ground's height and colour, a pure function of the seed. It has no end.
//   - Trail: the rings to fly through, each placed from the one before.
//   - View: the state between two ticks, as the camera sees it. It already answers the controls of this instant.
//   - Picture: one frame as meshes, matrices and triangles, for any renderer (gles draws it).
//   - Studio: makes Pictures, and keeps the meshes it made for the next one.
//
// Lengths are metres, angles radians, times seconds, y points up; a heading of 0 looks along -z, into the sun.
//
// Nothing here starts a goroutine or reads a clock. A Game or a Studio belongs to one goroutine at a time; meshes are
// immutable once made.
package scene
