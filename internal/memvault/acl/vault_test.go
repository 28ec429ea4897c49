package acl

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"testing"

	"goblin/vaultkit/internal/realvault"
)

// vault sends requests to the real server.
type vault struct {
	t    testing.TB
	http *http.Client
}

func newVault(t testing.TB) *vault {
	t.Helper()
	realvault.SkipOnOpenBao(t, realvault.Server(t), "these answers are Vault's")
	v := &vault{t: t, http: &http.Client{Transport: &http.Transport{}}}
	t.Cleanup(v.http.CloseIdleConnections)
	return v
}

// answer is the part of a response that the tests compare.
type answer struct {
	status int
	Errors []string       `json:"errors"`
	Data   map[string]any `json:"data"`
	Auth   struct {
		ClientToken string `json:"client_token"`
	} `json:"auth"`
}

// send sends a request. A token of "" is the root token.
func (v *vault) send(token, method, path string, body any) answer {
	v.t.Helper()
	text, err := json.Marshal(body)
	if err != nil {
		v.t.Fatal(err)
	}
	if body == nil {
		text = nil
	}
	request, err := http.NewRequestWithContext(v.t.Context(), method, realvault.Server(v.t).Addr()+"/v1/"+path, bytes.NewReader(text))
	if err != nil {
		v.t.Fatal(err)
	}
	if token == "" {
		token = realvault.Server(v.t).RootToken()
	}
	request.Header.Set("X-Vault-Token", token)
	return v.do(request)
}

func (v *vault) do(request *http.Request) answer {
	v.t.Helper()
	response, err := v.http.Do(request)
	if err != nil {
		v.t.Fatal(err)
	}
	defer response.Body.Close()
	content, err := io.ReadAll(response.Body)
	if err != nil {
		v.t.Fatal(err)
	}
	got := answer{status: response.StatusCode}
	if len(content) > 0 {
		if err := json.Unmarshal(content, &got); err != nil {
			v.t.Fatal(err)
		}
	}
	return got
}

// must fails the test if Vault refuses the request.
func (v *vault) must(method, path string, body any) answer {
	v.t.Helper()
	got := v.send("", method, path, body)
	if got.status >= 300 {
		v.t.Fatalf("%s %s = %d %q, want success", method, path, got.status, got.Errors)
	}
	return got
}
