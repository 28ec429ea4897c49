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

// timeLayout always has nine digits. Vault omits trailing zeros in its times, but ids must sort
// as text.
const timeLayout = "20060102T150405.000000000Z"

// hashLength is the number of hex digits in an id's hash: 128 bits.
const hashLength = 32

// ID identifies a rotation by its content: when the replaced value came into force (by Vault's
// clock), its version, and a fingerprint of the change. The same change of the same version has
// the same id, so a rerun finds the backup and record of an earlier run.
type ID struct {
	InForce time.Time // created_time of the source version
	Source  int       // the version the rotation replaces
	Hash    string    // Fingerprint of the change
}

// NewID returns the id of the change from old to next. Both are canonical.
func NewID(inForce time.Time, source int, old, next []byte) ID {
	return ID{InForce: inForce.UTC(), Source: source, Hash: Fingerprint(old, next)}
}

// RestoreID returns the id of a restore over a version that cannot be read. It takes the
// restored value as the old value too. No other rotation has such an id, because each changes
// something.
func RestoreID(inForce time.Time, source int, restored []byte) ID {
	return NewID(inForce, source, restored, restored)
}

// Fingerprint returns the first 32 hex digits of an HMAC-SHA256 of next. The HMAC's key is the
// SHA-256 of old, so only a program that has old can test guesses of next.
func Fingerprint(old, next []byte) string {
	key := sha256.Sum256(old)
	mac := hmac.New(sha256.New, key[:])
	mac.Write(next)
	return hex.EncodeToString(mac.Sum(nil))[:hashLength]
}

// Restores reports whether the id is a restore's and its backup holds this data. A restore's
// backup holds the new value, not the value of the version it replaced.
func (id ID) Restores(backup []byte) bool { return id.Matches(backup, backup) }

// Matches reports whether next is the value with which this rotation wanted to replace old.
func (id ID) Matches(old, next []byte) bool {
	return hmac.Equal([]byte(id.Hash), []byte(Fingerprint(old, next)))
}

// String returns the id as it is used in paths: <time>-v<source>-<hash>.
func (id ID) String() string {
	return id.InForce.UTC().Format(timeLayout) + "-v" + strconv.Itoa(id.Source) + "-" + id.Hash
}

// Compare orders ids by the time when their source version came into force.
func (id ID) Compare(other ID) int {
	return cmp.Or(id.InForce.Compare(other.InForce), cmp.Compare(id.Source, other.Source), cmp.Compare(id.Hash, other.Hash))
}

// ParseID parses an id. It accepts only what String returns.
func ParseID(text string) (ID, error) {
	// The error does not contain the text: it may be a key, given by mistake.
	bad := fmt.Errorf("not a rotation id; an id looks like %s-v3-<%d hex digits>", timeLayout, hashLength)
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

// KeyName returns a name for the key of a rotation whose new value, and therefore its id, is
// not known yet. A source can give the key this name at the provider's API.
func KeyName(provider string, inForce time.Time, source int) string {
	return fmt.Sprintf("vaultkit-%s-v%d-%s", provider, source+1, inForce.UTC().Format(timeLayout))
}
