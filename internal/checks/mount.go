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

// mount checks that the mount is KV version 2. It checks the mount's settings if the token can
// read them.
func (x *exam) mount(ctx context.Context) Finding {
	found, err := x.store.Mount(ctx)
	if err == nil {
		err = x.store.ValidateMount(found)
	}
	if errors.Is(err, vaulterr.ErrPermissionDenied) && x.hasAnyRight(ctx) {
		return failed(&vaulterr.Error{Kind: vaulterr.ErrMountNotFound, Err: err},
			fmt.Sprintf("the token has rights below %s/, but Vault has no mount there: check --mount first, or make the mount", x.Mount), x.makeMount())
	}
	if err != nil {
		fix := x.mountFix(found, err)
		return failed(err, x.explainMount(found, err, fix), fix)
	}
	x.hasGeneral = len(x.Providers) > 0 && x.hasGeneralRight(ctx)
	settings, err := x.store.Settings(ctx)
	if err != nil { // no role can read the settings
		return okay(x.Mount + "/ is KV version 2")
	}
	return x.mountSettings(settings)
}

// mountSettings checks the mount's settings.
func (x *exam) mountSettings(settings kv.Settings) Finding {
	config := "vault write " + quote(x.Mount) + "/config "
	switch {
	case settings.MetadataCAS && x.changesMetadata():
		return failed(&vaulterr.Error{Kind: vaulterr.ErrInvalid, Path: x.Mount + "/config"},
			x.Mount+"/ requires check-and-set for metadata (metadata_cas_required), which vaultkit does not send: "+
				"a rotation fails and stays pending until vaultkit recover", FreeMetadata.fix(config+"metadata_cas_required=false"))
	case settings.MetadataCAS:
		return warning(x.Mount+"/ requires check-and-set for metadata (metadata_cas_required), so that nobody can rotate keys",
			FreeMetadata.fix(config+"metadata_cas_required=false"))
	case settings.DeleteVersionAfter > 0:
		return warning(fmt.Sprintf("%s/ deletes every version after %s, also keys in force and backups", x.Mount, settings.DeleteVersionAfter),
			KeepVersions.fix(config+"delete_version_after=0s"))
	}
	return okay(fmt.Sprintf("%s/ is KV version 2, keeps %d versions", x.Mount, cmp.Or(settings.MaxVersions, 10)))
}

// changesMetadata reports whether one of the roles changes metadata, as a rotation does.
func (x *exam) changesMetadata() bool {
	return slices.ContainsFunc(x.Roles, func(role Role) bool {
		return slices.ContainsFunc(role.Rights(""), func(r Right) bool {
			return strings.HasPrefix(r.Path, x.Mount+"/metadata/") && (r.Capability == "patch" || r.Capability == "update")
		})
	})
}

// explainMount describes a problem with the mount. It returns "" if Vault's error is clearer.
func (x *exam) explainMount(found kv.Mount, err error, fix Fix) string {
	answer, ok := errors.AsType[*vaulterr.Error](err)
	switch {
	case errors.Is(err, vaulterr.ErrPermissionDenied):
		return fmt.Sprintf("the token has no right below %s/, or nothing is mounted there: check --mount first", x.Mount) +
			x.describeFix(fix, x.firstRole())
	case ok && errors.Is(err, vaulterr.ErrMountNotFound) && answer.Detail == "":
		return fmt.Sprintf("nothing is mounted at %s/: check --mount (VAULTKIT_MOUNT) first, or make the mount", x.Mount)
	case errors.Is(err, vaulterr.ErrNotKVv2) && isKV(found):
		return fmt.Sprintf("%s/ is KV version 1: check --mount first; an upgrade changes the paths for everyone who uses the mount", x.Mount)
	}
	return ""
}

func (x *exam) mountFix(found kv.Mount, err error) Fix {
	switch {
	case errors.Is(err, vaulterr.ErrPermissionDenied):
		return x.grantFix(x.firstRole())
	case errors.Is(err, vaulterr.ErrUnavailable):
		return x.healthFix()
	case found.Path != "" && found.Path != x.Mount:
		inside := strings.TrimPrefix(x.Mount, found.Path+"/")
		return UseMount.fix(x.command("doctor", "--mount", found.Path, "--base", inside+"/"+x.Base))
	case isKV(found):
		return UpgradeMount.fix("vault kv enable-versioning " + quote(x.Mount) + "/")
	case errors.Is(err, vaulterr.ErrMountNotFound):
		return x.makeMount()
	}
	return ListMounts.fix("vault secrets list")
}

// makeMount makes the KV mount.
func (x *exam) makeMount() Fix { return MakeMount.fix(x.setup("--policy", x.firstRole())) }

// hasAnyRight reports whether the token has a right for any provider, or for one of the named
// ones.
func (x *exam) hasAnyRight(ctx context.Context) bool {
	wanted := []providerRights{{"", x.Harmful("")}}
	for _, role := range x.Roles {
		wanted = append(wanted, providerRights{"", role.Rights("")})
		for _, provider := range x.Providers {
			wanted = append(wanted, providerRights{provider, role.Rights(provider)})
		}
	}
	return x.hasOneOf(ctx, wanted)
}

// hasGeneralRight reports whether the token has a right for every provider.
func (x *exam) hasGeneralRight(ctx context.Context) bool {
	return x.hasOneOf(ctx, []providerRights{{"", slices.DeleteFunc(x.Harmful(""), func(r Right) bool { return !strings.Contains(r.Path, "/+") })}})
}

// hasOneOf reports whether the token has one of the rights. It reports false if the token
// cannot query them.
func (x *exam) hasOneOf(ctx context.Context, wanted []providerRights) bool {
	granted, err := x.granted(ctx, wanted)
	return err == nil && slices.ContainsFunc(wanted, func(n providerRights) bool {
		return slices.ContainsFunc(n.rights, func(r Right) bool { return granted.hasAny(r.Path) })
	})
}

func isKV(found kv.Mount) bool { return found.Type == "kv" || found.Type == "generic" }
