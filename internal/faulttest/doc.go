// Package faulttest judges the rotation protocol on a real Vault server. Only tests
// import it.
//
// A [Driver] runs one operation of a client (a Rotate, say) under a [Schedule]:
// which of its requests meet which fault, what a rival does between two of them,
// and how it is finished. A [History] is told what every actor did and was
// answered, reads Vault through the official client alone, and holds the two
// against each other. Nothing here knows the library: whoever can be wrapped in
// an [Operation] can be judged, and the broken rotators of the tests are.
//
// # The invariants
//
// They are those of the protocol's model; DESIGN.md has them in words.
//
//	I1   every version is one whole value somebody wrote: a foreign writer's, or
//	     one derived from the very version it replaced
//	I2   what a rotation replaced is in its backup, from the commit on; only a
//	     version that was deleted is replaced without one, by a restore
//	I3a  "committed" means version source+1 is exactly the requested data
//	I3b  "aborted" means it is not, and never will be
//	I3c  after a recovery every rotation's version has exactly one "committed"
//	     record that names a backup, or, where only a restore can have written it,
//	     one that names none
//	I3d  no version has two "committed" records that name a backup; a rotation's
//	     names its own, a restore's none
//	I4a  success means committed and recorded
//	I4b  a definite failure means never applied
//	I5   nothing that was the only copy is deleted: versions, backups and records
//	     only ever get added, but for what a prune may take
//	I6   a second recovery changes nothing, concurrent ones agree
//	I7   after a recovery only rotations are undecided whose source is current
//	J1   a key that RevokeOld handed to its issuer is in force neither at that
//	     moment nor later, unless a foreign writer who came after the revocation
//	     had begun, or somebody with AllowRevoked, put it there
//	J2   the same of a key that a source took back
//	J10  pruning never takes the only copy of what a committed rotation replaced last
//	L    an undisturbed run does what it is asked
//
// Who wrote a version is told from its content, so every actor of a schedule
// writes values of its own, each of them into a field of its own beside the key:
// whoever overwrites what it has not read takes somebody's field away. Foreign
// writers tell which version they made.
package faulttest
