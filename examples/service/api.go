package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"
)

// api calls the provider's API with one key. It is made anew when the key changes, so that a request
// uses one key from its start to its end.
type api struct {
	url    string
	key    string
	client *http.Client
}

// newAPI returns an api. A redirect could send the key to another host, so it is not followed.
func newAPI(url, key string) *api {
	return &api{url: url, key: key, client: &http.Client{
		Transport:     http.DefaultTransport.(*http.Transport).Clone(), // connections of its own, which Close can end
		Timeout:       10 * time.Second,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
}

// errKeyRefused reports that the provider's API does not accept the key.
var errKeyRefused = errors.New("the provider's API refused the key")

// ask sends a question. Its errors contain neither the key nor the response.
func (a *api) ask(ctx context.Context, question string) (answer string, err error) {
	body, err := json.Marshal(map[string]string{"question": question})
	if err != nil {
		return "", err
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, a.url+"/v1/answers", bytes.NewReader(body))
	if err != nil {
		return "", errors.New("PROVIDER_URL is not a URL")
	}
	request.Header.Set("Authorization", "Bearer "+a.key)
	request.Header.Set("Content-Type", "application/json")
	response, err := a.client.Do(request)
	if err != nil { // whose text may repeat what a server sent
		return "", errors.Join(errors.New("no response of the provider's API"), ctx.Err())
	}
	defer response.Body.Close()
	limited := io.LimitReader(response.Body, 1<<20)
	var answered struct{ Answer string }
	switch {
	case response.StatusCode == http.StatusUnauthorized:
		return "", errKeyRefused
	case response.StatusCode != http.StatusOK:
		return "", fmt.Errorf("the provider's API responds with status %d", response.StatusCode)
	case json.NewDecoder(limited).Decode(&answered) != nil:
		return "", errors.New("the response of the provider's API cannot be read")
	}
	_, _ = io.Copy(io.Discard, limited) // so that the connection can be used again
	return answered.Answer, nil
}

func (a *api) close() { a.client.CloseIdleConnections() }
