package kv_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/url"
	"path"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/vault/api"

	"goblin/vaultkit/internal/backoff"
	"goblin/vaultkit/internal/kv"
	"goblin/vaultkit/internal/vaulterr"
)

// feed is a transport without a network. It records the paths of the official client's requests and
// answers with the fuzzer's input.
type feed struct {
	client *api.Client
	status int
	body   []byte
	sent   []string // the paths that were sent
}

func newFeed(f *testing.F) *feed {
	f.Helper()
	fed := &feed{status: http.StatusOK}
	client, err := api.NewClient(&api.Config{Address: "http://vault.invalid", HttpClient: &http.Client{Transport: fed}})
	if err != nil {
		f.Fatal(err)
	}
	fed.client = client
	return fed
}

func (f *feed) RoundTrip(r *http.Request) (*http.Response, error) {
	f.sent = append(f.sent, r.URL.EscapedPath())
	return &http.Response{StatusCode: f.status, Header: http.Header{}, Body: io.NopCloser(bytes.NewReader(f.body)), Request: r}, nil
}

// store retries nothing: a read that would be retried returns ErrUnavailable.
func (f *feed) store(mount, base string) *kv.Store {
	never := func(context.Context, time.Duration) error { return context.DeadlineExceeded }
	return kv.New(sender{f.client}, mount, base, backoff.Backoff{Sleep: never})
}

// verbs are all requests for an entry, with their endpoint.
var verbs = []struct {
	endpoint string
	send     func(ctx context.Context, s *kv.Store, entry kv.EntryName) error
}{
	{"data", func(ctx context.Context, s *kv.Store, entry kv.EntryName) error { return fails(s.Read(ctx, entry)) }},
	{"data", func(ctx context.Context, s *kv.Store, entry kv.EntryName) error {
		return fails(s.ReadVersion(ctx, entry, 1))
	}},
	{"data", func(ctx context.Context, s *kv.Store, entry kv.EntryName) error {
		return fails(s.Write(ctx, entry, 0, nil))
	}},
	{"metadata", func(ctx context.Context, s *kv.Store, entry kv.EntryName) error { return fails(s.Metadata(ctx, entry)) }},
	{"metadata", func(ctx context.Context, s *kv.Store, entry kv.EntryName) error { return fails(s.List(ctx, entry)) }},
	{"metadata", func(ctx context.Context, s *kv.Store, entry kv.EntryName) error {
		return s.PutCustomMetadata(ctx, entry, nil)
	}},
	{"metadata", func(ctx context.Context, s *kv.Store, entry kv.EntryName) error {
		return s.PatchCustomMetadata(ctx, entry, nil)
	}},
	{"metadata", func(ctx context.Context, s *kv.Store, entry kv.EntryName) error { return s.Delete(ctx, entry) }},
}

// FuzzPaths checks that a request goes to the entry that the names identify, or is not sent.
func FuzzPaths(f *testing.F) {
	f.Add("secret", "goblin-assistant", "openai-gpt4", "20251126T110000.120000000Z-v7-feb942056461604933ba4234c687044a")
	f.Add("team/secret", "a/b/c", "A.b_c-9", "9")
	fed := newFeed(f)
	f.Fuzz(func(t *testing.T, mount, base, provider, id string) {
		if kv.CheckPath("mount", mount) != nil || kv.CheckPath("base", base) != nil {
			return
		}
		for _, entry := range []kv.EntryName{{"providers", provider}, {"backups", provider}, {"backups", provider, id}} {
			safe := kv.CheckName("provider", provider) == nil && (len(entry) < 3 || kv.CheckName("id", id) == nil)
			for _, verb := range verbs {
				fed.sent = nil
				err := verb.send(t.Context(), fed.store(mount, base), entry)
				if safe {
					segments := append([]string{"", "v1"}, strings.Split(mount, "/")...)
					segments = append(append(append(segments, verb.endpoint), strings.Split(base, "/")...), entry...)
					checkStays(t, fed.sent, segments)
				} else if !errors.Is(err, vaulterr.ErrInvalid) || len(fed.sent) > 0 {
					t.Fatalf("entry %q: request to %q, %v, want none outside the entry", entry, fed.sent, err)
				}
			}
		}
	})
}

