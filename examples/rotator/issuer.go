package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"time"

	"goblin/vaultkit"
)

// issuer makes and revokes keys with the provider's API. It is the source of the new key of a rotation
// (NewFields), and the Revoker of old keys. Adapt its two requests to the API of your provider, and
// leave the rest as it is.
type issuer struct {
	url      string
	adminKey string
	client   *http.Client
}

// newIssuer returns the issuer. A redirect could send the admin key to another host, so it is not
// followed.
func newIssuer(url, adminKey string) *issuer {
	return &issuer{url: url, adminKey: adminKey, client: &http.Client{
		Timeout:       10 * time.Second,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
}

// The fields of the secret. The id is stored beside the key, because the provider's API revokes a key
// by its id.
const (
	fieldKey = "api_key"
	fieldID  = "api_key_id"
)

// Name is the source in the audit record.
func (i *issuer) Name() string { return "example-issuer" }

// NewFields asks for a new key. It is sent once: nobody knows whether a lost request has made a key.
// The key has the rotation's stamp as its name, so a key that is left over can be found.
func (i *issuer) NewFields(ctx context.Context, target vaultkit.Target) (map[string]any, error) {
	if target.DryRun {
		return map[string]any{fieldKey: "dry-run", fieldID: "dry-run"}, nil
	}
	var made struct{ ID, Key string }
	body, err := json.Marshal(map[string]string{"name": target.Stamp})
	if err != nil {
		return nil, err
	}
	status, err := i.call(ctx, http.MethodPost, "/v1/admin/keys", body, &made)
	switch {
	case err != nil:
		return nil, fmt.Errorf("a key with the name %s may exist; revoke it: %w", target.Stamp, err)
	case status >= 400 && status < 500:
		return nil, fmt.Errorf("the provider's API made no key: status %d", status)
	case status < 200 || status >= 300 || made.ID == "" || made.Key == "":
		return nil, fmt.Errorf("the provider's API answered with status %d and no key that this program can read: "+
			"a key with the name %s may exist; revoke it", status, target.Stamp)
	}
	return map[string]any{fieldKey: made.Key, fieldID: made.ID}, nil
}

// Revoke revokes a key. vaultkit calls it for the old key of a rotation, and for a new key whose
// rotation has failed.
func (i *issuer) Revoke(ctx context.Context, _ vaultkit.Target, keys vaultkit.ProviderKeys) error {
	id := keys[fieldID]
	if id == "" {
		return fmt.Errorf("%w: the secret has no %s: revoke the key by hand", vaultkit.ErrNotAsked, fieldID)
	}
	var answer struct{ Error, ID string }
	status, err := i.call(ctx, http.MethodDelete, "/v1/admin/keys/"+url.PathEscape(id), nil, &answer)
	switch {
	case err != nil:
		return err
	// A 404 alone may come from a wrong path or a proxy. With ErrAlreadyRevoked, vaultkit records a key
	// as revoked and never tries again, so the API itself must say that this key does not exist.
	case status == http.StatusNotFound && answer.Error == "no such key" && answer.ID == id:
		return vaultkit.ErrAlreadyRevoked
	case status == http.StatusNotFound:
		return errors.New("the provider's API did not revoke the key: status 404, but not because the key does not exist: check PROVIDER_URL")
	case status != http.StatusNoContent:
		return fmt.Errorf("the provider's API did not revoke the key: status %d", status)
	}
	return nil
}

// call sends one request, and decodes the response into result. A response that is not such JSON leaves
// result empty: its status says more. The errors contain no key and nothing of the response.
func (i *issuer) call(ctx context.Context, method, path string, body []byte, result any) (status int, err error) {
	request, err := http.NewRequestWithContext(ctx, method, i.url+path, bytes.NewReader(body))
	if err != nil {
		return 0, errors.New("PROVIDER_URL is not a URL")
	}
	request.Header.Set("Authorization", "Bearer "+i.adminKey)
	request.Header.Set("Content-Type", "application/json")
	response, err := i.client.Do(request)
	if err != nil { // whose text may repeat what a server sent
		return 0, errors.Join(errors.New("no response of the provider's API"), ctx.Err())
	}
	defer response.Body.Close()
	limited := io.LimitReader(response.Body, 1<<16)
	_ = json.NewDecoder(limited).Decode(result)
	_, _ = io.Copy(io.Discard, limited) // so that the connection can be used again
	return response.StatusCode, nil
}
