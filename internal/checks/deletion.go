package checks

import (
	"context"
	"fmt"
	"strings"
	"time"

	"goblin/vaultkit/internal/vaulterr"
)

// deletion looks for keys that are deleted, or that Vault will delete.
func (x *exam) deletion(ctx context.Context) Finding {
	looks, instead := x.readStatuses(ctx)
	if instead != nil {
		return *instead
	}
	var affected []providerStatus
	var said []string
	gone := false
	for _, one := range looks {
		if text := x.describeDeletion(one); text != "" {
			affected, said = append(affected, one), append(said, text)
			gone = gone || x.isDeleted(one)
		}
	}
	switch {
	case len(affected) == 0:
		return okay("no key was or will be deleted")
	case gone && len(x.Providers) > 0: // the query names the provider, so it is needed
		return failed(&vaulterr.Error{Kind: vaulterr.ErrDeleted}, abbreviate(said), x.keepKeys(affected))
	}
	return warning(abbreviate(said), x.keepKeys(affected))
}

// isDeleted reports whether nobody can read the key any more.
func (x *exam) isDeleted(one providerStatus) bool {
	return one.Destroyed || !one.DeletedAt.IsZero() && !one.DeletedAt.After(time.Now())
}

// describeDeletion says when the key was or will be deleted. It returns "" if it never is.
func (x *exam) describeDeletion(one providerStatus) string {
	switch {
	case one.Destroyed:
		return one.Provider + " is destroyed"
	case x.isDeleted(one):
		return one.Provider + " was deleted at " + date(one.DeletedAt)
	case !one.DeletedAt.IsZero():
		return one.Provider + " will be deleted at " + date(one.DeletedAt) + " (delete_version_after)"
	case one.DeleteAfter > 0:
		return fmt.Sprintf("the next key of %s will be deleted after %s (delete_version_after)", one.Provider, one.DeleteAfter)
	}
	return ""
}

// keepKeys turns the providers' delete_version_after off and undeletes their current versions.
// That also helps a version that will be deleted, because its deletion time was set when it was
// written. A destroyed key cannot be undeleted, so a new one is stored.
func (x *exam) keepKeys(affected []providerStatus) Fix {
	var lines, destroyed []string
	for _, one := range affected {
		path := x.Base + "/providers/" + one.Provider
		if one.DeleteAfter > 0 {
			lines = append(lines, fmt.Sprintf("vault write %s delete_version_after=0s", quote(x.Mount+"/metadata/"+path)))
		}
		switch {
		case one.Destroyed:
			destroyed = append(destroyed, x.command("put "+one.Provider+" api_key=- --replace-deleted"))
		case !one.DeletedAt.IsZero():
			lines = append(lines, fmt.Sprintf("vault kv undelete -mount=%s -versions=%d %s", quote(x.Mount), one.Version, quote(path)))
		}
	}
	if len(lines) == 0 {
		return StoreKey.fix(destroyed[0])
	}
	return KeepKey.fix(strings.Join(lines, " && "))
}
