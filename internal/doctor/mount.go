package doctor

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strings"

	"goblin/vaultkit/internal/kv"
	"goblin/vaultkit/internal/vaulterr"
)

// mount makes sure that the mount is KV version 2, and looks at its settings
// where it may.
func (x *exam) mount(ctx context.Context) Finding {
	found, err := x.store.Mount(ctx)
	if err == nil {
		err = x.store.Fits(found)
	}
	if err != nil {
		return failed(err, x.noMount(found, err), x.mendMount(found, err))
	}
	settings, err := x.store.Settings(ctx)
	switch {
	case err != nil: // no role of ours may read them
		return okay(x.Mount + "/ is KV version 2")
	case settings.DeleteVersionAfter > 0:
		return warning(fmt.Sprintf("%s/ deletes every version after %s, keys in force and backups included", x.Mount, settings.DeleteVersionAfter),
			fmt.Sprintf("vault write %s/config delete_version_after=0s", quote(x.Mount)))
	}
	return okay(fmt.Sprintf("%s/ is KV version 2, keeps %d versions", x.Mount, cmp.Or(settings.MaxVersions, 10)))
}

// noMount says shortly what is wrong with the mount; empty: Vault says it better.
func (x *exam) noMount(found kv.Mount, err error) string {
	answer, ok := errors.AsType[*vaulterr.Error](err)
	switch {
	case errors.Is(err, vaulterr.ErrPermissionDenied):
		return fmt.Sprintf("the token has no right below %s/, or nothing is mounted there: check --mount first", x.Mount) + x.attach(x.firstRole())
	case ok && errors.Is(err, vaulterr.ErrMountNotFound) && answer.Detail == "":
		return fmt.Sprintf("nothing is mounted at %s/: check --mount (VAULTKIT_MOUNT) first; "+
			"on a new Vault, an engine is mounted by: vault secrets enable -path=%s -version=2 kv", x.Mount, quote(x.Mount))
	case errors.Is(err, vaulterr.ErrNotKVv2) && isKV(found):
		return fmt.Sprintf("%s/ is KV version 1: check --mount first; an upgrade changes the paths of all who use it", x.Mount)
	}
	return ""
}

func (x *exam) mendMount(found kv.Mount, err error) string {
	switch {
	case errors.Is(err, vaulterr.ErrPermissionDenied):
		return x.policy(x.firstRole())
	case errors.Is(err, vaulterr.ErrUnavailable):
		return x.curl()
	case found.Path != "" && found.Path != x.Mount:
		inside := strings.TrimPrefix(x.Mount, found.Path+"/")
		return x.command("doctor", "--mount", found.Path, "--base", inside+"/"+x.Base)
	case isKV(found):
		return "vault kv enable-versioning " + quote(x.Mount) + "/"
	}
	return "vault secrets list"
}

func isKV(found kv.Mount) bool { return found.Type == "kv" || found.Type == "generic" }
