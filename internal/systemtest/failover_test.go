package systemtest_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/hashicorp/vault/api"

	"goblin/vaultkit"
	"goblin/vaultkit/internal/backoff"
	"goblin/vaultkit/internal/clienttest"
	"goblin/vaultkit/internal/devvault"
	"goblin/vaultkit/internal/realvault"
	"goblin/vaultkit/internal/vaulttest"
)

// TestLeaderKilledWhileRotating kills the leader of three nodes with SIGKILL again and
// again during rotations. Each rotation succeeds or fails with one of three error classes,
// what it returns is true, and after Recover every record is true.
func TestLeaderKilledWhileRotating(t *testing.T) {
	f := newRotatingCluster(t, 8)
	f.rotate(t, 4)
	f.disturb(t, failoverTime())
	f.stop()
	if len(f.attempts) == 0 || f.kills == 0 {
		t.Fatalf("%d rotations and %d kills, want some of both", len(f.attempts), f.kills)
	}
	violations := 0
	for _, provider := range f.providers {
		if _, err := f.recoverer.Recover(t.Context(), provider); err != nil {
			t.Fatal(err)
		}
		for _, violation := range f.check(t, provider) {
			violations++
			t.Errorf("%s: %s, want no violation", provider, violation)
		}
	}
	told := make(map[string]int)
	for _, one := range f.attempts {
		told[kindOf(one.err)]++
	}
	t.Logf("leader killed %d, left alone %d: rotations %d = success %d + conflict %d + unavailable %d + undetermined %d, violations %d",
		f.kills, f.isolations, len(f.attempts), told["success"], told["conflict"], told["unavailable"], told["undetermined"], violations)
}

// failoverTime is how long the test kills leaders.
func failoverTime() time.Duration {
	switch {
	case vaulttest.Long():
		return 5 * time.Minute
	case testing.Short():
		return 15 * time.Second
	}
	return time.Minute
}

// rotatingCluster is a cluster with providers and workers that rotate them.
type rotatingCluster struct {
	cluster   *devvault.Cluster
	balancer  *balancer
	root      *api.Client
	providers []string
	recoverer *vaultkit.Client

	kills, isolations int // of the leader

	halt     context.CancelFunc
	working  sync.WaitGroup
	mu       sync.Mutex
	attempts []attempt
}

// attempt is one call of Rotate with its own key.
type attempt struct {
	number   int
	provider string
	rotation *vaultkit.Rotation
	err      error
}

func (a attempt) key() string    { return fmt.Sprintf("fake-%d", a.number) }
func (a attempt) reason() string { return fmt.Sprintf("attempt %d", a.number) }

const firstKey = "fake-first"

func newRotatingCluster(t *testing.T, providers int) *rotatingCluster {
	t.Helper()
	c := realvault.StartCluster(t)
	f := &rotatingCluster{cluster: c, balancer: newBalancer(t, c), halt: func() {}}
	f.root = vaulttest.RootAt(t, f.balancer.url(), c.RootToken())
	for range providers {
		f.providers = append(f.providers, f.store(t))
	}
	f.recoverer = f.client(t, "recoverer", backoff.Backoff{})
	return f
}

// store creates a provider that keeps all of its versions, as evidence.
func (f *rotatingCluster) store(t *testing.T) string {
	t.Helper()
	name, kv := vaulttest.Name(t), f.root.KVv2(vaulttest.Mount)
	path := vaulttest.Base + "/providers/" + name
	if err := kv.PutMetadata(t.Context(), path, api.KVMetadataPutInput{MaxVersions: 100_000}); err != nil {
		t.Fatal(err)
	}
	if _, err := kv.Put(t.Context(), path, map[string]any{"api_key": firstKey}); err != nil {
		t.Fatal(err)
	}
	return name
}

// client returns a client that connects to the balancer.
func (f *rotatingCluster) client(t *testing.T, role string, wait backoff.Backoff) *vaultkit.Client {
	t.Helper()
	token := vaulttest.TokenAt(t, f.root, vaulttest.Policy(t, "../../", role))
	return clienttest.New(t, vaultkit.WithAddress(f.balancer.url()), vaultkit.WithToken(vaultkit.FromString(token)),
		clienttest.WithBackoff(wait))
}

// rotate starts workers that rotate providers until stop. Half of them pause between
// attempts as services do. The others hardly pause, so that they meet every stage of an
// election.
func (f *rotatingCluster) rotate(t *testing.T, workers int) {
	t.Helper()
	clients := make([]*vaultkit.Client, workers)
	for i := range clients {
		clients[i] = f.client(t, "rotator", []backoff.Backoff{{}, clienttest.QuickBackoff}[i%2])
	}
	ctx, halt := context.WithCancel(t.Context())
	f.halt = halt
	t.Cleanup(f.stop) // before the clients are closed
	for _, client := range clients {
		f.working.Go(func() {
			for ctx.Err() == nil {
				f.attempt(t.Context(), client)
			}
		})
	}
}

// stop waits for the running rotations.
func (f *rotatingCluster) stop() {
	f.halt()
	f.working.Wait()
}

func (f *rotatingCluster) attempt(ctx context.Context, client *vaultkit.Client) {
	one := f.next()
	timeout := 15 * time.Second // longer than a failover
	if one.number%4 == 0 {
		timeout = time.Second // shorter
	}
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	r, err := client.Rotate(ctx, one.provider, vaultkit.NewKey(one.key()), vaultkit.WithReason(one.reason()))
	f.mu.Lock()
	defer f.mu.Unlock()
	f.attempts[one.number].rotation, f.attempts[one.number].err = r, err
}

func (f *rotatingCluster) next() attempt {
	f.mu.Lock()
	defer f.mu.Unlock()
	one := attempt{number: len(f.attempts), provider: f.providers[rand.N(len(f.providers))]}
	f.attempts = append(f.attempts, one)
	return one
}

// disturb kills the leader, or every fourth time all other nodes, every few seconds. It
// restarts them once there is a leader again.
func (f *rotatingCluster) disturb(t *testing.T, howLong time.Duration) {
	t.Helper()
	for end, n := time.Now().Add(howLong), 1; time.Now().Before(end); n++ {
		leader := f.leader(t)
		<-time.After(rand.N(3 * time.Second)) // of normal work
		if n%4 == 0 {
			f.isolate(t, leader)
			continue
		}
		f.kill(t, leader)
		f.leader(t)
		f.restart(t, leader)
		f.kills++
	}
}

// isolate kills all nodes but the leader. The leader then cannot commit what it has
// accepted, answers with an error and steps down.
func (f *rotatingCluster) isolate(t *testing.T, leader int) {
	t.Helper()
	one, two := (leader+1)%f.cluster.Nodes(), (leader+2)%f.cluster.Nodes()
	f.kill(t, one)
	f.kill(t, two)
	<-time.After(rand.N(3 * time.Second))
	f.restart(t, one)
	f.restart(t, two)
	f.isolations++
}

func (f *rotatingCluster) kill(t *testing.T, node int) {
	t.Helper()
	if err := f.cluster.Kill(node); err != nil {
		t.Fatal(err)
	}
}

func (f *rotatingCluster) restart(t *testing.T, node int) {
	t.Helper()
	if err := f.cluster.Restart(t.Context(), node); err != nil {
		t.Fatal(err)
	}
}

func (f *rotatingCluster) leader(t *testing.T) int {
	t.Helper()
	leader, err := f.cluster.Leader(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return leader
}
