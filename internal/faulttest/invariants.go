package faulttest

import (
	"reflect"

	"goblin/vaultkit/internal/protocol"
)

// checkValues checks I1.
func (c *checker) checkValues() {
	for k := 1; k <= c.Current; k++ {
		if c.author(k) == nobody {
			c.violated("I1", "version %d was not written by a foreign writer, nor is it a change of version %d: %v after %v",
				k, k-1, c.Versions[k].Data, c.Versions[k-1].Data)
		}
	}
}

// checkBackups checks I2: if a rotation made a version, a backup with the id of this change
// holds the version before.
func (c *checker) checkBackups() {
	for k := 2; k <= c.Current; k++ {
		if c.author(k) == rotator && !c.backedUp(k) {
			c.violated("I2", "version %d was replaced by a rotation, but no backup of this change contains it", k-1)
		}
	}
}

// checkRecords checks I3a, I3b and I3d.
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
			c.violated("I3b", "record %s says aborted, but version %d is the requested data", text, id.Source+1)
		case record.Outcome == "committed" && (known && !matches || record.NewVersion != id.Source+1):
			c.violated("I3a", "record %s says committed as version %d, but version %d is not the requested data (current is %d)",
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

// namesNoBackup reports whether the record is a restore's, which must name no backup. A
// rotation's record must name its own.
func (c *checker) namesNoBackup(id protocol.ID, record Record) bool {
	_, restores := c.restores(id)
	if named := map[bool]string{false: id.String()}[restores]; record.Backup != named {
		c.violated("I3d", "record %s (a restore's: %v) names the backup %q", id, restores, record.Backup)
	}
	return restores
}

// checkNothingLost checks I5: what was read before still exists and is the same. It copies
// values that cannot be read any more from the earlier read.
func (c *checker) checkNothingLost(before *Facts) {
	for k, was := range before.Versions {
		is, listed := c.Versions[k]
		switch {
		case !listed, is.Destroyed, !is.Created.Equal(was.Created):
			c.violated("I5", "version %d is gone", k)
		case is.Deleted && !c.history.deleted[k]:
			c.violated("I5", "version %d was deleted, but not by a foreign writer", k)
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

// checkAllRecorded checks I3c: each version that a rotation made has one committed record that
// names a backup. If only a restore can have made it, the record names none.
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

// checkUndecided checks I7.
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
