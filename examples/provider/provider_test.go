package provider_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"goblin/vaultkit/examples/provider"
)

// send returns the status of a call.
func send(t *testing.T, api *provider.API, method, path, key, body string) (status int, text string) {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), method, path, strings.NewReader(body))
	r.Header.Set("Authorization", "Bearer "+key)
	w := httptest.NewRecorder()
	api.ServeHTTP(w, r)
	return w.Code, w.Body.String()
}

func TestAPI_CountsCallsByKey(t *testing.T) {
	api := provider.New("fake-admin-key", 0)
	_, text := send(t, api, http.MethodPost, "/v1/admin/keys", "fake-admin-key", `{"name": "mine"}`)
	var made struct{ ID, Key string }
	if err := json.Unmarshal([]byte(text), &made); err != nil || made.ID == "" || made.Key == "" {
		t.Fatalf("POST /v1/admin/keys responds with %d bytes, %v, want an id and a key", len(text), err)
	}
	for _, call := range []struct {
		method, path, key string
		want              int
	}{
		{http.MethodGet, "/v1/models", made.Key, 200},
		{http.MethodPost, "/v1/answers", made.Key, 200},
		{http.MethodPost, "/v1/answers", "other", 401},
		{http.MethodPost, "/v1/admin/keys", made.Key, 401},
		{http.MethodDelete, "/v1/admin/keys/" + made.ID, made.Key, 401},
		{http.MethodDelete, "/v1/admin/keys/" + made.ID, "fake-admin-key", 204},
		{http.MethodDelete, "/v1/admin/keys/" + made.ID, "fake-admin-key", 404},
		{http.MethodGet, "/v1/models", made.Key, 401},
		{http.MethodPost, "/v1/answers", made.Key, 401},
	} {
		if got, _ := send(t, api, call.method, call.path, call.key, "{}"); got != call.want {
			t.Errorf("%s %s = %d, want %d", call.method, call.path, got, call.want)
		}
	}
	gone := "/v1/admin/keys/" + made.ID
	if _, got := send(t, api, http.MethodDelete, gone, "fake-admin-key", ""); got != `{"error":"no such key","id":"`+made.ID+"\"}\n" {
		t.Errorf("DELETE %s, again = %q, want that this key does not exist", gone, got)
	}
	if got, want := api.Calls(), (provider.Calls{Answered: 1, Dead: 1, Unknown: 1, Keys: 1}); got != want {
		t.Errorf("Calls() = %+v, want %+v", got, want)
	}
	if names := api.Working(); len(names) != 0 {
		t.Errorf("Working() = %q, want none", names)
	}
}

func TestAPI_KeysStartToWorkAfterTheDelay(t *testing.T) {
	api := provider.New("fake-admin-key", time.Hour)
	_, key := api.Issue("mine")
	if got, _ := send(t, api, http.MethodGet, "/v1/models", key, ""); got != 401 {
		t.Errorf("GET /v1/models before the delay = %d, want 401", got)
	}
}
