package authmethodtest

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go/aws/credentials"
	v4 "github.com/aws/aws-sdk-go/aws/signer/v4"
	"github.com/hashicorp/vault/api"
	"github.com/hashicorp/vault/api/auth/aws"

	"goblin/vaultkit"
	"goblin/vaultkit/internal/logbuffer"
	"goblin/vaultkit/internal/vaulttest"
)

// The credentials of the one user that the stand-in of STS knows.
const (
	accessKey = "AKIAFAKEFAKEFAKEFAKE"
	secretKey = "canary-secret-key-of-the-user"
	region    = "eu-central-1"
)

// newSTS returns a stand-in of STS, which answers GetCallerIdentity if the signature is right.
func newSTS(t *testing.T) *httptest.Server {
	t.Helper()
	sts := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		if string(body) != "Action=GetCallerIdentity&Version=2011-06-15" || !signed(t, r, body) {
			http.Error(w, "SignatureDoesNotMatch", http.StatusForbidden)
			return
		}
		fmt.Fprint(w, "<GetCallerIdentityResponse/>")
	}))
	t.Cleanup(sts.Close)
	return sts
}

// signed reports whether the request has the signature of the user.
func signed(t *testing.T, r *http.Request, body []byte) bool {
	at, err := time.Parse("20060102T150405Z", r.Header.Get("X-Amz-Date"))
	if err != nil || time.Since(at).Abs() > 15*time.Minute {
		return false
	}
	again, err := http.NewRequestWithContext(r.Context(), r.Method, "https://"+r.Host+"/", nil)
	if err != nil {
		t.Error(err)
		return false
	}
	again.Header, again.ContentLength = r.Header.Clone(), int64(len(body))
	for name := range again.Header {
		if name != "Content-Type" && name != "Content-Length" {
			again.Header.Del(name)
		}
	}
	if _, err := v4.NewSigner(credentials.NewStaticCredentials(accessKey, secretKey, "")).Sign(again, bytes.NewReader(body), "sts", region, at); err != nil {
		t.Error(err)
		return false
	}
	return again.Header.Get("Authorization") == r.Header.Get("Authorization")
}

// newAWSVault returns the address of the server with a stand-in of its AWS auth method, which asks
// the stand-in of STS as Vault asks STS.
func newAWSVault(t *testing.T, sts string) string {
	t.Helper()
	server, err := url.Parse(vaulttest.Server().Addr())
	if err != nil {
		t.Fatal(err)
	}
	forward := &httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) { r.SetURL(server) }, Transport: &http.Transport{DisableKeepAlives: true}}
	name := vaulttest.Name(t)
	if err := vaulttest.Root(t).Sys().PutPolicy(name, vaulttest.Policy(t, "../../", "reader")); err != nil {
		t.Fatal(err)
	}
	front := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/v1/auth/aws/login" {
			forward.ServeHTTP(w, r)
			return
		}
		if err := askSTS(r, sts); err != nil {
			w.WriteHeader(http.StatusBadRequest)
			_ = json.NewEncoder(w).Encode(map[string]any{"errors": []string{err.Error()}})
			return
		}
		secret, err := vaulttest.Root(t).Auth().Token().CreateOrphan(&api.TokenCreateRequest{Policies: []string{name}, TTL: "1h"})
		if err != nil {
			t.Error(err)
			return
		}
		_ = json.NewEncoder(w).Encode(map[string]any{"auth": secret.Auth})
	}))
	t.Cleanup(front.Close)
	return front.URL
}

// askSTS sends the signed request in the body of a login to the stand-in of STS.
func askSTS(r *http.Request, sts string) error {
	var login struct {
		Role    string
		Method  string `json:"iam_http_request_method"`
		URL     []byte `json:"iam_request_url"`
		Body    []byte `json:"iam_request_body"`
		Headers []byte `json:"iam_request_headers"`
	}
	var headers http.Header
	if err := json.NewDecoder(r.Body).Decode(&login); err != nil {
		return err
	}
	if err := json.Unmarshal(login.Headers, &headers); err != nil || login.Role != "app" {
		return errors.New("missing role or headers")
	}
	request, err := http.NewRequestWithContext(r.Context(), login.Method, sts, bytes.NewReader(login.Body))
	if err != nil {
		return err
	}
	signedFor, err := url.Parse(string(login.URL))
	if err != nil {
		return err
	}
	request.Header, request.Host = headers, signedFor.Host
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("error making upstream request: received error code %d from STS", response.StatusCode)
	}
	return nil
}

// TestAWS checks that the credentials are read at each login, that STS accepts what the package
// signs with them, and what is said if it does not, or if there are none.
func TestAWS(t *testing.T) {
	provider := vaulttest.Name(t)
	vaulttest.Put(t, "providers/"+provider, map[string]any{"api_key": "sk-fake"})
	address := newAWSVault(t, newSTS(t).URL)
	var logs logbuffer.Buffer
	made := 0
	newClient := func() (*vaultkit.Client, error) {
		client, err := vaultkit.New(t.Context(), vaultkit.WithAddress(address), vaultkit.WithLogger(logs.Logger()),
			vaultkit.WithAuthMethod("aws", func(context.Context) (api.AuthMethod, error) {
				made++
				return aws.NewAWSAuth(aws.WithRole("app"), aws.WithRegion(region))
			}))
		if said := fmt.Sprintf("%v %+v %#v", err, err, err); strings.Contains(said, "canary-secret-key") {
			t.Error("the error contains the secret key, want none")
		}
		if err == nil {
			t.Cleanup(func() { _ = client.Close() })
		}
		return client, err
	}
	t.Setenv("HOME", t.TempDir()) // no ~/.aws
	t.Setenv("AWS_EC2_METADATA_DISABLED", "true")
	t.Setenv("AWS_ACCESS_KEY_ID", accessKey)
	for _, refused := range []struct{ secretKey, text string }{
		{"canary-secret-key-of-another", "received error code 403 from STS"},
		{"", "the auth method failed, and not at a request to Vault"},
	} {
		made = 0
		t.Setenv("AWS_SECRET_ACCESS_KEY", refused.secretKey)
		_, err := newClient()
		if !errors.Is(err, vaultkit.ErrUnauthenticated) || errors.Is(err, vaultkit.ErrUnavailable) || !strings.Contains(err.Error(), refused.text) || made != 1 {
			t.Errorf("New = %v after %d logins, want ErrUnauthenticated with %q after 1", err, made, refused.text)
		}
	}
	t.Setenv("AWS_SECRET_ACCESS_KEY", secretKey)
	client, err := newClient()
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if key, err := client.GetAPIKey(t.Context(), provider); err != nil || key != "sk-fake" {
			t.Errorf("GetAPIKey = %d bytes, %v, want the key", len(key), err)
		}
		if err := vaulttest.Root(t).Auth().Token().RevokeOrphan(client.Vault().Token()); err != nil {
			t.Fatal(err)
		}
	}
	if strings.Contains(logs.String(), "canary-secret-key") {
		t.Error("the log contains the secret key, want none")
	}
}
