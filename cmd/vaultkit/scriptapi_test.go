//go:build unix

package main

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
)

// api starts a stand-in of a provider's API with OpenAI's list of models. It accepts the keys
// that the file names, one on each line, and answers 401 to others. The file may have a line
// "status N": then it answers N to every request. Its URL is in the variable. The bodies contain
// the key; those of errors also control a terminal.
func (s *script) api(args []string) {
	variable, path := args[0], s.MkAbs(args[1])
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		text, _ := os.ReadFile(path) // a missing file accepts no key
		key := strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer ")
		status := http.StatusUnauthorized
		for line := range strings.Lines(string(text)) {
			line = strings.TrimSpace(line)
			if n, err := fmt.Sscanf(line, "status %d", &status); n == 1 && err == nil {
				break
			}
			if key != "" && line == key && r.URL.Path == "/v1/models" {
				status = http.StatusOK
			}
		}
		w.WriteHeader(status)
		if status != http.StatusOK {
			fmt.Fprintf(w, "\x1b[31m%s", key)
			return
		}
		fmt.Fprintf(w, `{"object": "list", "data": [], "you_sent": %q}`, key)
	}))
	s.t.Cleanup(server.Close)
	s.Setenv(variable, server.URL)
}
