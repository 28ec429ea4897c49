// Package provider is a stand-in for the API of an AI provider. It issues and revokes keys like
// OpenAI's admin API, answers questions, and counts the calls with a key that is revoked or that it
// never issued. The examples and their tests use it in place of a real provider.
package provider

import (
	"crypto/rand"
	"crypto/subtle"
	"encoding/json"
	"net/http"
	"strings"
	"sync"
	"time"
)

// API is the stand-in. It is an http.Handler:
//
//	POST   /v1/admin/keys       {"name": "…"}  issues a key:     {"id": "…", "key": "…"}
//	DELETE /v1/admin/keys/{id}                 revokes a key; 404 with {"error": "no such key", "id": "…"} if there is none
//	GET    /v1/models                          is free: 200 for a key that works, else 401
//	POST   /v1/answers          {"question": "…"}                {"answer": "…"}
//
// The admin endpoints take the admin key, the others a key that was issued, both as a Bearer token.
type API struct {
	adminKey string
	delay    time.Duration
	mux      *http.ServeMux

	mu    sync.Mutex
	keys  map[string]*issued // by id
	calls Calls
}

type issued struct {
	name, key      string
	works          time.Time // from when on
	revoked, asked bool
}

// Calls counts the calls of /v1/answers.
type Calls struct {
	Answered int // with a key that works
	Dead     int // with a revoked key
	Unknown  int // with a key that was never issued, or does not work yet
	Keys     int // that answered a call
}

// New returns the API. An issued key starts to work after the delay, as keys of real providers do.
func New(adminKey string, delay time.Duration) *API {
	a := &API{adminKey: adminKey, delay: delay, mux: http.NewServeMux(), keys: make(map[string]*issued)}
	a.mux.HandleFunc("POST /v1/admin/keys", a.issue)
	a.mux.HandleFunc("DELETE /v1/admin/keys/{id}", a.revoke)
	a.mux.HandleFunc("GET /v1/models", a.models)
	a.mux.HandleFunc("POST /v1/answers", a.answer)
	return a
}

func (a *API) ServeHTTP(w http.ResponseWriter, r *http.Request) { a.mux.ServeHTTP(w, r) }

// Issue issues a key without a request, for the start of a test.
func (a *API) Issue(name string) (id, key string) {
	id, key = "key_"+rand.Text(), "sk-standin-"+rand.Text()
	a.mu.Lock()
	defer a.mu.Unlock()
	a.keys[id] = &issued{name: name, key: key, works: time.Now().Add(a.delay)}
	return id, key
}

// Calls returns what was counted so far.
func (a *API) Calls() Calls {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.calls
}

// Working returns the names of the keys that are not revoked.
func (a *API) Working() (names []string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, k := range a.keys {
		if !k.revoked {
			names = append(names, k.name)
		}
	}
	return names
}

func (a *API) issue(w http.ResponseWriter, r *http.Request) {
	var asked struct{ Name string }
	switch {
	case !a.isAdmin(r):
		http.Error(w, "wrong admin key", http.StatusUnauthorized)
	case json.NewDecoder(http.MaxBytesReader(w, r.Body, 1<<16)).Decode(&asked) != nil || asked.Name == "":
		http.Error(w, "give the key a name", http.StatusBadRequest)
	default:
		id, key := a.Issue(asked.Name)
		respond(w, http.StatusOK, map[string]string{"id": id, "key": key})
	}
}

func (a *API) revoke(w http.ResponseWriter, r *http.Request) {
	if !a.isAdmin(r) {
		http.Error(w, "wrong admin key", http.StatusUnauthorized)
		return
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	key := a.keys[r.PathValue("id")]
	if key == nil || key.revoked {
		respond(w, http.StatusNotFound, map[string]string{"error": "no such key", "id": r.PathValue("id")})
		return
	}
	key.revoked = true
	w.WriteHeader(http.StatusNoContent)
}

func (a *API) models(w http.ResponseWriter, r *http.Request) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if key := a.find(r); key == nil || key.revoked || time.Now().Before(key.works) {
		http.Error(w, "this key does not work", http.StatusUnauthorized)
		return
	}
	respond(w, http.StatusOK, map[string][]string{"models": {"example-1"}})
}

func (a *API) answer(w http.ResponseWriter, r *http.Request) {
	if a.count(r) {
		respond(w, http.StatusOK, map[string]string{"answer": "42"})
		return
	}
	http.Error(w, "this key does not work", http.StatusUnauthorized)
}

// count counts a call, and reports whether its key works.
func (a *API) count(r *http.Request) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	key := a.find(r)
	switch {
	case key == nil || time.Now().Before(key.works):
		a.calls.Unknown++
		return false
	case key.revoked:
		a.calls.Dead++
		return false
	}
	a.calls.Answered++
	if !key.asked {
		key.asked = true
		a.calls.Keys++
	}
	return true
}

// find returns the key of a request; nil: it was never issued.
func (a *API) find(r *http.Request) *issued {
	token := bearer(r)
	for _, key := range a.keys {
		if key.key == token {
			return key
		}
	}
	return nil
}

func (a *API) isAdmin(r *http.Request) bool {
	return subtle.ConstantTimeCompare([]byte(bearer(r)), []byte(a.adminKey)) == 1
}

func bearer(r *http.Request) string {
	token, _ := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	return token
}

func respond(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body) // the client has gone: nothing to do
}
