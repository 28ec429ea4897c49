package faulttest

import "goblin/vaultkit/internal/protocol"

// A restore writes a backup's data over a version that is deleted. It cannot read
// what it replaces, so its own backup holds what it restores, its id is the
// fingerprint of that under itself, and its record names no backup. A rotation of the
// same version to the same secret, once somebody has undeleted it, is another one: the
// next version does not tell which of the two wrote it, and both are committed.

// restores reports whether an id is a restore's, and what it wanted to restore. Without
// its backup it is known by the version that it made.
func (c *checker) restores(id protocol.ID) (wanted map[string]any, restores bool) {
	for _, data := range []map[string]any{c.Backups[id.String()], c.Versions[id.Source+1].Data} {
		if data == nil {
			continue
		}
		if text := canonical(data); id.Matches(text, text) {
			return data, true
		}
	}
	return nil, false
}

// rotates reports whether an id is that of a rotation, and not of a restore, which
// made the version after its source.
func (c *checker) rotates(id protocol.ID) bool {
	matches, _ := c.matches(id)
	_, restores := c.restores(id)
	return matches && !restores
}

// rotationOf and restoreOf name the rotation, and the restore, that has a backup and
// wanted what version k is; empty if there is none.
func (c *checker) rotationOf(k int) string { return c.origin(k, false) }
func (c *checker) restoreOf(k int) string  { return c.origin(k, true) }

func (c *checker) origin(k int, restore bool) string {
	for text, data := range c.Backups {
		id, err := protocol.ParseID(text)
		if err != nil || data == nil || id.Source != k-1 {
			continue
		}
		matches, _ := c.matches(id)
		if _, restores := c.restores(id); matches && restores == restore {
			return text
		}
	}
	return ""
}

// backedUp reports whether version k was replaced as it must be: a rotation's backup
// holds what it replaced. Only a version that was deleted may be replaced by a restore.
func (c *checker) backedUp(k int) bool {
	if id := c.rotationOf(k); id != "" && same(c.Backups[id], c.Versions[k-1].Data) {
		return true
	}
	return c.history.deleted[k-1] && c.restoreOf(k) != ""
}
