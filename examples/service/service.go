package main

import (
	"context"
	"encoding/json"
	"errors"
	"log"
	"net/http"
	"sync/atomic"
	"time"

	"goblin/vaultkit"
)

// config is what the service is started with.
type config struct {
	provider    string // its name in Vault
	providerURL string
	ttl         time.Duration // how old a cached key may be; the rotator must wait for longer
}

// service answers questions with the provider's API.
type service struct {
	config  config
	metrics *metrics
	started atomic.Pointer[started] // nil: there is no key yet
}

// started is what the service has once there is a key.
type started struct {
	client *vaultkit.Client
	api    *vaultkit.Updater[*api]
}

func newService(config config) *service { return &service{config: config, metrics: newMetrics()} }

// start connects to Vault, and blocks until there is a key. If Vault is down, it waits as long as ctx
// lives; a refused login is an error at once.
func (s *service) start(ctx context.Context, options ...vaultkit.Option) error {
	options = append(options,
		// The key is in memory: no request waits for Vault, and an outage of a day is not noticed.
		vaultkit.WithCache(s.config.ttl, 24*time.Hour),
		vaultkit.WithProviders(s.config.provider),
		vaultkit.WithObserver(s.metrics.observe))
	client, err := vaultkit.New(ctx, options...)
	if err != nil {
		return err
	}
	updater, err := vaultkit.NewUpdater(ctx, client, s.config.provider, vaultkit.UpdaterConfig[*api]{
		Build: func(_ context.Context, keys vaultkit.ProviderKeys) (*api, error) {
			if keys.APIKey() == "" { // the updater keeps the key before
				return nil, errors.New("the secret has no api_key")
			}
			return newAPI(s.config.providerURL, keys.APIKey()), nil
		},
		Close:  (*api).close,
		Failed: func(err error) { log.Print("the key in use may not be the newest: ", err) },
	})
	if err != nil {
		return errors.Join(err, client.Close())
	}
	s.metrics.alarm(func() bool { return client.Health().OK() })
	s.started.Store(&started{client, updater})
	return nil
}

// close ends the updater and the client. Call it when no request is running any more.
func (s *service) close() {
	if running := s.started.Load(); running != nil {
		running.api.Close()
		_ = running.client.Close() // always nil
	}
}

func (s *service) routes() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /live", func(http.ResponseWriter, *http.Request) {}) // the process runs
	mux.HandleFunc("GET /ready", s.ready)
	mux.HandleFunc("POST /ask", s.ask)
	mux.Handle("GET /metrics", s.metrics.handler())
	return mux
}

// ready responds with 200 if the service has a key. It asks nobody, so it is as fast during an outage.
func (s *service) ready(w http.ResponseWriter, _ *http.Request) {
	if running := s.started.Load(); running == nil || !running.client.Health().Ready() {
		http.Error(w, "no key yet", http.StatusServiceUnavailable)
	}
}

func (s *service) ask(w http.ResponseWriter, r *http.Request) {
	running := s.started.Load()
	var asked struct{ Question string }
	switch {
	case running == nil:
		http.Error(w, "no key yet", http.StatusServiceUnavailable)
		return
	case json.NewDecoder(http.MaxBytesReader(w, r.Body, 1<<16)).Decode(&asked) != nil || asked.Question == "":
		http.Error(w, `send {"question": "…"}`, http.StatusBadRequest)
		return
	}
	answer, err := running.answer(r.Context(), asked.Question)
	if err != nil {
		s.metrics.answers.WithLabelValues("failed").Inc()
		log.Print("no answer: ", err)
		http.Error(w, "the provider does not answer", http.StatusBadGateway)
		return
	}
	s.metrics.answers.WithLabelValues("ok").Inc()
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(map[string]string{"answer": answer}) // the caller has gone: nothing to do
}

// answer asks with the newest key. If somebody revoked that key at once, and not after a while as the
// rotator does, it asks again with the one that has replaced it.
func (s *started) answer(ctx context.Context, question string) (string, error) {
	current := s.api.Get()
	answer, err := current.ask(ctx, question)
	if newest := s.api.Get(); errors.Is(err, errKeyRefused) && newest != current {
		return newest.ask(ctx, question)
	}
	return answer, err
}
