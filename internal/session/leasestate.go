package session

import "time"

// leaseState is the renewer's view of a lease. All of the renewer's decisions depend on
// it.
type leaseState struct {
	granted       time.Duration // the last TTL; 0: no end, or unknown
	longest       time.Duration // the longest TTL so far
	since         time.Time     // when the last TTL was requested
	renewable     bool          // Vault accepts renewals
	usesLimited   bool          // a renewal would cost one of the token's uses
	notRepeatable bool          // no login can return another token
	failures      int           // of the present step, in a row
}

func newLeaseState(held *lease, by Method) leaseState {
	return leaseState{
		granted:   held.ttl,
		longest:   held.ttl,
		since:     held.since,
		renewable: held.renewable,
		// When the uses are exhausted, the next request fails and logs in.
		usesLimited:   held.usesLimited && held.fromLogin,
		notRepeatable: !by.repeatable(),
	}
}

// worthRenewing reports whether a renewal still helps. A shorter TTL than before means
// that the maximum TTL is near. Vault rounds TTLs, so one second of difference does not
// count.
func (l leaseState) worthRenewing() bool {
	return l.renewable && l.granted >= l.longest-time.Second && l.granted > l.longest/2
}

func (l leaseState) at(share float64) time.Time {
	return l.since.Add(time.Duration(share * float64(l.granted)))
}

func (l leaseState) ends() time.Time { return l.at(1) }

// knownEnd returns the time at which the token ends, or zero if it has no end.
func (l leaseState) knownEnd() time.Time {
	if l.granted <= 0 {
		return time.Time{}
	}
	return l.ends()
}
