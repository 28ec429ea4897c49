package session

import (
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/hashicorp/vault/api"
)

// The official client follows one redirect, and would take the answer to it for a success.
func TestRevealFailures_MakesARedirectAFailure(t *testing.T) {
	for status, want := range map[int]int{
		http.StatusOK:                http.StatusOK,
		http.StatusNoContent:         http.StatusNoContent,
		http.StatusMultipleChoices:   http.StatusServiceUnavailable,
		http.StatusTemporaryRedirect: http.StatusServiceUnavailable,
		399:                          http.StatusServiceUnavailable,
		http.StatusBadRequest:        http.StatusBadRequest,
	} {
		response := &api.Response{Response: &http.Response{StatusCode: status, Body: io.NopCloser(strings.NewReader(""))}}
		if revealFailures(response); response.StatusCode != want {
			t.Errorf("revealFailures makes %d of status %d, want %d", response.StatusCode, status, want)
		}
	}
}
