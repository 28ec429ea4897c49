package pipelines

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	jwtauth "github.com/hashicorp/vault-plugin-auth-jwt"
	"github.com/hashicorp/vault/sdk/logical"

	"goblin/vaultkit/internal/devvault"
)

// jwtMount is Vault's official JWT auth plugin, mounted. The plugin decides who may
// log in as what; only the tokens are made by the real server around it.
type jwtMount struct {
	plugin  logical.Backend
	storage logical.Storage
}

func newJWTMount(ctx context.Context) *jwtMount {
	m := &jwtMount{storage: &logical.InmemStorage{}}
	var err error
	m.plugin, err = jwtauth.Factory(context.WithoutCancel(ctx), &logical.BackendConfig{
		StorageView: m.storage,
		System:      &logical.StaticSystemView{DefaultLeaseTTLVal: time.Hour, MaxLeaseTTLVal: 24 * time.Hour},
	})
	if err != nil {
		panic(err) // nothing about it depends on the test
	}
	return m
}

// configure hands a request for the method's config or roles to the plugin.
func (m *jwtMount) configure(answer http.ResponseWriter, r *http.Request, path string) {
	if _, err := m.handle(r, path); err != nil {
		refusal(answer, http.StatusBadRequest, err.Error())
		return
	}
	answer.WriteHeader(http.StatusNoContent)
}

// login hands a login to the plugin and, if that accepts it, makes the token that
// Vault would make.
func (m *jwtMount) login(answer http.ResponseWriter, r *http.Request, server *devvault.Server) (token string) {
	accepted, err := m.handle(r, "login")
	if err != nil {
		refusal(answer, http.StatusBadRequest, err.Error())
		return ""
	}
	auth := accepted.Auth
	var made struct {
		Auth struct {
			ClientToken string `json:"client_token"`
		}
	}
	// Explicit: a token without its auth method has no other maximum.
	body, err := call(r.Context(), server.Addr(), server.RootToken(), "auth/token/create-orphan", map[string]any{
		"policies": auth.Policies, "no_default_policy": auth.NoDefaultPolicy, "num_uses": auth.NumUses,
		"ttl": auth.TTL.String(), "explicit_max_ttl": auth.MaxTTL.String(), "display_name": auth.DisplayName,
	}, &made)
	if err != nil {
		refusal(answer, http.StatusInternalServerError, err.Error())
		return ""
	}
	_, _ = answer.Write(body)
	return made.Auth.ClientToken
}

// handle asks the plugin as Vault's core does.
func (m *jwtMount) handle(r *http.Request, path string) (*logical.Response, error) {
	req := &logical.Request{Operation: logical.UpdateOperation, Path: path, Storage: m.storage}
	if err := json.NewDecoder(r.Body).Decode(&req.Data); err != nil {
		return nil, err
	}
	checked, exists, err := m.plugin.HandleExistenceCheck(r.Context(), req)
	if err != nil {
		return nil, err
	}
	if checked && !exists {
		req.Operation = logical.CreateOperation
	}
	resp, err := m.plugin.HandleRequest(r.Context(), req)
	if _, err := logical.RespondErrorCommon(req, resp, err); err != nil {
		return nil, err
	}
	if path == "login" && (resp == nil || resp.Auth == nil) {
		return nil, errors.New("the plugin let nobody in")
	}
	return resp, nil
}

// call posts to the real server, past everything else.
func call(ctx context.Context, address, token, path string, in, out any) ([]byte, error) {
	text, err := json.Marshal(in)
	if err != nil {
		return nil, err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, address+"/v1/"+path, bytes.NewReader(text))
	if err != nil {
		return nil, err
	}
	req.Header.Set("X-Vault-Token", token)
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err == nil && resp.StatusCode != http.StatusOK {
		err = fmt.Errorf("%s: %s: %s", path, resp.Status, strings.TrimSpace(string(body)))
	}
	if err != nil {
		return nil, err
	}
	return body, json.Unmarshal(body, out)
}
