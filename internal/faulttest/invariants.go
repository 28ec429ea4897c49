package faulttest

import (
	"reflect"

	"goblin/vaultkit/internal/protocol"
)

// wholeValues is I1.
func (c *checker) checkValues() {
	for k := 1; k <= c.Current; k++ {
		if c.author(k) == nobody {
			c.violated("I1", "version %d is neither a foreign writer's nor derived from version %d: %v after %v",
				k, k-1, c.Versions[k].Data, c.Versions[k-1].Data)
		}
	}
}

// backups is I2: a rotation's version has a backup of the one before, under the
// id of this very change.
func (c *checker) checkBackups() {
	for k := 2; k <= c.Current; k++ {
		if c.author(k) == rotator && !c.backedUp(k) {
			c.violated("I2", "version %d was replaced by a rotation, and no backup of this change holds it", k-1)
		}
	}
}

// records is I3a, I3b and I3d.
func (c *checker) checkRecords() {
	committed := make(map[int]string)
	for text, record := range c.Records {
		id, err := protocol.ParseID(text)
		if err != nil || record.OldVersion != id.Source {
			c.violated("I3a", "record %s is not one of version %d", text, record.OldVersion)
			continue
		}
		matches, known := c.matches(id)
		switch {
		case record.Outcome == "aborted" && matches:
			c.violated("I3b", "record %s says aborted, and version %d is what it wanted", text, id.Source+1)
		case record.Outcome == "committed" && (known && !matches || record.NewVersion != id.Source+1):
			c.violated("I3a", "record %s says committed as version %d, and version %d is not what it wanted (current is %d)",
				text, record.NewVersion, id.Source+1, c.Current)
		}
		if record.Outcome != "committed" {
			continue
		}
		if c.namesNoBackup(id, record) {
			continue
		}
		if other, twice := committed[record.NewVersion]; twice {
			c.violated("I3d", "records %s and %s both say they committed version %d", other, text, record.NewVersion)
		}
		committed[record.NewVersion] = text
	}
}

// namesNoBackup reports a restore's record, which names no backup; a rotation's names
// its own, and of these there is at most one for each version.
func (c *checker) namesNoBackup(id protocol.ID, record Record) bool {
	_, restores := c.restores(id)
	if named := map[bool]string{false: id.String()}[restores]; record.Backup != named {
		c.violated("I3d", "record %s (a restore's: %v) names the backup %q", id, restores, record.Backup)
	}
	return restores
}

// nothingIsGone is I5: what was seen before is still there and still the same.
// What is unreadable now and was read before is remembered.
func (c *checker) checkNothingLost(before *Facts) {
	for k, was := range before.Versions {
		is, listed := c.Versions[k]
		switch {
		case !listed, is.Destroyed, !is.Created.Equal(was.Created):
			c.violated("I5", "version %d is gone", k)
		case is.Deleted && !c.history.deleted[k]:
			c.violated("I5", "version %d was deleted, and by no foreign writer", k)
		case is.Data == nil:
			is.Data = was.Data
			c.Versions[k] = is
		case was.Data != nil && !same(is.Data, was.Data):
			c.violated("I5", "version %d has changed", k)
		}
	}
	for id, was := range before.Records {
		if is, there := c.Records[id]; !there || !reflect.DeepEqual(is, was) {
			c.violated("I5", "record %s is gone or has changed", id)
		}
	}
	for name, was := range before.Revoked {
		if !same(c.Revoked[name], was) {
			c.violated("I5", "record %s is gone or has changed", name)
		}
	}
	for id, was := range before.Backups {
		switch is, there := c.Backups[id]; {
		case was == nil, same(is, was):
		case there && is != nil:
			c.violated("I5", "backup %s has changed", id)
		case !c.history.prunes:
			c.violated("I5", "backup %s is gone", id)
		default:
			if !c.history.pruned[id] {
				c.checkPruned(id, before)
			}
			c.history.pruned[id] = true
			c.Backups[id] = was // I2 holds until it was pruned
		}
	}
}

// everyRotationIsRecorded is I3c: one committed record that names a backup, or, where
// only a restore can have written the version, one that names none.
func (c *checker) checkAllRecorded() {
	for k := 2; k <= c.Current; k++ {
		if c.author(k) != rotator {
			continue
		}
		named, unnamed := 0, 0
		for _, record := range c.Records {
			switch {
			case record.Outcome != "committed" || record.NewVersion != k:
			case record.Backup != "":
				named++
			default:
				unnamed++
			}
		}
		onlyRestored := c.rotationOf(k) == "" && named == 0
		if named != 1 && (!onlyRestored || unnamed != 1) {
			c.violated("I3c", "version %d was written by a rotation and has %d committed records that name a backup, %d that name none", k, named, unnamed)
		}
	}
}

// onlyCurrentIsUndecided is I7.
func (c *checker) checkUndecided() {
	for text, data := range c.Backups {
		id, err := protocol.ParseID(text)
		if _, recorded := c.Records[text]; err != nil || recorded {
			continue
		}
		if id.Source != c.Current || !id.InForce.Equal(c.Versions[id.Source].Created) {
			c.violated("I7", "rotation %s (backup there: %v) has no record, and current is version %d", text, data != nil, c.Current)
		}
	}
}
