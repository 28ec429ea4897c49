package devvault

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
)

// api talks to the server over its HTTP API. The official client is not used:
// this package is what tests compare it against.
type api struct {
	addr string
	keys *credentials
	http *http.Client
}

func newAPI(addr string, keys *credentials) *api {
	// One connection a request: a kept one would outlive Stop in a goroutine.
	return &api{addr: addr, keys: keys, http: &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}}
}

// credentials are what the server gave us when it was initialised.
type credentials struct {
	rootToken string
	unsealKey string
}

// Format keeps the credentials from being printed, whatever the verb.
func (*credentials) Format(f fmt.State, _ rune) {
	_, _ = io.WriteString(f, "devvault.credentials(…)")
}

// call sends a request, in as its JSON body unless it is nil, and decodes the
// answer into out unless that is nil.
func (a *api) call(ctx context.Context, method, path string, in, out any) error {
	var body io.Reader
	if in != nil {
		text, err := json.Marshal(in)
		if err != nil {
			return err
		}
		body = bytes.NewReader(text)
	}
	req, err := http.NewRequestWithContext(ctx, method, a.addr+"/v1/"+path, body)
	if err != nil {
		return err
	}
	if a.keys.rootToken != "" {
		req.Header.Set("X-Vault-Token", a.keys.rootToken)
	}
	resp, err := a.http.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if resp.StatusCode >= 300 {
		return refusal(method, path, resp)
	}
	if out == nil {
		return nil
	}
	if err := json.NewDecoder(resp.Body).Decode(out); err != nil {
		return fmt.Errorf("%s %s: %w", method, path, err)
	}
	return nil
}

// refusal is the error for an answer that isn't a success.
func refusal(method, path string, resp *http.Response) error {
	var body struct{ Errors []string }
	_ = json.NewDecoder(resp.Body).Decode(&body) // the status says enough
	return fmt.Errorf("%s %s: %s: %s", method, path, resp.Status, strings.Join(body.Errors, "; "))
}
