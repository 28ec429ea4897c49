package vaultkit_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"goblin/vaultkit"
	"goblin/vaultkit/event"
	"goblin/vaultkit/internal/clienttest"
	"goblin/vaultkit/internal/faultproxy"
	"goblin/vaultkit/internal/logbuffer"
	"goblin/vaultkit/internal/vaulttest"
)

// watch sends what Watch yields, as text, until ctx ends.
func watch(ctx context.Context, client *vaultkit.Client, provider string) <-chan string {
	told := make(chan string, 100)
	go func() {
		defer close(told)
		for keys, err := range client.Watch(ctx, provider) {
			deleted, down := errors.Is(err, vaultkit.ErrDeleted), errors.Is(err, vaultkit.ErrUnavailable)
			told <- fmt.Sprint(keys["api_key"], " ", deleted, down, errors.Is(err, vaultkit.ErrClosed))
		}
	}()
	return told
}

// hears fails the test unless Watch yields this next. The empty text means that its loop ends.
func hears(t *testing.T, told <-chan string, want string) {
	t.Helper()
	select {
	case got, open := <-told:
		if got != want || open != (want != "") {
			t.Fatalf("Watch yielded %q, want %q", got, want)
		}
	case <-time.After(20 * time.Second):
		t.Fatalf("Watch yielded nothing in 20 s, want %q", want)
	}
}

func TestWatch(t *testing.T) {
	t.Parallel()
	proxy, provider := clienttest.NewProxy(t), vaulttest.PutProvider(t, clienttest.OldSecret)
	client := clienttest.New(t, vaultkit.WithAddress(proxy.URL()), vaultkit.WithPollInterval(time.Second),
		vaultkit.WithTimeouts(vaultkit.Timeouts{Read: time.Second}))
	rival := clienttest.New(t)
	ctx, cancel := context.WithCancel(t.Context())
	told := watch(ctx, client, provider)
	hears(t, told, "fake-old false false false")
	if _, err := rival.Rotate(t.Context(), provider, vaultkit.NewKey("fake-new")); err != nil {
		t.Fatalf("Rotate = %v, want no error", err)
	}
	hears(t, told, "fake-new false false false")
	if _, err := client.Rotate(t.Context(), provider, vaultkit.NewKey("fake-newer")); err != nil {
		t.Fatalf("Rotate = %v, want no error", err)
	}
	hears(t, told, "fake-newer false false false")
	proxy.Down()
	hears(t, told, " false true false")
	if err := proxy.Up(); err != nil {
		t.Fatalf("Up = %v, want no error", err)
	}
	hears(t, told, "fake-newer false false false")
	kv := vaulttest.Root(t).KVv2("secret")
	if err := kv.Delete(t.Context(), "goblin-assistant/providers/"+provider); err != nil {
		t.Fatalf("Delete = %v, want no error", err)
	}
	hears(t, told, " true false false")
	cancel()
	hears(t, told, "")
	told = watch(t.Context(), client, provider)
	hears(t, told, " true false false")
	if err := client.Close(); err != nil {
		t.Fatalf("Close = %v, want no error", err)
	}
	hears(t, told, " false false true")
	hears(t, told, "")
	hears(t, watch(t.Context(), client, "a/b"), " false false false")
}

// Watch polls metadata where the policy allows it. Otherwise, after one denial, it polls the data.
func TestWatch_PollsWhatThePolicyAllows(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, token    string
		data, metadata func(int) bool
	}{
		{"root", vaulttest.Server().RootToken(), func(n int) bool { return n == 1 }, func(n int) bool { return n >= 2 }},
		{"reader", vaulttest.Token(t, vaulttest.Policy(t, "", "reader")), func(n int) bool { return n >= 3 }, func(n int) bool { return n == 1 }},
	} {
		t.Run(c.name, func(t *testing.T) {
			proxy, heard := clienttest.NewProxy(t), &clienttest.EventLog{}
			client := clienttest.New(t, vaultkit.WithAddress(proxy.URL()), vaultkit.WithToken(vaultkit.FromString(c.token)),
				vaultkit.WithPollInterval(time.Second), vaultkit.WithObserver(heard.Add))
			told := watch(t.Context(), client, vaulttest.PutProvider(t, clienttest.OldSecret))
			hears(t, told, "fake-old false false false")
			vaulttest.Eventually(t, "it polled", func() bool { return len(heard.Of(event.Refresh)) >= 3 })
			metadata := 0
			for _, request := range proxy.Log() {
				if strings.Contains(request.Path, "/metadata/goblin-assistant/providers/") {
					metadata++
				}
			}
			if !c.data(clienttest.DataReads(proxy)) || !c.metadata(metadata) {
				t.Errorf("Watch sent %d reads of data and %d of metadata, want one of the kind that it does not poll",
					clienttest.DataReads(proxy), metadata)
			}
		})
	}
}

