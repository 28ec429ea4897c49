// Package faulttest checks the rotation protocol on a real Vault server, while requests fail. Only
// tests import it.
//
// A [Driver] runs one operation of a client, such as Rotate, under a [Schedule]. The schedule says
// which requests meet which fault, what a rival does between two requests, and what happens at the
// end. A [History] records what every actor asked for and what it was told. It reads Vault with the
// official client and compares the two. The package does not use the library: any rotator can be an
// [Operation], also the mutants of the tests.
//
// # The invariants
//
// They are the invariants of the protocol's model.
//
//	I1   every version is one whole value that an actor wrote: a foreign writer's,
//	     or a change of the version that it replaced
//	I2   from the commit on, what a rotation replaced is in its backup; only a
//	     restore replaces a version without one, if that version was deleted
//	I3a  "committed" means version source+1 is exactly the requested data
//	I3b  "aborted" means that it is not, and never will be
//	I3c  after a recovery every rotation's version has exactly one "committed"
//	     record that names a backup or, if only a restore can have written it,
//	     one that names none
//	I3d  no version has two "committed" records that name a backup; a rotation's
//	     names its own, a restore's none
//	I4a  success means committed and recorded
//	I4b  a definite failure means never applied
//	I5   no only copy is deleted: versions, backups and records are only added,
//	     except for the backups that a prune may delete
//	I6   a second recovery changes nothing, and concurrent recoveries agree
//	I7   after a recovery, only rotations whose source is current are undecided
//	J1   a key that RevokeOld revoked is not in force at that moment or later,
//	     unless a foreign writer that came after the revocation began, or an
//	     actor with AllowRevoked, put it in force
//	J2   the same for a key that a source revoked because its rotation failed
//	J10  pruning never deletes the only copy of what the newest committed
//	     rotation replaced
//	L    an undisturbed run does what it was asked to do
//
// The content of a version shows who wrote it: every actor of a schedule writes its own values, each
// into its own field beside the key. An actor that overwrites a version which it has not read removes
// another actor's field. Foreign writers report which version they wrote.
package faulttest