// checkStays checks that the sent path has these segments, however often a proxy unescapes and cleans
// it.
func checkStays(t *testing.T, sent, segments []string) {
	t.Helper()
	if len(sent) != 1 {
		t.Fatalf("%d requests were sent, want 1", len(sent))
	}
	read := sent[0]
	for range 3 {
		if got := strings.Split(path.Clean(read), "/"); !reflect.DeepEqual(got, segments) {
			t.Fatalf("path %s = %q after cleaning, want %q", sent[0], got, segments)
		}
		var err error
		if read, err = url.PathUnescape(read); err != nil {
			t.Fatal(err)
		}
	}
}

// FuzzCheckName checks that an accepted name does not change when a path is joined, cleaned, escaped or
// unescaped.
func FuzzCheckName(f *testing.F) {
	f.Add("openai-gpt4")
	f.Add("team/secret")
	f.Fuzz(func(t *testing.T, text string) {
		escaped, err := url.PathUnescape(text)
		plain := err == nil && escaped == text && url.PathEscape(text) == text && len(text) <= 128 &&
			path.Join("/base", text) == "/base/"+text && !strings.Contains(text, "/") && !strings.Contains(text, "..")
		if refusal := kv.CheckName("provider", text); refusal == nil && !plain {
			t.Fatalf("CheckName(%q) = nil, want an error", text)
		} else if refusal != nil && (!errors.Is(refusal, vaulterr.ErrInvalid) || len(refusal.Error()) > 1000) {
			t.Fatalf("CheckName(%.100q) = %v, want ErrInvalid with a short text", text, refusal)
		}
		if kv.CheckPath("base", text) != nil {
			return
		}
		for part := range strings.SplitSeq(text, "/") {
			if kv.CheckName("part", part) != nil || path.Clean("/"+text) != "/"+text {
				t.Fatalf("CheckPath(%q) = nil, want an error", text)
			}
		}
	})
}

const dataResponse = `{"request_id":"r","data":{"data":{"api_key":"fake"},"metadata":{"created_time":"2026-01-01T00:00:00.12Z","custom_metadata":null,"deletion_time":"","destroyed":false,"version":3}}}`

// FuzzDataResponse checks that only a version of a KV v2 entry is accepted, and that JSON of another
// shape is not requested again.
func FuzzDataResponse(f *testing.F) {
	f.Add(true, []byte(dataResponse))
	f.Add(false, []byte(strings.Replace(dataResponse, `{"api_key":"fake"}`, `null`, 1)))
	f.Add(false, []byte(`{"message":"no Route matched"}`))
	f.Add(false, []byte(`{"request_id":"r","data":null,"warnings":["Invalid path for a versioned K/V secrets engine."]}`))
	f.Add(true, []byte(`{"request_id":"r","data":{"created_time":"2026-01-01T00:00:00.12Z","destroyed":false,"version":3}}`))
	fed := newFeed(f)
	f.Fuzz(func(t *testing.T, found bool, body []byte) {
		fed.decoded(found, body)
		store, entry := fed.store("secret", "base"), kv.EntryName{"providers", "p"}
		secret, err := store.Read(t.Context(), entry)
		checkSecret(t, fed, secret, err)
		secret, err = store.ReadVersion(t.Context(), entry, 3)
		checkSecret(t, fed, secret, err)
		if secret.Version != 0 && secret.Version != 3 {
			t.Fatalf("ReadVersion(3) = version %d, %v, want version 3 or an error", secret.Version, err)
		}
		written, err := store.Write(t.Context(), entry, 2, nil)
		if err == nil && (!found || written.Version != 3 || versionNamed(body) != "3") || err != nil && written != (kv.Written{}) {
			t.Fatalf("Write = %+v, %v for the response %q, want version 3 or nothing and an error", written, err, body)
		}
	})
}

// versionNamed returns the version in the response to a write, as text.
func versionNamed(body []byte) string {
	var decoded struct{ Data map[string]json.RawMessage }
	if json.NewDecoder(bytes.NewReader(body)).Decode(&decoded) != nil {
		return ""
	}
	return string(decoded.Data["version"])
}