// If the metadata of one provider is denied, that of another is still polled.
func TestCache_RemembersDeniedMetadataForEachProvider(t *testing.T) {
	t.Parallel()
	proxy := clienttest.NewProxy(t)
	open, closed := vaulttest.PutProvider(t, clienttest.OldSecret), vaulttest.PutProvider(t, clienttest.OldSecret)
	policy := vaulttest.Policy(t, "", "reader") + fmt.Sprintf("path %q {\n  capabilities = [\"read\"]\n}\n",
		vaulttest.Mount+"/metadata/"+vaulttest.Base+"/providers/"+open)
	client := clienttest.New(t, vaultkit.WithAddress(proxy.URL()), vaultkit.WithToken(vaultkit.FromString(vaulttest.Token(t, policy))),
		vaultkit.WithCache(time.Second, time.Hour), vaultkit.WithProviders(open, closed))
	polled := func(endpoint, provider string) (n int) {
		for _, request := range proxy.Log() {
			if strings.HasSuffix(request.Path, "/"+endpoint+"/"+vaulttest.Base+"/providers/"+provider) {
				n++
			}
		}
		return n
	}
	proxy.Reset()
	vaulttest.Eventually(t, "both are polled", func() bool { return polled("metadata", open) > 2 && polled("data", closed) > 2 })
	if data, metadata := polled("data", open), polled("metadata", closed); data != 0 || metadata != 1 {
		t.Errorf("the polls read data of the one %d times and metadata of the other %d times, want 0 and 1", data, metadata)
	}
	if _, err := client.GetAPIKey(t.Context(), open); err != nil {
		t.Errorf("GetAPIKey = %v, want no error", err)
	}
}

func TestUpdater(t *testing.T) {
	client, provider := clienttest.New(t), vaulttest.PutProvider(t, clienttest.OldSecret)
	var closed []string
	broken := errors.New("broken")
	build := func(_ context.Context, keys vaultkit.ProviderKeys) (string, error) {
		if keys["api_key"] == "fake-bad" {
			return "", broken
		}
		return "for " + keys["api_key"], nil
	}
	failed := make(chan error, 10)
	updater, err := vaultkit.NewUpdater(t.Context(), client, provider, vaultkit.UpdaterConfig[string]{
		Build: build, Close: func(old string) { closed = append(closed, old) }, Grace: time.Hour,
		Failed: func(err error) { failed <- err },
	})
	if err != nil {
		t.Fatalf("NewUpdater = %v, want no error", err)
	}
	rotate := func(key string) {
		t.Helper()
		if _, err := client.Rotate(t.Context(), provider, vaultkit.NewKey(key)); err != nil {
			t.Fatalf("Rotate = %v, want no error", err)
		}
	}
	if updater.Get() != "for fake-old" || updater.Err() != nil {
		t.Fatalf("Get, Err = %q, %v, want for fake-old, no error", updater.Get(), updater.Err())
	}
	rotate("fake-new")
	vaulttest.Eventually(t, "it is rebuilt", func() bool { return updater.Get() == "for fake-new" })
	rotate("fake-bad")
	if err := <-failed; !errors.Is(err, broken) || updater.Get() != "for fake-new" {
		t.Errorf("Failed(%v), Get = %q, want the error of Build, for fake-new", err, updater.Get())
	}
	rotate("fake-good")
	vaulttest.Eventually(t, "the good key is built", func() bool { return updater.Get() == "for fake-good" && updater.Err() == nil })
	if len(closed) != 0 {
		t.Errorf("UpdaterConfig.Close was called within the grace for %q, want no call", closed)
	}
	updater.Close()
	updater.Close()
	if len(closed) != 3 {
		t.Errorf("UpdaterConfig.Close was called for %q, want all three values", closed)
	}
	for _, bad := range []vaultkit.UpdaterConfig[string]{{}, {Build: build, Grace: -1}} {
		if _, err := vaultkit.NewUpdater(t.Context(), client, provider, bad); !errors.Is(err, vaultkit.ErrInvalid) {
			t.Errorf("NewUpdater(%+v) = %v, want ErrInvalid", bad, err)
		}
	}
}

