package checks

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"goblin/vaultkit/internal/kv"
	"goblin/vaultkit/internal/vaulterr"
)

// mount makes sure that the mount is KV version 2, and looks at its settings
// where it may.
func (x *exam) mount(ctx context.Context) Finding {
	found, err := x.store.Mount(ctx)
	if err == nil {
		err = x.store.ValidateMount(found)
	}
	if errors.Is(err, vaulterr.ErrPermissionDenied) && x.mayAnything(ctx) {
		return failed(&vaulterr.Error{Kind: vaulterr.ErrMountNotFound, Err: err},
			fmt.Sprintf("the token has rights below %s/, and Vault knows no mount there: check --mount", x.Mount), ListMounts.by("vault secrets list"))
	}
	if err != nil {
		fix := x.mendMount(found, err)
		return failed(err, x.noMount(found, err, fix), fix)
	}
	x.general = len(x.Providers) > 0 && x.mayGenerally(ctx)
	settings, err := x.store.Settings(ctx)
	switch {
	case err != nil: // no role of ours may read them
		return okay(x.Mount + "/ is KV version 2")
	case settings.DeleteVersionAfter > 0:
		return warning(fmt.Sprintf("%s/ deletes every version after %s, keys in force and backups included", x.Mount, settings.DeleteVersionAfter),
			KeepVersions.by(fmt.Sprintf("vault write %s/config delete_version_after=0s", quote(x.Mount))))
	}
	return okay(fmt.Sprintf("%s/ is KV version 2, keeps %d versions", x.Mount, cmp.Or(settings.MaxVersions, 10)))
}

// noMount says shortly what is wrong with the mount; empty: Vault says it better.
func (x *exam) noMount(found kv.Mount, err error, fix Fix) string {
	answer, ok := errors.AsType[*vaulterr.Error](err)
	switch {
	case errors.Is(err, vaulterr.ErrPermissionDenied):
		return fmt.Sprintf("the token has no right below %s/, or nothing is mounted there: check --mount first", x.Mount) + x.whoGets(fix)
	case ok && errors.Is(err, vaulterr.ErrMountNotFound) && answer.Detail == "":
		return fmt.Sprintf("nothing is mounted at %s/: check --mount (VAULTKIT_MOUNT) first; "+
			"on a new Vault, an engine is mounted by: vault secrets enable -path=%s -version=2 kv", x.Mount, quote(x.Mount))
	case errors.Is(err, vaulterr.ErrNotKVv2) && isKV(found):
		return fmt.Sprintf("%s/ is KV version 1: check --mount first; an upgrade changes the paths of all who use it", x.Mount)
	}
	return ""
}

func (x *exam) mendMount(found kv.Mount, err error) Fix {
	switch {
	case errors.Is(err, vaulterr.ErrPermissionDenied):
		return x.grant(x.firstRole())
	case errors.Is(err, vaulterr.ErrUnavailable):
		return x.curl()
	case found.Path != "" && found.Path != x.Mount:
		inside := strings.TrimPrefix(x.Mount, found.Path+"/")
		return UseMount.by(x.command("doctor", "--mount", found.Path, "--base", inside+"/"+x.Base))
	case isKV(found):
		return UpgradeMount.by("vault kv enable-versioning " + quote(x.Mount) + "/")
	}
	return ListMounts.by("vault secrets list")
}

// mayAnything reports that the token has a right over any provider, or the named ones.
func (x *exam) mayAnything(ctx context.Context) bool {
	needs := []need{{"", x.Harmful("")}}
	for _, role := range x.Roles {
		needs = append(needs, need{"", role.Rights("")})
		for _, provider := range x.Providers {
			needs = append(needs, need{provider, role.Rights(provider)})
		}
	}
	return x.mayOneOf(ctx, needs)
}

// mayGenerally reports that it has one over every provider.
func (x *exam) mayGenerally(ctx context.Context) bool {
	return x.mayOneOf(ctx, []need{{"", slices.DeleteFunc(x.Harmful(""), func(r Right) bool { return !strings.Contains(r.Path, "/+") })}})
}

// mayOneOf: who cannot ask is not known to.
func (x *exam) mayOneOf(ctx context.Context, needs []need) bool {
	granted, err := x.granted(ctx, needs)
	return err == nil && slices.ContainsFunc(needs, func(n need) bool {
		return slices.ContainsFunc(n.rights, func(r Right) bool { return granted.any(r.Path) })
	})
}

func isKV(found kv.Mount) bool { return found.Type == "kv" || found.Type == "generic" }
