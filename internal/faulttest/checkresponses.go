package faulttest

import (
	"goblin/vaultkit/internal/protocol"
)

// answers is I4: nobody was told a lie.
func (c *checker) checkResponses() {
	for _, response := range c.history.responses {
		switch {
		case response.Status == Succeeded && response.Wants.changesData():
			c.checkCommitted(response)
			if record := c.Records[response.ID]; record.Outcome != "committed" || record.NewVersion != response.NewVersion {
				c.violated("I4a", "%s was told of success, and record %s says %q", response.Actor, response.ID, record.Outcome)
			}
		case response.Status == Undetermined && response.NewVersion != 0:
			c.checkCommitted(response)
		case response.Status == Failed && response.Wants.makesVersion():
			c.checkFailed(response)
		}
		c.checkRecovery(response)
		if _, recorded := c.Revoked[response.Revoked+revokedSuffix]; response.Revoked != "" && response.Status == Succeeded && !recorded {
			c.violated("I4a", "%s was told that the old keys of %s are revoked, and no record says so", response.Actor, response.Revoked)
		}
		for _, id := range response.Removed {
			if c.history.facts.Backups[id] != nil {
				c.violated("I4a", "%s was told that backup %s is deleted, and it is there", response.Actor, id)
			}
		}
	}
}

func (c *checker) writtenByLibrary(k int) bool { a := c.author(k); return a == rotator || a == fencer }

// committed checks what an actor was told to be in force.
func (c *checker) checkCommitted(response Response) {
	k := response.NewVersion
	id, err := protocol.ParseID(response.ID)
	if err != nil || id.Source != k-1 || k > c.Current {
		c.violated("I4a", "%s was told that %s made version %d, and current is %d", response.Actor, response.ID, k, c.Current)
		return
	}
	if c.author(k) == unreadable {
		return
	}
	asAsked := response.Wants.explains(c.Facts, k) || response.Resumed && c.explainsResumed(id, response.Wants)
	if matches, known := c.matches(id); known && !matches || !asAsked {
		c.violated("I4a", "%s was told that its change is version %d, which holds another value", response.Actor, k)
	}
}

// standsIn reports that whoever asks for a secret which is in force may be told what put it
// there: the rotation that made the version, if the change would leave that as it is; or a
// restore, if a rollback asks for the very secret that it restored.
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

// neverApplied is I4b. A twin (another actor that asked for the same change, by
// a rerun for instance) excuses a failure: whose write it was cannot be told, and
// the one that failed had none applied if each version of the change is another's.
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
		c.violated("I4b", "%s was told that nothing was applied, and %d versions hold its change that nobody else can have made", response.Actor, unclaimed)
	}
}

// couldBe reports whether some version is explained by both.
func (c *checker) couldBe(twin, response Response) bool {
	for k := 2; k <= c.Current; k++ {
		if twin.Wants.explains(c.Facts, k) && response.Wants.explains(c.Facts, k) {
			return true
		}
	}
	return false
}

// lostFor: a conflict says of one rotation that it lost for good. No twin excuses
// it: a twin from the same version is the same rotation.
func (c *checker) checkConflict(response Response) {
	id, err := protocol.ParseID(response.ID)
	if err != nil {
		c.violated("I4b", "%s was told of a conflict of %q, which is no id", response.Actor, response.ID)
		return
	}
	if matches, _ := c.matches(id); matches || c.Records[response.ID].Outcome == "committed" {
		c.violated("I4b", "%s was told that %s lost, and it is committed", response.Actor, response.ID)
	}
}

// nobodyMadeIt: "nothing to change" is for a value that no rotation of this very
// change made.
func (c *checker) checkNoChange(response Response) {
	for text, data := range c.Backups {
		id, err := protocol.ParseID(text)
		if err != nil || data == nil || id.Source != response.NoChange-1 {
			continue
		}
		if matches, _ := c.matches(id); matches {
			c.violated("I4b", "%s was told that version %d is as asked for already, which is what rotation %s made", response.Actor, response.NoChange, text)
		}
	}
}

// found checks what a recovery said it had decided: there is such a record.
func (c *checker) checkRecovery(response Response) {
	for id, outcome := range response.Found {
		invariant := map[string]string{"committed": "I4a", "aborted": "I4b"}[outcome]
		if invariant != "" && c.Records[id].Outcome != outcome {
			c.violated(invariant, "%s was told that %s is %s, and its record says %q", response.Actor, id, outcome, c.Records[id].Outcome)
		}
	}
}
