package vaultkit_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"net/http"
	"strings"
	"time"

	"goblin/vaultkit"
)

// A scheduled job asks which keys are due, under the monitor's policy: it cannot
// read a key.
func ExampleClient_Status() {
	client := exampleClient()
	defer client.Close()
	ctx := context.Background()

	_, err := client.Rotate(ctx, "deepseek", vaultkit.NewKey("fake-2"), vaultkit.WithExpiresAt(time.Now().AddDate(0, 0, 5)))
	if err != nil {
		log.Fatal(err)
	}
	for status, err := range client.Status(ctx, vaultkit.StatusQuery{
		Providers: []string{"deepseek", "fireworks"},
		DueWithin: 7 * 24 * time.Hour,
		MaxAge:    90 * 24 * time.Hour, // quarterly; in development monthly
	}) {
		if err != nil {
			log.Fatal(err)
		}
		fmt.Printf("%s version %d: due %q\n", status.Provider, status.Version, status.Due)
	}
	// Output:
	// deepseek version 2: due "expiring"
	// fireworks version 1: due ""
}

// retirer stands for a provider's API that revokes keys.
type retirer struct{}

func (retirer) Revoke(_ context.Context, target vaultkit.Target, keys vaultkit.ProviderKeys) error {
	fmt.Println("revoked the old", keys.Fields(), "of", target.Provider)
	return nil
}

// The new key works everywhere: the old one is revoked at the provider, and the
// history says so.
func ExampleClient_RevokeOld() {
	client := exampleClient()
	defer client.Close()
	ctx := context.Background()

	rotation, err := client.Rotate(ctx, "fireworks", vaultkit.NewKey("fake-fireworks-2"))
	if err != nil {
		log.Fatal(err)
	}
	if _, err := client.RevokeOld(ctx, "fireworks", rotation.ID, retirer{}, vaultkit.RevokedBy("release job 42")); err != nil {
		log.Fatal(err)
	}
	history, err := client.History(ctx, "fireworks")
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("by", history[0].Revocation.Actor)

	// The key that was revoked does not come back by accident.
	_, err = client.Rollback(ctx, "fireworks", rotation.Backup)
	fmt.Println("refused:", errors.Is(err, vaultkit.ErrInvalid))
	// Output:
	// revoked the old [api_key] of fireworks
	// by release job 42
	// refused: true
}

// lastBreath is a network on which a program dies before its commit is sent.
type lastBreath struct {
	http.RoundTripper
	die context.CancelFunc
}

func (l lastBreath) RoundTrip(request *http.Request) (*http.Response, error) {
	if request.Method == http.MethodPut && strings.HasSuffix(request.URL.Path, "/providers/perplexity") {
		l.die()
		return nil, errors.New("connection lost")
	}
	return l.RoundTripper.RoundTrip(request)
}

// A rotation died after its backup, and shall never happen: the fence makes sure
// of it, even against a commit that is still on its way.
func ExampleClient_Abort() {
	ctx, die := context.WithCancel(context.Background())
	unlucky := exampleClient(vaultkit.WithTransport(func(next http.RoundTripper) http.RoundTripper {
		return lastBreath{next, die}
	}))
	_, err := unlucky.Rotate(ctx, "perplexity", vaultkit.NewKey("fake-2"))
	fmt.Println("undetermined:", errors.Is(err, vaultkit.ErrUndetermined))
	unlucky.Close()

	client := exampleClient()
	defer client.Close()
	found, err := client.Recover(context.Background(), "perplexity")
	if err != nil {
		log.Fatal(err)
	}
	for _, rotation := range found {
		fmt.Println(rotation.Outcome)
		aborted, err := client.Abort(context.Background(), rotation.Provider, rotation.ID)
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(aborted.Outcome+",", aborted.Cause)
	}
	// Output:
	// undetermined: true
	// undecided
	// aborted, fenced by version 2
}

// Old backups go, values included; their records stay.
func ExampleClient_PruneBackups() {
	client := exampleClient()
	defer client.Close()
	ctx := context.Background()

	for range 3 {
		if _, err := client.Rotate(ctx, "xai", vaultkit.RandomKey()); err != nil {
			log.Fatal(err)
		}
	}
	pruned, err := client.PruneBackups(ctx, "xai", vaultkit.PruneLimits{KeepNewest: 2})
	if err != nil {
		log.Fatal(err)
	}
	for _, backup := range pruned {
		fmt.Println("the backup of version", backup.Version, "is gone")
	}
	// Output: the backup of version 1 is gone
}

// Every development key gets a random successor. One that fails does not stop the
// others.
func ExampleClient_RotateAll() {
	client := exampleClient()
	defer client.Close()

	for one := range client.RotateAll(context.Background(), 4, []string{"mistral", "nobody"}, vaultkit.RandomKey()) {
		switch {
		case errors.Is(one.Err, vaultkit.ErrNotFound):
			fmt.Println(one.Provider, "is not there")
		case one.Err != nil:
			log.Fatal(one.Err)
		default:
			fmt.Println(one.Provider, one.Rotation.Outcome)
		}
	}
	// Output:
	// mistral committed
	// nobody is not there
}
