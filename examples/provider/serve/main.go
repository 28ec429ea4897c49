// Command serve runs the stand-in of a provider's API, to try the examples with. It writes the
// first key to a file, and logs every five seconds what it has counted.
package main

import (
	"context"
	"flag"
	"fmt"
	"log"
	"net/http"
	"os"
	"os/signal"
	"time"

	"goblin/vaultkit/examples/provider"
)

func main() {
	address := flag.String("listen", "localhost:8090", "address to listen on")
	first := flag.String("first-key", "", "file to write the first key to, with its id in FILE.id (default: none)")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, *address, *first); err != nil {
		log.Fatal(err) //nolint:gocritic // stop has nothing left to do
	}
}

func run(ctx context.Context, address, first string) error {
	adminKey := os.Getenv("PROVIDER_ADMIN_KEY")
	if adminKey == "" {
		return fmt.Errorf("set PROVIDER_ADMIN_KEY to the key that may issue and revoke keys")
	}
	api := provider.New(adminKey, 100*time.Millisecond)
	if first != "" {
		id, key := api.Issue("first")
		for path, text := range map[string]string{first: key, first + ".id": id} {
			if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
				return err
			}
		}
	}
	server := &http.Server{Addr: address, Handler: api, ReadHeaderTimeout: 10 * time.Second}
	context.AfterFunc(ctx, func() { _ = server.Close() })
	go report(ctx, api)
	if err := server.ListenAndServe(); ctx.Err() == nil {
		return err
	}
	return nil
}

func report(ctx context.Context, api *provider.API) {
	for tick := time.NewTicker(5 * time.Second); ; {
		select {
		case <-tick.C:
			calls := api.Calls()
			log.Printf("answered: %d, with a dead key: %d, with an unknown key: %d", calls.Answered, calls.Dead, calls.Unknown)
		case <-ctx.Done():
			return
		}
	}
}
