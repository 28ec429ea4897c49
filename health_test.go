package vaultkit_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"goblin/vaultkit"
	"goblin/vaultkit/internal/clienttest"
	"goblin/vaultkit/internal/faultproxy"
	"goblin/vaultkit/internal/vaulttest"
)

// A Vault that does not answer within the client's own bounds is down. Within those
// of a hasty caller nobody knows.
func TestHealthOfAVaultThatHangs(t *testing.T) {
	short := vaultkit.WithTimeouts(vaultkit.Timeouts{Read: 50 * time.Millisecond, Write: 50 * time.Millisecond})
	for name, tc := range map[string]struct {
		opts []vaultkit.Option
		wait time.Duration // of the caller; 0: no bound
		send func(context.Context, *vaultkit.Client, string) error
		down bool
	}{
		"the client's bound on reads": {[]vaultkit.Option{short}, 0, readOnce, true},
		"a caller's":                  {nil, 50 * time.Millisecond, readOnce, false},
		"the client's on writes":      {[]vaultkit.Option{short}, 0, rotateOnce, true},
		"a writing caller's":          {nil, 50 * time.Millisecond, rotateOnce, false},
		"the cache's":                 {[]vaultkit.Option{short, vaultkit.WithCache(time.Minute, 0)}, 0, readOnce, true},
	} {
		t.Run(name, func(t *testing.T) {
			provider, client := vaulttest.PutProvider(t, clienttest.OldSecret), clienttest.NewWithFaults(t, faultproxy.OnEvery("", "", faultproxy.Hang()), tc.opts...)
			ctx, cancel := context.WithCancel(t.Context())
			if tc.wait > 0 {
				ctx, cancel = context.WithTimeout(t.Context(), tc.wait)
			}
			defer cancel()
			if err := tc.send(ctx, client, provider); !errors.Is(err, vaultkit.ErrUnavailable) || !errors.Is(err, context.DeadlineExceeded) {
				t.Fatal(err)
			}
			told := func() bool { h := client.Health(); return h.DownError != nil && !h.DownSince.IsZero() && !h.OK() }
			if tc.down {
				vaulttest.Eventually(t, "Vault is down", told)
			} else if told() {
				t.Errorf("Health = %+v", client.Health())
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
