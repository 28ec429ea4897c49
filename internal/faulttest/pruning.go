package faulttest

import "goblin/vaultkit/internal/protocol"

// mayBeGone: a prune may take recorded backups, and none younger than an unrecorded
// one. That of the rotation that replaced something last stays: J10.
func (c *checker) checkPruned(text string, before *Facts) {
	id, err := protocol.ParseID(text)
	if err != nil {
		c.violated("I5", "entry %s among the backups is gone", text)
		return
	}
	if _, recorded := c.Records[text]; !recorded {
		c.violated("I5", "backup %s is gone, and has no record", text)
	}
	for other := range before.Backups {
		elder, err := protocol.ParseID(other)
		if _, recorded := c.Records[other]; err == nil && !recorded && elder.Compare(id) < 0 {
			c.violated("I5", "backup %s is gone, and %s, which is older, has no record", text, other)
		}
	}
}

// replacedLast is J10: what a committed rotation replaced last is in its backup,
// whoever prunes. Which rotation that is is told from the versions, and from the records
// as well, which speak alone for a version that was deleted before it could be read. A restore replaces nothing that could be read: it does not count.
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
