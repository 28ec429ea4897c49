package doctor

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"goblin/vaultkit/internal/kv"
	"goblin/vaultkit/internal/parallel"
	"goblin/vaultkit/internal/rotation"
	"goblin/vaultkit/internal/vaulterr"
)

// providers finds out which there are.
func (x *exam) providers(ctx context.Context) Finding {
	x.names = x.Providers
	listed, err := x.store.List(ctx, kv.Key{"providers"})
	switch {
	case errors.Is(err, vaulterr.ErrPermissionDenied):
		return skipped("the token may not list them", x.policy(x.firstRole()))
	case err != nil:
		return failed(err, "", x.curl())
	}
	listed = slices.DeleteFunc(listed, func(name string) bool { return kv.CheckName("provider name", name) != nil })
	slices.Sort(listed)
	missing := slices.DeleteFunc(slices.Clone(x.Providers), func(name string) bool { return slices.Contains(listed, name) })
	switch {
	case len(missing) > 0 && x.storesFirst():
		return okay("nothing is stored yet for " + strings.Join(missing, ", "))
	case len(missing) > 0:
		return failed(&vaulterr.Error{Kind: vaulterr.ErrNotFound}, "there is no "+strings.Join(missing, ", no ")+
			": look at the names there are; a new one is stored by vaultkit put", x.command("list"))
	case len(listed) == 0:
		return warning(fmt.Sprintf("none below %s/%s: a new Vault, or the wrong --mount or --base", x.Mount, x.Base), "vault kv list "+quote(x.Mount+"/"))
	}
	if len(x.names) == 0 {
		x.names = listed
	}
	return okay(some(x.names))
}

// storesFirst reports that only the work before there is a provider is asked about.
func (x *exam) storesFirst() bool {
	return !slices.ContainsFunc(x.Roles, func(role Role) bool { return role.Required && role.Name != "provisioner" })
}

// some names a few and counts the rest.
func some(names []string) string {
	const few = 5
	if len(names) > few+1 {
		return fmt.Sprintf("%s and %d more", strings.Join(names[:few], ", "), len(names)-few)
	}
	return strings.Join(names, ", ")
}

// statusWorkers bounds how many providers are looked at concurrently.
const statusWorkers = 8

// pending looks for rotations without a record.
func (x *exam) pending(ctx context.Context) Finding {
	if len(x.names) == 0 {
		return skipped("there is no provider to look at", "")
	}
	engine := &rotation.Engine{Store: x.store, Backoff: x.Backoff, Now: time.Now}
	type look struct {
		status rotation.Status
		err    error
	}
	looks := parallel.Stream(statusWorkers, x.names, func(provider string) look {
		status, err := engine.Status(ctx, provider)
		return look{status, err}
	})
	var crashed, ids []string
	for one := range looks {
		switch {
		case errors.Is(one.err, vaulterr.ErrPermissionDenied):
			return skipped("the token may not look for them", x.policy("monitor"))
		case errors.Is(one.err, vaulterr.ErrNotFound): // gone since, or not stored yet
		case one.err != nil:
			return failed(one.err, "", x.curl())
		case len(one.status.Pending) > 0:
			crashed, ids = append(crashed, one.status.Provider), append(ids, one.status.Pending...)
		}
	}
	if len(ids) == 0 {
		return okay("every rotation has its record")
	}
	return warning(fmt.Sprintf("%d without a record, crashed or under way, of %s", len(ids), some(crashed)),
		x.command("recover "+strings.Join(crashed, " ")))
}
