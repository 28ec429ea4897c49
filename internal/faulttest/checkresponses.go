package faulttest

import (
	"goblin/vaultkit/internal/protocol"
)

// checkResponses checks I4: no actor was told something false.
func (c *checker) checkResponses() {
	for _, response := range c.history.responses {
		switch {
		case response.Status == Succeeded && response.Wants.changesData():
			c.checkCommitted(response)
			if record := c.Records[response.ID]; record.Outcome != "committed" || record.NewVersion != response.NewVersion {
				c.violated("I4a", "%s succeeded, but record %s says %q", response.Actor, response.ID, record.Outcome)
			}
		case response.Status == Undetermined && response.NewVersion != 0:
			c.checkCommitted(response)
		case response.Status == Failed && response.Wants.makesVersion():
			c.checkFailed(response)
		}
		c.checkRecovery(response)
		if _, recorded := c.Revoked[response.Revoked+revokedSuffix]; response.Revoked != "" && response.Status == Succeeded && !recorded {
			c.violated("I4a", "%s was told that the old keys of %s are revoked, but there is no record of it", response.Actor, response.Revoked)
		}
		for _, id := range response.Removed {
			if c.history.facts.Backups[id] != nil {
				c.violated("I4a", "%s was told that backup %s is deleted, but it exists", response.Actor, id)
			}
		}
	}
}

func (c *checker) writtenByLibrary(k int) bool { a := c.author(k); return a == rotator || a == fencer }

// checkCommitted checks the version that an actor was told it has committed.
func (c *checker) checkCommitted(response Response) {
	k := response.NewVersion
	id, err := protocol.ParseID(response.ID)
	if err != nil || id.Source != k-1 || k > c.Current {
		c.violated("I4a", "%s was told that %s made version %d, but current is %d", response.Actor, response.ID, k, c.Current)
		return
	}
	if c.author(k) == unreadable {
		return
	}
	asAsked := response.Wants.explains(c.Facts, k) || response.Resumed && c.explainsResumed(id, response.Wants)
	if matches, known := c.matches(id); known && !matches || !asAsked {
		c.violated("I4a", "%s was told that its change is version %d, but that contains another value", response.Actor, k)
	}
}

// explainsResumed reports whether an actor that asks for the current secret may be told of the
// rotation id that made it: a rotation, if the change would leave its version as it is, or a
// restore, if the actor restores the same secret.
func (c *checker) explainsResumed(id protocol.ID, wants Change) bool {
	if matches, _ := c.matches(id); !matches {
		return false
	}
	made := c.Versions[id.Source+1].Data
	if _, restores := c.restores(id); restores {
		return wants.Restore != "" && same(c.Backups[wants.Restore], made)
	}
	return wants.Merge != nil && same(mergeFields(made, wants.Merge), made)
}

// checkFailed checks I4b. A twin is another actor that asked for the same change, such as a
// rerun. Their writes cannot be told apart, so the failed actor has applied nothing if each
// version with its change can be a twin's.
func (c *checker) checkFailed(response Response) {
	if response.Conflict && response.ID != "" {
		c.checkConflict(response)
	}
	if response.NoChange != 0 {
		c.checkNoChange(response)
	}
	unclaimed, others := 0, 0
	claimed := make(map[int]bool)
	for _, twin := range c.history.responses {
		switch {
		case twin.Status == Succeeded && twin.Resumed && twin.Alone: // it did not write
		case twin.Status == Succeeded && twin.NewVersion != 0:
			claimed[twin.NewVersion] = true
		case twin.Status != Failed && c.couldBe(twin, response):
			others++
		}
	}
	for k := 2; k <= c.Current; k++ {
		if !claimed[k] && c.writtenByLibrary(k) && response.Wants.explains(c.Facts, k) {
			unclaimed++
		}
	}
	if unclaimed > others {
		c.violated("I4b", "%s was told that nothing was applied, but %d versions contain its change and no other actor can have made them", response.Actor, unclaimed)
	}
}

// couldBe reports whether both changes explain the same version.
func (c *checker) couldBe(twin, response Response) bool {
	for k := 2; k <= c.Current; k++ {
		if twin.Wants.explains(c.Facts, k) && response.Wants.explains(c.Facts, k) {
			return true
		}
	}
	return false
}

// checkConflict checks that the rotation of a conflict is not committed. A twin does not
// matter: one from the same version is the same rotation.
func (c *checker) checkConflict(response Response) {
	id, err := protocol.ParseID(response.ID)
	if err != nil {
		c.violated("I4b", "%s was told of a conflict of %q, which is not an id", response.Actor, response.ID)
		return
	}
	if matches, _ := c.matches(id); matches || c.Records[response.ID].Outcome == "committed" {
		c.violated("I4b", "%s was told of a conflict of %s, but it is committed", response.Actor, response.ID)
	}
}

// checkNoChange checks that no rotation of the same change made the version that "nothing to
// change" names.
func (c *checker) checkNoChange(response Response) {
	for text, data := range c.Backups {
		id, err := protocol.ParseID(text)
		if err != nil || data == nil || id.Source != response.NoChange-1 {
			continue
		}
		if matches, _ := c.matches(id); matches {
			c.violated("I4b", "%s was told that there is nothing to change in version %d, but rotation %s made this change", response.Actor, response.NoChange, text)
		}
	}
}

// checkRecovery checks that there is a record for each outcome that a recovery reported.
func (c *checker) checkRecovery(response Response) {
	for id, outcome := range response.Found {
		invariant := map[string]string{"committed": "I4a", "aborted": "I4b"}[outcome]
		if invariant != "" && c.Records[id].Outcome != outcome {
			c.violated(invariant, "%s was told that %s is %s, but its record says %q", response.Actor, id, outcome, c.Records[id].Outcome)
		}
	}
}