// The observer gets every kind of event except the renewal and those of an outage. None shows a secret.
func TestObserver(t *testing.T) {
	heard, log := &clienttest.EventLog{}, &logbuffer.Buffer{}
	token := vaulttest.Token(t, vaulttest.Policy(t, "", "rotator"))
	path := t.TempDir() + "/token"
	vaulttest.WriteFile(t, path, token)
	provider := vaulttest.PutProvider(t, map[string]any{"api_key": "fake-canary-old"})
	client := clienttest.New(t, vaultkit.WithObserver(heard.Add), vaultkit.WithLogger(log.Logger()),
		vaultkit.WithToken(vaultkit.FromFile(path)))
	clienttest.WantAPIKey(t, client, provider, "fake-canary-old")
	rotation, err := client.Rotate(t.Context(), provider, vaultkit.NewKey("fake-canary-new"))
	if err != nil {
		t.Fatalf("Rotate = %v, want no error", err)
	}
	var phases []event.Phase
	for _, e := range heard.Of(event.Rotation) {
		phases = append(phases, e.Phase)
		if e.Provider != provider || e.ID != rotation.ID || e.Version == 0 {
			t.Errorf("event = %+v, want the provider, the id %s and a version", e, rotation.ID)
		}
	}
	if got := fmt.Sprint(phases); got != "[begun backed-up committed recorded]" {
		t.Errorf("the phases of a rotation = %s, want [begun backed-up committed recorded]", got)
	}
	vaulttest.WriteFile(t, path, vaulttest.Token(t, vaulttest.Policy(t, "", "rotator")))
	if err := vaulttest.Root(t).Auth().Token().RevokeTreeWithContext(t.Context(), token); err != nil {
		t.Fatalf("RevokeTreeWithContext = %v, want no error", err)
	}
	clienttest.WantAPIKey(t, client, provider, "fake-canary-new")
	for _, kind := range []event.Kind{event.Login, event.Relogin, event.Read, event.Rotation} {
		if len(heard.Of(kind)) == 0 {
			t.Errorf("the observer got no event of the kind %s, want at least one", kind)
		}
	}
	shown := log.String()
	for _, e := range heard.All() {
		shown += fmt.Sprintf("%v %+v %#v", e, e, e)
	}
	if strings.Contains(shown, "canary-") || !strings.Contains(shown, provider) {
		t.Errorf("log and events show %s, want the provider and no secret", shown)
	}
}

// The error of a refused request has the id that Vault's audit log has for the request.
func TestError_CorrelationIDIsInTheAuditLog(t *testing.T) {
	header := "sys/config/auditing/request-headers/X-Correlation-Id"
	if _, err := vaulttest.Root(t).Logical().WriteWithContext(t.Context(), header, map[string]any{"hmac": false}); err != nil {
		t.Fatalf("WriteWithContext = %v, want no error", err)
	}
	client := clienttest.New(t, vaultkit.WithToken(vaultkit.FromString(vaulttest.Token(t, vaulttest.Policy(t, "", "reader")))))
	_, err := client.History(t.Context(), vaulttest.PutProvider(t, clienttest.OldSecret))
	failed, ok := errors.AsType[*vaultkit.Error](err)
	if !ok || !errors.Is(err, vaultkit.ErrPermissionDenied) || len(failed.CorrelationID) != 24 {
		t.Fatalf("History = %v, want ErrPermissionDenied with a correlation id of 24 characters", err)
	}
	if !strings.Contains(string(vaulttest.AuditLog(t)), failed.CorrelationID) {
		t.Errorf("the audit log does not contain the correlation id %s, want it there", failed.CorrelationID)
	}
}

// A Vault that does not respond within the client's timeouts is down. If only the caller's deadline
// passes, it is not known whether Vault is down.
func TestHealth_WhenVaultHangs(t *testing.T) {
	short := vaultkit.WithTimeouts(vaultkit.Timeouts{Read: 50 * time.Millisecond, Write: 50 * time.Millisecond})
	for name, tc := range map[string]struct {
		opts []vaultkit.Option
		wait time.Duration // the caller's deadline; 0: none
		send func(context.Context, *vaultkit.Client, string) error
		down bool
	}{
		"the client's read timeout":  {[]vaultkit.Option{short}, 0, readOnce, true},
		"a reader's deadline":        {nil, 50 * time.Millisecond, readOnce, false},
		"the client's write timeout": {[]vaultkit.Option{short}, 0, rotateOnce, true},
		"a writer's deadline":        {nil, 50 * time.Millisecond, rotateOnce, false},
		"the cache's timeout":        {[]vaultkit.Option{short, vaultkit.WithCache(time.Minute, 0)}, 0, readOnce, true},
	} {
		t.Run(name, func(t *testing.T) {
			provider := vaulttest.PutProvider(t, clienttest.OldSecret)
			client := clienttest.NewWithFaults(t, faultproxy.OnEvery("", "", faultproxy.Hang()), tc.opts...)
			ctx, cancel := context.WithCancel(t.Context())
			if tc.wait > 0 {
				ctx, cancel = context.WithTimeout(t.Context(), tc.wait)
			}
			defer cancel()
			if err := tc.send(ctx, client, provider); !errors.Is(err, vaultkit.ErrUnavailable) || !errors.Is(err, context.DeadlineExceeded) {
				t.Fatalf("the request = %v, want ErrUnavailable and context.DeadlineExceeded", err)
			}
			told := func() bool { h := client.Health(); return h.DownError != nil && !h.DownSince.IsZero() && !h.OK() }
			if tc.down {
				vaulttest.Eventually(t, "Vault is down", told)
			} else if told() {
				t.Errorf("Health = %+v, want no DownError", client.Health())
			}
		})
	}
}

func readOnce(ctx context.Context, client *vaultkit.Client, provider string) error {
	return clienttest.ErrorOf(client.GetAPIKey(ctx, provider))
}

func rotateOnce(ctx context.Context, client *vaultkit.Client, provider string) error {
	return clienttest.ErrorOf(client.Rotate(ctx, provider, vaultkit.NewKey("fake-new")))
}
