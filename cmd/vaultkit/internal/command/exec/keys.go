//go:build unix

package exec

import (
	"context"
	"errors"
	"os"
	"slices"
	"sync"

	"goblin/vaultkit"
	"goblin/vaultkit/cmd/vaultkit/internal/envquery"
	"goblin/vaultkit/cmd/vaultkit/internal/exitcode"
	"goblin/vaultkit/cmd/vaultkit/internal/terminal"
)

// keys reads the variables of the command, and watches their providers.
//
// The client has no cache: when a watch yields a key, a read of the others finds what
// was rotated together with it, which a cache would show only within the interval.
type keys struct {
	o         *Options
	client    *vaultkit.Client
	variables []string // for the start of the command
	problems  *problems

	mu        sync.Mutex
	readable  []string // the providers of the last read that left no new one out, if every provider is meant
	followed  map[string]bool
	following sync.WaitGroup
	follow    func(provider string)
}

func newKeys(o *Options) *keys {
	return &keys{o: o, problems: newProblems(o.IO), followed: make(map[string]bool)}
}

// first reads the variables for the start of the command. A provider that does not exist is
// an error, and what has no variable is reported.
func (k *keys) first(ctx context.Context, client *vaultkit.Client) (err error) {
	k.client = client
	query := k.o.Query
	defer envquery.Report(k.o.IO, &query)()
	if k.variables, err = client.Environ(ctx, query); err != nil {
		return err
	}
	if len(query.Providers) == 0 {
		if k.readable, err = client.Providers(ctx); err != nil {
			return err
		}
	}
	if k.o.Watch.Out == "" {
		return nil
	}
	_, err = k.writeFile(ctx, query)
	return err
}

// read reads the variables again. Those of a provider that is deleted are left out.
func (k *keys) read(ctx context.Context) (variables []string, err error) {
	leftOut, err := k.skipUnusable(func(query vaultkit.EnvQuery) (err error) {
		variables, err = k.client.Environ(ctx, query)
		return err
	})
	if err == nil {
		err = k.followNew(ctx, leftOut)
	}
	if ctx.Err() == nil {
		k.problems.report("", err)
	}
	return variables, err
}

// write writes the file again, and returns the names of its variables.
func (k *keys) write(ctx context.Context) (names []string, err error) {
	_, err = k.skipUnusable(func(query vaultkit.EnvQuery) (err error) {
		names, err = k.writeFile(ctx, query)
		return err
	})
	return names, err
}

func (k *keys) writeFile(ctx context.Context, query vaultkit.EnvQuery) (names []string, err error) {
	if os.Getenv("GITHUB_ACTIONS") == "true" {
		query.Masks = terminal.StrictWriter{Stream: k.o.IO.Out}
	}
	return k.client.WriteEnvFile(ctx, k.o.Watch.Out, k.o.Watch.Format, query)
}

// skipUnusable calls read with the query. A new provider whose variables collide with those of
// another one, or that the token cannot read, must not keep the other keys from the command: then it
// calls read without new providers, and reports that they are left out.
func (k *keys) skipUnusable(read func(vaultkit.EnvQuery) error) (leftOut bool, err error) {
	query := k.o.Query
	query.Providers = slices.Clone(query.Providers)
	query.Skipped = func(string, string, error) {} // reported at the start
	err = skipDeleted(query, read)
	if len(k.o.Query.Providers) > 0 || !errors.Is(err, vaultkit.ErrInvalid) && !errors.Is(err, vaultkit.ErrPermissionDenied) {
		return false, err
	}
	k.mu.Lock()
	query.Providers = slices.Clone(k.readable)
	k.mu.Unlock()
	if skipDeleted(query, read) != nil {
		return false, err
	}
	k.problems.leftOut(err)
	return true, nil
}

// skipDeleted calls read with the query, again without each named provider that is deleted.
func skipDeleted(query vaultkit.EnvQuery, read func(vaultkit.EnvQuery) error) error {
	for {
		err := read(query)
		failed, ok := errors.AsType[*vaultkit.Error](err)
		if !ok || !exitcode.IsGone(err) || !slices.Contains(query.Providers, failed.Provider) {
			return err
		}
		query.Providers = slices.DeleteFunc(query.Providers, func(name string) bool { return name == failed.Provider })
		if len(query.Providers) == 0 {
			return nil // and not every provider, as for a query without names
		}
	}
}

// watchAll watches the providers until ctx ends, and calls notice whenever the secret of
// one may be a new one.
func (k *keys) watchAll(ctx context.Context, notice func()) {
	k.follow = func(provider string) {
		for _, err := range k.client.Watch(ctx, provider) {
			if exitcode.IsGone(err) {
				err = nil // the read that notice causes reports it
			}
			if k.problems.report(provider, err); err == nil {
				notice()
			}
		}
	}
	k.start(k.o.Query.Providers)
	k.following.Go(notice) // without names, the first read finds what to follow
}

// followNew watches the providers that are new since the last call, if every provider is
// meant.
func (k *keys) followNew(ctx context.Context, leftOut bool) error {
	if len(k.o.Query.Providers) > 0 {
		return nil
	}
	names, err := k.client.Providers(ctx)
	if err == nil && !leftOut {
		k.mu.Lock()
		k.readable = names
		k.mu.Unlock()
	}
	k.start(names)
	return err
}

func (k *keys) start(providers []string) {
	k.mu.Lock()
	defer k.mu.Unlock()
	for _, provider := range providers {
		if !k.followed[provider] {
			k.followed[provider] = true
			k.following.Go(func() { k.follow(provider) })
		}
	}
}
