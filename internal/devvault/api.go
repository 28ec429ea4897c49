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

// api sends requests to the server's HTTP API. It does not use the official client,
// because tests compare that client with this package.
type api struct {
	addr string
	keys *credentials
	http *http.Client
}

func newAPI(addr string, keys *credentials) *api {
	// A kept connection would leave a goroutine behind after Stop.
	return &api{addr: addr, keys: keys, http: &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}}
}

// credentials holds what the server returned when it was initialised.
type credentials struct {
	rootToken string
	unsealKey string
}

// Format hides the credentials for every verb.
func (*credentials) Format(f fmt.State, _ rune) {
	_, _ = io.WriteString(f, "devvault.credentials(…)")
}

// call sends a request. in, if not nil, is the JSON body; the response is decoded into
// out, if that is not nil.
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

// refusal returns the error for a response that is not a success.
func refusal(method, path string, resp *http.Response) error {
	var body struct{ Errors []string }
	_ = json.NewDecoder(resp.Body).Decode(&body) // the status suffices
	return fmt.Errorf("%s %s: %s: %s", method, path, resp.Status, strings.Join(body.Errors, "; "))
}
