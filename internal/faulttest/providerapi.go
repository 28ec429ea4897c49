package faulttest

import (
	"context"
	"maps"
	"slices"
	"strings"
)

// handed is a key that somebody gave to its issuer to revoke.
type revokedKey struct {
	actor      string
	unused     bool // it was new, and not what a rotation replaced
	field, key string
	since      int // the version that was current when they began
	version    int // the version that was current at that moment
	inForce    bool
	reported   bool
}

// Issuer is asked to revoke keys. It looks at that very moment whether they are in
// force.
type ProviderAPI struct {
	history *History
	actor   string
	unused  bool
	since   int
}

// Issuer is asked by one run of a revocation, which is about to begin.
func (w *History) NewProviderAPI(ctx context.Context, actor string, unused bool) (*ProviderAPI, error) {
	since, _, err := w.observer.current(ctx, w.Provider)
	return &ProviderAPI{history: w, actor: actor, unused: unused, since: since}, err
}

// Asked revokes keys, by their fields. Whatever becomes of the caller, they were
// handed over.
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

// revoking reports an attempt to revoke a key of the provider that stands, for which
// writers of that key are rightly refused.
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

// withdrawnSuffix marks the entry that ends an attempt to revoke.
const withdrawnSuffix = ".withdrawn"

// handedOver is J1 and J2: a key that was handed over is not in force at that moment
// or later.
func (c *checker) checkRevokedKeys() {
	for _, h := range c.history.revokedKeys {
		for k := h.version; k <= c.Current && !h.reported; k++ {
			if c.inForce(k, h) && !c.writtenByOthers(k, h) {
				h.reported = true
				invariant := map[bool]string{false: "J1", true: "J2"}[h.unused]
				c.violated(invariant, "%s handed the key of %q to its issuer when version %d was current, and version %d holds it", h.actor, h.field, h.version, k)
			}
		}
	}
}

// inForceIn: of the version that was current at that moment every form of the key
// counts. What is deleted counts once it can be read again.
func (c *checker) inForce(k int, h *revokedKey) bool {
	version := c.Versions[k]
	if k > h.version {
		return hasKey(version.Data, h.field, h.key)
	}
	readable := !version.Deleted && !version.Destroyed
	return h.inForce || readable && containsKey(version.Data, h.field, h.key)
}

// putByOthers: a foreign writer who came after the revocation had begun, or somebody
// with AllowRevoked, put the key there, or it was carried along since they did.
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
