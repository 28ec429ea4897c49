// Package authtest compares the in-process Vault with a real one: it sends both the same
// requests and reports the first difference between their responses. Only tests import it.
package authtest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"path"
	"testing"

	"goblin/vaultkit/internal/vaulttest"
)

// Call is a request, which both servers get.
type Call struct {
	Method string
	Path   string // below /v1/
	Token  string
	Body   any
	Wrap   string // X-Vault-Wrap-TTL
}

// Answer is a response.
type Answer struct {
	Status int
	Body   any // decoded, numbers as json.Number; nil if empty
}

// serverFunc answers requests.
type serverFunc func(testing.TB, Call) Answer

// realServer returns the package's real server.
func realServer(t testing.TB) serverFunc {
	t.Helper()
	client := &http.Client{Transport: &http.Transport{}}
	t.Cleanup(client.CloseIdleConnections)
	return over(client, vaulttest.Server().Addr())
}

// over returns a server that a client reaches.
func over(client *http.Client, address string) serverFunc {
	return func(t testing.TB, c Call) Answer {
		t.Helper()
		response, err := client.Do(c.request(t, address))
		if err != nil {
			t.Fatal(err)
		}
		return read(t, response)
	}
}

func (c Call) request(t testing.TB, address string) *http.Request {
	t.Helper()
	var body io.Reader
	if c.Body != nil {
		text, err := json.Marshal(c.Body)
		if err != nil {
			t.Fatal(err)
		}
		body = bytes.NewReader(text)
	}
	request, err := http.NewRequestWithContext(t.Context(), c.Method, address+"/v1/"+c.Path, body)
	if err != nil {
		t.Fatal(err)
	}
	if c.Token != "" {
		request.Header.Set("X-Vault-Token", c.Token)
	}
	if c.Method == http.MethodPatch {
		request.Header.Set("Content-Type", "application/merge-patch+json")
	}
	if c.Wrap != "" {
		request.Header.Set("X-Vault-Wrap-TTL", c.Wrap)
	}
	return request
}

func read(t testing.TB, response *http.Response) Answer {
	t.Helper()
	defer response.Body.Close()
	content, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	answer := Answer{Status: response.StatusCode}
	if len(content) == 0 {
		return answer
	}
	decoder := json.NewDecoder(bytes.NewReader(content))
	decoder.UseNumber()
	if err := decoder.Decode(&answer.Body); err != nil {
		t.Fatalf("%s: %v", response.Status, err)
	}
	return answer
}

// Get returns the value at a path of keys, or nil.
func (a Answer) Get(keys ...string) any {
	value := a.Body
	for _, key := range keys {
		object, _ := value.(map[string]any)
		value = object[key]
	}
	return value
}

// Text is Get for a string.
func (a Answer) Text(keys ...string) string {
	text, _ := a.Get(keys...).(string)
	return text
}

// String returns the status and the body.
func (a Answer) String() string {
	if a.Body == nil {
		return fmt.Sprint(a.Status)
	}
	text, _ := json.Marshal(a.Body) // it was decoded from JSON
	return fmt.Sprintf("%d %s", a.Status, text)
}

// Below returns the call with its path below a directory, and the root token if it has no
// token. A path may leave the directory by "..".
func (c Call) Below(directory string) Call {
	c.Path = path.Join(directory, c.Path)
	if c.Token == "" {
		c.Token = "token 0"
	}
	return c
}
