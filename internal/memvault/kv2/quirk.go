package kv2

// Quirk is a deliberate difference from Vault. Tests set one to check that the comparison with
// the real server finds it. The zero value is none.
type Quirk string

// The differences that can be planted.
const (
	CASZeroAfterDelete  Quirk = "cas=0 passes after a soft delete"
	ReadFallsBack       Quirk = "a read of a deleted key returns an older version"
	VersionsGoOn        Quirk = "versions go on after a metadata delete"
	ListDeep            Quirk = "a list shows whole paths"
	PruneLate           Quirk = "max_versions keeps one more"
	UndestroyedByDelete Quirk = "delete and undelete touch a destroyed version"
	ExactNumbers        Quirk = "numbers do not pass through float64"
	DeletedIsBare       Quirk = "a deleted version's 404 has no body"
	PatchReplaces       Quirk = "PATCH replaces the data"
	LongerLife          Quirk = "the longer delete_version_after counts"
)

// Quirks returns every difference that can be planted.
func Quirks() []Quirk {
	return []Quirk{
		CASZeroAfterDelete, ReadFallsBack, VersionsGoOn, ListDeep, PruneLate, UndestroyedByDelete, ExactNumbers,
		DeletedIsBare, PatchReplaces, LongerLife,
	}
}

func (q *Quirk) is(other Quirk) bool { return *q == other }
