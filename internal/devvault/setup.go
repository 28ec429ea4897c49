package devvault

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
)

// object is a JSON object.
type object = map[string]any

// setup makes a server that has just started ready for use.
func (s *Server) setup(ctx context.Context, log io.Writer) error {
	s.api = newAPI(s.Addr(), s.keys)
	if err := s.initialise(ctx); err != nil {
		return fmt.Errorf("initialise: %w", err)
	}
	if err := s.api.unseal(ctx, s.keys.unsealKey); err != nil {
		return fmt.Errorf("unseal: %w", err)
	}
	if err := s.enableAudit(ctx, log); err != nil {
		return fmt.Errorf("enable the audit device: %w", err)
	}
	return s.mount(ctx)
}

// initialise makes the unseal key, a single one, and the root token.
func (s *Server) initialise(ctx context.Context) error {
	var answer struct {
		Keys      []string `json:"keys_base64"`
		RootToken string   `json:"root_token"`
	}
	err := s.api.call(ctx, http.MethodPut, "sys/init", object{"secret_shares": 1, "secret_threshold": 1}, &answer)
	if err != nil {
		return err
	}
	if len(answer.Keys) != 1 || answer.RootToken == "" {
		return errors.New("PUT sys/init: the answer has no unseal key or no root token")
	}
	s.keys.unsealKey, s.keys.rootToken = answer.Keys[0], answer.RootToken
	status, err := s.api.sealStatus(ctx)
	s.version = status.Version
	return err
}

// enableAudit comes before the mounts, so that the log holds everything but the
// server's own birth.
func (s *Server) enableAudit(ctx context.Context, log io.Writer) error {
	path := s.node.auditFile()
	err := s.api.call(ctx, http.MethodPut, "sys/audit/file",
		object{"type": "file", "options": object{"file_path": path}}, nil)
	if err == nil {
		s.audit = path
		return nil
	}
	if s.node.binary.pinned || ctx.Err() != nil {
		return err
	}
	fmt.Fprintf(log, "going on without an audit log: %s refuses it: %v\n", s.node.binary.path, err)
	return nil
}

// mount enables the engines and auth methods that vaultkit uses.
func (s *Server) mount(ctx context.Context) error {
	for _, m := range []struct {
		path string
		body object
	}{
		{"sys/mounts/secret", object{"type": "kv", "options": object{"version": "2"}}},
		{"sys/auth/approle", object{"type": "approle"}},
		{"sys/auth/kubernetes", object{"type": "kubernetes"}},
	} {
		if err := s.api.call(ctx, http.MethodPost, m.path, m.body, nil); err != nil {
			return fmt.Errorf("mount: %w", err)
		}
	}
	return nil
}

// sealStatus is what a server tells anybody.
type sealStatus struct {
	Sealed  bool   `json:"sealed"`
	Version string `json:"version"`
}

func (a *api) sealStatus(ctx context.Context) (status sealStatus, err error) {
	err = a.call(ctx, http.MethodGet, "sys/seal-status", nil, &status)
	return status, err
}

// seal seals the server. It answers when it is sealed.
func (a *api) seal(ctx context.Context) error {
	return a.call(ctx, http.MethodPut, "sys/seal", nil, nil)
}

// unseal unseals the server and waits until it is active: a Raft node has to
// elect itself first.
func (a *api) unseal(ctx context.Context, key string) error {
	var status sealStatus
	if err := a.call(ctx, http.MethodPut, "sys/unseal", object{"key": key}, &status); err != nil {
		return err
	}
	if status.Sealed {
		return errors.New("the server is still sealed")
	}
	var last error
	err := poll(ctx, pollEvery, func() (bool, error) {
		// 200 is active; a sealed node answers 503, a standby 429.
		last = a.call(ctx, http.MethodGet, "sys/health", nil, nil)
		return last == nil, nil
	})
	return errors.Join(err, last)
}
