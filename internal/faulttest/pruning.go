package faulttest

import "goblin/vaultkit/internal/protocol"

// checkPruned checks a backup that is gone. A prune may delete recorded backups, except those
// younger than an unrecorded one.
func (c *checker) checkPruned(text string, before *Facts) {
	id, err := protocol.ParseID(text)
	if err != nil {
		c.violated("I5", "the entry %s in the backups is gone, although it is not a rotation's", text)
		return
	}
	if _, recorded := c.Records[text]; !recorded {
		c.violated("I5", "backup %s is gone, but it has no record", text)
	}
	for other := range before.Backups {
		elder, err := protocol.ParseID(other)
		if _, recorded := c.Records[other]; err == nil && !recorded && elder.Compare(id) < 0 {
			c.violated("I5", "backup %s is gone, but %s, which is older, has no record", text, other)
		}
	}
}

// checkNewestBackup checks J10: the backup of the newest committed rotation exists. Which
// rotation that is follows from the versions and from the records: only the records know a
// version that was deleted before it could be read. A restore does not count, because it
// replaces nothing that can be read.
func (c *checker) checkNewestBackup() {
	byVersions, byRecords := "", ""
	for text := range c.Backups {
		id, err := protocol.ParseID(text)
		if err != nil {
			continue
		}
		record := c.Records[text]
		recorded := record.Outcome == "committed" && record.Backup != ""
		_, known := c.matches(id)
		if (c.rotates(id) || !known && recorded) && id.Source >= sourceOf(byVersions) {
			byVersions = text
		}
		if recorded && id.Source >= sourceOf(byRecords) {
			byRecords = text
		}
	}
	for _, last := range []string{byVersions, byRecords} {
		if last != "" && c.history.facts.Backups[last] == nil {
			c.violated("J10", "backup %s is gone, the only copy of what a committed rotation replaced last", last)
			return
		}
	}
}

func sourceOf(text string) int {
	id, err := protocol.ParseID(text)
	if err != nil {
		return 0
	}
	return id.Source
}
