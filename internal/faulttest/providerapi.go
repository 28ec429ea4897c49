package faulttest

import (
	"context"
	"maps"
	"slices"
	"strings"
)

// revokedKey is a key that was passed to the provider's API to be revoked.
type revokedKey struct {
	actor      string
	unused     bool // it was issued for a failed rotation
	field, key string
	since      int // the version that was current when the revocation began
	version    int // the version that was current when the key was revoked
	inForce    bool
	reported   bool
}

// ProviderAPI is a provider's API that revokes keys. At the moment of each call it reads
// whether the keys are in force.
type ProviderAPI struct {
	history *History
	actor   string
	unused  bool
	since   int
}

// NewProviderAPI returns the provider's API for one revocation, which is about to begin.
func (w *History) NewProviderAPI(ctx context.Context, actor string, unused bool) (*ProviderAPI, error) {
	since, _, err := w.observer.current(ctx, w.Provider)
	return &ProviderAPI{history: w, actor: actor, unused: unused, since: since}, err
}

// AddRevoked revokes keys, by their fields. They count as revoked even if the
// caller dies.
func (i *ProviderAPI) AddRevoked(ctx context.Context, keys map[string]string) error {
	w := i.history
	w.mu.Lock()
	defer w.mu.Unlock()
	version, data, err := w.observer.current(context.WithoutCancel(ctx), w.Provider)
	if err != nil {
		return err
	}
	for _, field := range slices.Sorted(maps.Keys(keys)) {
		key := keyText(keys[field])
		w.revokedKeys = append(w.revokedKeys, &revokedKey{actor: i.actor, unused: i.unused, field: field, key: key, since: i.since,
			version: version, inForce: containsKey(data, field, key)})
	}
	return nil
}

// revoking reports whether an attempt to revoke a key of the provider stands. Rotations to that
// key may be refused then.
func (o *Observer) revoking(ctx context.Context, provider string) (bool, error) {
	directories, err := o.list(ctx, o.Base+"/revocations/"+provider)
	if err != nil {
		return false, err
	}
	for _, directory := range directories {
		attempts, err := o.list(ctx, o.Base+"/revocations/"+provider+"/"+strings.TrimSuffix(directory, "/"))
		if err != nil {
			return false, err
		}
		for _, name := range attempts {
			if !strings.HasSuffix(name, withdrawnSuffix) && !slices.Contains(attempts, name+withdrawnSuffix) {
				return true, nil
			}
		}
	}
	old, err := o.list(ctx, o.Base+"/rotations/"+provider)
	return slices.ContainsFunc(old, isRevocation), err
}

// withdrawnSuffix ends the name of an entry that withdraws an attempt.
const withdrawnSuffix = ".withdrawn"

// checkRevokedKeys checks J1 and J2: a revoked key is not in force at the moment of the
// revocation or later.
func (c *checker) checkRevokedKeys() {
	for _, h := range c.history.revokedKeys {
		for k := h.version; k <= c.Current && !h.reported; k++ {
			if c.inForce(k, h) && !c.writtenByOthers(k, h) {
				h.reported = true
				invariant := map[bool]string{false: "J1", true: "J2"}[h.unused]
				c.violated(invariant, "%s revoked the key of %q when version %d was current, but version %d contains it", h.actor, h.field, h.version, k)
			}
		}
	}
}

// inForce reports whether version k contains the key. In the version that was current at the
// moment of the revocation, every form of the key counts. A deleted version counts once it can
// be read again.
func (c *checker) inForce(k int, h *revokedKey) bool {
	version := c.Versions[k]
	if k > h.version {
		return hasKey(version.Data, h.field, h.key)
	}
	readable := !version.Deleted && !version.Destroyed
	return h.inForce || readable && containsKey(version.Data, h.field, h.key)
}

// writtenByOthers reports whether a foreign writer that came after the revocation began, or an
// actor with AllowRevoked, wrote the key into version k or into an earlier one from which it
// was kept.
func (c *checker) writtenByOthers(k int, h *revokedKey) bool {
	for ; k > 1 && hasKey(c.Versions[k].Data, h.field, h.key); k-- {
		if foreign, ok := c.history.foreign[k]; ok && k > h.since && same(foreign, c.Versions[k].Data) {
			return true
		}
		for _, response := range c.history.responses {
			if response.Wants.AllowRevoked && response.Wants.explains(c.Facts, k) {
				return true
			}
		}
	}
	return false
}