func (f *feed) decoded(found bool, body []byte) {
	f.status, f.body = http.StatusNotFound, body
	if found {
		f.status = http.StatusOK
	}
}

func checkSecret(t *testing.T, fed *feed, secret kv.Secret, err error) {
	t.Helper()
	checkRefusal(t, fed, err)
	var whole any
	switch {
	case err == nil && (secret.Version < 1 || secret.Created.IsZero() || secret.Data == nil || json.Unmarshal(fed.body, &whole) != nil):
		t.Fatalf("Read = %+v, want an error", secret)
	case errors.Is(err, vaulterr.ErrDeleted) && secret.Version < 1:
		t.Fatalf("Read = deleted version %d, want a version from 1 on", secret.Version)
	case err != nil && secret.Data != nil:
		t.Fatalf("Read = %v with data %v, want no data", err, secret.Data)
	}
}

// checkRefusal checks that JSON is decoded, is ErrNotFound, or is refused without a retry. Only invalid
// JSON, or a 404 that is not Vault's, is worth a retry.
func checkRefusal(t *testing.T, fed *feed, err error) {
	t.Helper()
	missing := errors.Is(err, vaulterr.ErrNotFound) || errors.Is(err, vaulterr.ErrDeleted) || errors.Is(err, vaulterr.ErrMountNotFound)
	refused := errors.Is(err, vaulterr.ErrNotKVv2)
	switch {
	case fed.status == http.StatusNotFound && !fed.speaksForVault() && !errors.Is(err, vaulterr.ErrUnavailable):
		t.Fatalf("Read with a proxy's 404 = %v, want ErrUnavailable", err)
	case fed.status == http.StatusNotFound && fed.speaksForVault() && !missing && !refused:
		t.Fatalf("Read with Vault's 404 = %v, want ErrNotFound or ErrDeleted", err)
	case fed.status == http.StatusOK && json.Valid(fed.body) && err != nil && !refused:
		t.Fatalf("Read with JSON of another shape = %v, want ErrNotKVv2", err)
	}
}

// speaksForVault reports whether a 404 has what Vault's own has: a list of errors, a version, or
// warnings.
func (f *feed) speaksForVault() bool {
	var first, whole struct {
		Errors, Warnings []string
		Data             struct{ Metadata struct{ Version int } }
	}
	if err := json.NewDecoder(bytes.NewReader(f.body)).Decode(&api.ErrorResponse{}); err != nil {
		return false
	}
	_ = json.NewDecoder(bytes.NewReader(f.body)).Decode(&first)
	fits := json.Unmarshal(f.body, &whole) == nil
	return first.Errors != nil || fits && (len(whole.Warnings) > 0 || whole.Data.Metadata.Version > 0)
}

// FuzzMetadataResponse checks that only the metadata of a KV v2 entry, or a list, is accepted: the rule
// would decide by it.
func FuzzMetadataResponse(f *testing.F) {
	f.Add([]byte(`{"data":{"created_time":"2026-01-01T00:00:00.12Z","current_version":2,"custom_metadata":{"actor":"ci"},"oldest_version":0,` +
		`"versions":{"1":{"created_time":"2026-01-01T00:00:00.12Z"},"2":{"created_time":"2026-01-02T00:00:00Z"}}}}`))
	f.Add([]byte(`{"data":{"keys":["a","b/"]}}`))
	fed := newFeed(f)
	f.Fuzz(func(t *testing.T, body []byte) {
		fed.decoded(true, body)
		store, entry := fed.store("secret", "base"), kv.EntryName{"providers", "p"}
		meta, err := store.Metadata(t.Context(), entry)
		checkRefusal(t, fed, err)
		if err == nil && (meta.Created.IsZero() || meta.Current < 0) {
			t.Fatalf("Metadata = %+v, want an error", meta)
		}
		if again, err2 := store.Metadata(t.Context(), entry); !reflect.DeepEqual(again, meta) || (err == nil) != (err2 == nil) {
			t.Fatalf("Metadata = %+v, %v, then %+v, %v, want the same", meta, err, again, err2)
		}
		names, err := store.List(t.Context(), entry)
		checkRefusal(t, fed, err)
		if err == nil && names == nil {
			t.Fatal("List = an empty list, want an error")
		}
	})
}
