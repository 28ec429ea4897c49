package protocol

import (
	"cmp"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// timeLayout always has nine digits: Vault trims trailing zeros of its own
// times, and ids must be comparable as text.
const timeLayout = "20060102T150405.000000000Z"

// hashLen is how many hex digits of the HMAC an id carries: 128 bits.
const hashLength = 32

// ID names a rotation by its content: when the value it replaces came into
// force (Vault's clock), that value's version, and a fingerprint of the
// change. The same change of the same version is the same rotation, so a rerun
// finds its own traces.
type ID struct {
	InForce time.Time // created_time of the source version
	Source  int       // the version the rotation replaces
	Hash    string    // Fingerprint of the change
}

// NewID is the id of the change from old to next, both canonical.
func NewID(inForce time.Time, source int, old, next []byte) ID {
	return ID{InForce: inForce.UTC(), Source: source, Hash: Fingerprint(old, next)}
}

// RestoreID is the id of a restore over a version that cannot be read. What it has
// for the old value is the one it restores, so no other rotation has such an id:
// they all change something.
func RestoreID(inForce time.Time, source int, restored []byte) ID {
	return NewID(inForce, source, restored, restored)
}

// Fingerprint is the first 32 hex digits of HMAC-SHA256 over next, keyed with
// the SHA-256 of old, so that it says nothing about next to whoever does not
// hold old.
func Fingerprint(old, next []byte) string {
	key := sha256.Sum256(old)
	mac := hmac.New(sha256.New, key[:])
	mac.Write(next)
	return hex.EncodeToString(mac.Sum(nil))[:hashLength]
}

// Restores reports that this is the id of a restore whose backup holds the data: what it
// put in the version's place, not the version's own.
func (id ID) Restores(backup []byte) bool { return id.Matches(backup, backup) }

// Matches reports whether next is what this rotation wanted to write over old.
func (id ID) Matches(old, next []byte) bool {
	return hmac.Equal([]byte(id.Hash), []byte(Fingerprint(old, next)))
}

// String is the id as it stands in paths: <time>-v<source>-<hash>.
func (id ID) String() string {
	return id.InForce.UTC().Format(timeLayout) + "-v" + strconv.Itoa(id.Source) + "-" + id.Hash
}

// Compare orders ids by the time their source value came into force.
func (id ID) Compare(other ID) int {
	return cmp.Or(id.InForce.Compare(other.InForce), cmp.Compare(id.Source, other.Source), cmp.Compare(id.Hash, other.Hash))
}

// ParseID reads an id and accepts nothing but what String writes.
func ParseID(text string) (ID, error) {
	// The text is not repeated: somebody may have put a key in its place.
	bad := fmt.Errorf("not a rotation id, which looks like %s-v3-<%d hex digits>", timeLayout, hashLength)
	parts := strings.Split(text, "-")
	if len(parts) != 3 || !strings.HasPrefix(parts[1], "v") || len(parts[2]) != hashLength {
		return ID{}, bad
	}
	inForce, err := time.Parse(timeLayout, parts[0])
	if err != nil {
		return ID{}, bad
	}
	source, err := strconv.Atoi(parts[1][1:])
	if err != nil || source < 1 {
		return ID{}, bad
	}
	if _, err := hex.DecodeString(parts[2]); err != nil {
		return ID{}, bad
	}
	id := ID{InForce: inForce, Source: source, Hash: parts[2]}
	if id.String() != text {
		return ID{}, bad
	}
	return id, nil
}

// Stamp names a rotation before its new value is known, and so its id: what an
// issuer may call the key it makes for it.
func KeyName(provider string, inForce time.Time, source int) string {
	return fmt.Sprintf("vaultkit-%s-v%d-%s", provider, source+1, inForce.UTC().Format(timeLayout))
}
