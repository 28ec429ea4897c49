package setup

import (
	"context"
	"slices"
	"strings"

	"goblin/vaultkit"
	"goblin/vaultkit/cmd/vaultkit/internal/terminal"
)

// right is a capability on a path.
type right struct {
	path, capability string
	sudo             bool // and the capability sudo
}

// granted is what the token may do, by path.
type granted map[string][]string

// askRights asks Vault for the token's capabilities on every path that a plan may read or write.
func askRights(ctx context.Context, server *server, objects []*object) (granted, error) {
	paths := []string{mountsPath, authsPath}
	for _, o := range objects {
		if paths = append(paths, o.path); o.kind == appRoleKind {
			paths = append(paths, o.path+"/role-id", o.path+"/secret-id")
		}
	}
	return server.capabilities(ctx, paths)
}

// readRights returns the rights for reading what is there.
func readRights(objects []*object) []right {
	rights := []right{{path: mountsPath, capability: "read"}, {path: authsPath, capability: "read"}}
	for _, o := range objects {
		if !o.listed {
			rights = append(rights, right{o.path, "read", o.sudo})
		}
	}
	return rights
}

// writeRight returns the right for writing an object.
func (o *object) writeRight(action Action) right {
	if o.creates && action == Create {
		return right{o.path, "create", o.sudo}
	}
	return right{o.path, "update", o.sudo}
}

// writeRights returns the rights for what the plan changes.
func (p *Plan) writeRights() (rights []right) {
	for _, step := range p.Changes() {
		if rights = append(rights, step.needs); step.Kind == secretIDKind {
			rights = append(rights, right{path: strings.TrimSuffix(step.Path, "/secret-id") + "/role-id", capability: "read"})
		}
	}
	return rights
}

// check returns an error that names all missing rights.
func (g granted) check(needed []right) error {
	var missing []string
	for _, r := range needed {
		if lacks := g.lacks(r); len(lacks) > 0 {
			missing = append(missing, strings.Join(lacks, " and ")+" on "+terminal.Printable(r.path))
		}
	}
	if len(missing) == 0 {
		return nil
	}
	return &vaultkit.Error{Kind: vaultkit.ErrPermissionDenied, Detail: "the token lacks " + strings.Join(unique(missing), ", "),
		Hint: "nothing was changed; use the token of an administrator"}
}

// lacks returns the capabilities of a right that the token does not have.
func (g granted) lacks(r right) (missing []string) {
	has := g[r.path]
	if slices.Contains(has, "root") {
		return nil
	}
	if !slices.Contains(has, r.capability) {
		missing = append(missing, r.capability)
	}
	if r.sudo && !slices.Contains(has, "sudo") {
		missing = append(missing, "sudo")
	}
	return missing
}
