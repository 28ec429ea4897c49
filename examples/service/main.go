// Command service is an HTTP service that calls a provider's API with a key from Vault. Its key is
// rotated while it runs, and none of its requests notices.
//
//	POST /ask      {"question": "…"}
//	GET  /live     the process runs
//	GET  /ready    the service has a key
//	GET  /metrics  for Prometheus
//
// The connection to Vault comes from the variables that the vaultkit command uses. PROVIDER_URL is the
// provider's API.
package main

import (
	"context"
	"errors"
	"flag"
	"log"
	"net"
	"net/http"
	"os"
	"os/signal"
	"sync"
	"syscall"
	"time"

	"goblin/vaultkit"
)

func main() {
	address := flag.String("listen", "localhost:8091", "address to listen on")
	provider := flag.String("provider", "example", "name of the provider in Vault")
	ttl := flag.Duration("ttl", time.Minute, "how old a cached key may be")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := listen(ctx, *address, config{*provider, os.Getenv("PROVIDER_URL"), *ttl})
	stop()
	if err != nil {
		log.Fatal(err)
	}
}

func listen(ctx context.Context, address string, config config) error {
	if config.providerURL == "" {
		return errors.New("set PROVIDER_URL")
	}
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", address)
	if err != nil {
		return err
	}
	return run(ctx, listener, config)
}

// run serves until ctx ends. The server starts first, so that probes get a response while the service
// waits for Vault.
func run(ctx context.Context, listener net.Listener, config config) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	s := newService(config)
	server := &http.Server{Handler: s.routes(), ReadTimeout: 10 * time.Second, WriteTimeout: 30 * time.Second, IdleTimeout: time.Minute}
	ended := make(chan error, 2)
	go func() { ended <- server.Serve(listener) }()
	var starting sync.WaitGroup
	starting.Go(func() {
		if err := s.start(ctx, vaultkit.WithEnvironment()); err != nil {
			ended <- err
		}
	})
	var failed error
	select {
	case failed = <-ended:
	case <-ctx.Done():
	}
	cancel()
	starting.Wait()
	// Requests that are running get time to end. Only then is the client closed.
	shutdown, stop := context.WithTimeout(context.WithoutCancel(ctx), 15*time.Second)
	defer stop()
	err := server.Shutdown(shutdown)
	s.close()
	return errors.Join(failed, err)
}
