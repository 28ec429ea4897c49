package devvault

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
)

// object is a JSON object.
type object = map[string]any

// setup prepares a server that has just started.
func (s *Server) setup(ctx context.Context, log io.Writer) error {
	if err := s.api.initialise(ctx); err != nil {
		return fmt.Errorf("initialise: %w", err)
	}
	status, err := s.api.sealStatus(ctx)
	if err != nil {
		return err
	}
	s.version = status.Version
	if err := s.api.unseal(ctx); err != nil {
		return fmt.Errorf("unseal: %w", err)
	}
	if err := s.enableAudit(ctx, log); err != nil {
		return fmt.Errorf("enable the audit device: %w", err)
	}
	s.openBao = s.api.isOpenBao(ctx)
	return s.api.mount(ctx)
}

// initialise creates a single unseal key and the root token.
func (a *api) initialise(ctx context.Context) error {
	var answer struct {
		Keys      []string `json:"keys_base64"`
		RootToken string   `json:"root_token"`
	}
	err := a.call(ctx, http.MethodPut, "sys/init", object{"secret_shares": 1, "secret_threshold": 1}, &answer)
	if err != nil {
		return err
	}
	if len(answer.Keys) != 1 || answer.RootToken == "" {
		return errors.New("PUT sys/init: the response has no unseal key or no root token")
	}
	a.keys.unsealKey, a.keys.rootToken = answer.Keys[0], answer.RootToken
	return nil
}

// replaceRootToken creates a root token with a chosen id, revokes the first one, and uses the new
// one from now on.
func (a *api) replaceRootToken(ctx context.Context, id string) error {
	body := object{"id": id, "policies": []string{"root"}}
	if err := a.call(ctx, http.MethodPost, "auth/token/create-orphan", body, nil); err != nil {
		return fmt.Errorf("create the root token: %w", err)
	}
	if err := a.call(ctx, http.MethodPost, "auth/token/revoke-self", nil, nil); err != nil {
		return fmt.Errorf("revoke the first root token: %w", err)
	}
	a.keys.rootToken = id
	return nil
}

// enableAudit runs before the mounts, so that the audit log contains them.
func (s *Server) enableAudit(ctx context.Context, log io.Writer) error {
	path := s.auditFile()
	err := s.api.call(ctx, http.MethodPut, "sys/audit/file",
		object{"type": "file", "options": object{"file_path": path}}, nil)
	if err == nil {
		s.audit = path
		return nil
	}
	if s.binary.pinned || ctx.Err() != nil {
		return err
	}
	fmt.Fprintf(log, "continuing without an audit log: %s refused to enable it: %v\n", s.binary.path, err)
	return nil
}

// mount enables the engines and auth methods that vaultkit uses.
func (a *api) mount(ctx context.Context) error {
	for _, m := range []struct {
		path string
		body object
	}{
		{"sys/mounts/secret", object{"type": "kv", "options": object{"version": "2"}}},
		{"sys/auth/approle", object{"type": "approle"}},
		{"sys/auth/kubernetes", object{"type": "kubernetes"}},
	} {
		if err := a.call(ctx, http.MethodPost, m.path, m.body, nil); err != nil {
			return fmt.Errorf("mount: %w", err)
		}
	}
	return nil
}

// isOpenBao reports whether the server is OpenBao. The versions of its built-in plugins say so. An
// old Vault shows none.
func (a *api) isOpenBao(ctx context.Context) bool {
	var mount struct {
		Data struct {
			Version string `json:"running_plugin_version"`
		} `json:"data"`
	}
	err := a.call(ctx, http.MethodGet, "sys/mounts/sys", nil, &mount)
	return err == nil && strings.HasSuffix(mount.Data.Version, "+builtin.bao")
}

// sealStatus is the server's public status.
type sealStatus struct {
	Version string `json:"version"`
}

func (a *api) sealStatus(ctx context.Context) (status sealStatus, err error) {
	err = a.call(ctx, http.MethodGet, "sys/seal-status", nil, &status)
	return status, err
}

// seal seals the server and returns when that is done.
func (a *api) seal(ctx context.Context) error {
	return a.call(ctx, http.MethodPut, "sys/seal", nil, nil)
}

// unseal unseals the server and waits until it serves reads and writes. A Raft node first has
// to elect itself, or to find the leader and receive the key ring.
func (a *api) unseal(ctx context.Context) error {
	if err := a.call(ctx, http.MethodPut, "sys/unseal", object{"key": a.keys.unsealKey}, nil); err != nil {
		return err
	}
	var last error
	err := poll(ctx, pollEvery, func() (bool, error) {
		last = a.serves(ctx)
		return last == nil, nil
	})
	return errors.Join(err, last)
}

// serves returns an error until the server serves reads and knows the active node. A standby
// of OpenBao serves reads before there is an active node, and refuses writes until then.
func (a *api) serves(ctx context.Context) error {
	if err := a.call(ctx, http.MethodGet, "auth/token/lookup-self", nil, nil); err != nil {
		return err
	}
	var leader struct {
		Cluster bool   `json:"ha_enabled"`
		Address string `json:"leader_address"`
	}
	if err := a.call(ctx, http.MethodGet, "sys/leader", nil, &leader); err != nil {
		return err
	}
	if leader.Cluster && leader.Address == "" {
		return errors.New("no node is active")
	}
	return nil
}
