package faulttest

import "goblin/vaultkit/internal/protocol"

// A restore writes a backup's data over a deleted version. It cannot read what it replaces, so its own
// backup holds the restored data, and its record names no backup. Its id is the fingerprint of a change
// from the restored data to the same data. Once the version is undeleted, a rotation may write the same
// secret. The next version does not show which of the two wrote it, so both are committed.

// restores reports whether the id is a restore's, and what it restores. Without its backup it
// is identified by the version that it made.
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

// rotates reports whether the id is that of a rotation, and not of a restore, that made the
// version after its source.
func (c *checker) rotates(id protocol.ID) bool {
	matches, _ := c.matches(id)
	_, restores := c.restores(id)
	return matches && !restores
}

// rotationOf and restoreOf return the id of the rotation, or of the restore, that has a backup
// and wanted version k; "" if there is none.
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

// backedUp reports whether version k was replaced correctly: a rotation's backup holds the
// version before. A restore may replace only a version that was deleted.
func (c *checker) backedUp(k int) bool {
	if id := c.rotationOf(k); id != "" && same(c.Backups[id], c.Versions[k-1].Data) {
		return true
	}
	return c.history.deleted[k-1] && c.restoreOf(k) != ""
}
