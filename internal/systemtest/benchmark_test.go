package systemtest_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/hashicorp/vault/api"

	"goblin/vaultkit"
	"goblin/vaultkit/internal/clienttest"
	"goblin/vaultkit/internal/vaulttest"
)

// Every benchmark runs next to the alternatives, on the same server and in the same run,
// because only the ratios are comparable. docs/ has the command and the results.

// ttlMap is what services often write themselves: a map with a TTL and a mutex.
type ttlMap struct {
	mu     sync.Mutex
	values map[string]ttlValue
}

type ttlValue struct {
	key     string
	expires time.Time
}

func (m *ttlMap) get(provider string) (string, bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	value, ok := m.values[provider]
	if !ok || time.Now().After(value.expires) {
		return "", false
	}
	return value.key, true
}

func (m *ttlMap) set(provider, key string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.values[provider] = ttlValue{key, time.Now().Add(time.Hour)}
}

// BenchmarkCached reads one of 100 cached providers.
func BenchmarkCached(b *testing.B) {
	client := clienttest.New(b, vaultkit.WithCache(time.Hour, time.Hour))
	own := &ttlMap{values: map[string]ttlValue{}}
	providers := storeMany(b, 100)
	for _, provider := range providers {
		own.set(provider, getKey(b, client, provider))
	}
	read := func(i int) { _, _ = client.GetAPIKey(context.Background(), providers[i%len(providers)]) }
	readOwn := func(i int) { _, _ = own.get(providers[i%len(providers)]) }
	b.Run("by=vaultkit", func(b *testing.B) { readOne(b, read) })
	b.Run("by=mutex-map", func(b *testing.B) { readOne(b, readOwn) })
	b.Run("cores=all/by=vaultkit", func(b *testing.B) { readParallel(b, read) })
	b.Run("cores=all/by=mutex-map", func(b *testing.B) { readParallel(b, readOwn) })
	version := 0
	rotate := func() { // takes its share of the cores from both alike
		version++
		provider, key := providers[version%len(providers)], fmt.Sprintf("fake-%d", version)
		_, err := client.Rotate(context.Background(), provider, vaultkit.NewKey(key))
		mustSucceed(b, err)
		own.set(provider, key)
	}
	b.Run("cores=all-rotating/by=vaultkit", func(b *testing.B) { runWhile(b, rotate, func() { readParallel(b, read) }) })
	b.Run("cores=all-rotating/by=mutex-map", func(b *testing.B) { runWhile(b, rotate, func() { readParallel(b, readOwn) }) })
}

func readOne(b *testing.B, read func(i int)) {
	b.Helper()
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		read(i)
	}
}

// readParallel reads on all cores. It does not use RunParallel, whose counters change with
// every read: they may share a cache line and then cost more than the read.
func readParallel(b *testing.B, read func(i int)) {
	b.Helper()
	b.ReportAllocs()
	cores := runtime.GOMAXPROCS(0)
	var readers sync.WaitGroup
	for core := range cores {
		readers.Go(func() {
			for i := range b.N / cores {
				read(core*17 + i)
			}
		})
	}
	readers.Wait()
}

// runWhile calls run, and write ten times a second meanwhile.
func runWhile(b *testing.B, write, run func()) {
	b.Helper()
	over := make(chan struct{})
	var writer sync.WaitGroup
	writer.Go(func() {
		tick := time.NewTicker(100 * time.Millisecond)
		defer tick.Stop()
		for {
			select {
			case <-over:
				return
			case <-tick.C:
				write()
			}
		}
	})
	run()
	close(over)
	writer.Wait()
}

// BenchmarkGetAPIKey reads one provider from the server.
func BenchmarkGetAPIKey(b *testing.B) {
	client, official, bare := clienttest.New(b), newOfficial(b), newBare(b)
	provider := storeMany(b, 1)[0]
	peers := []peer{
		{"vaultkit", func(int) { getKey(b, client, provider) }},
		{"official", func(int) { officialGet(b, official, provider) }},
		{"bare", func(int) { bare.get(b, provider) }},
	}
	compare(b, peers...)
	for _, peer := range peers {
		b.ReportMetric(testing.AllocsPerRun(100, func() { peer.do(0) }), "allocs/"+peer.name)
	}
}

// peer is one way to do a benchmark's work.
type peer struct {
	name string
	do   func(round int)
}

// compare lets the peers work in turn, so that other load on the machine affects all of
// them. It reports the time of each, and as x-<name> its ratio to the first peer's time.
// Above 1, the first peer is faster.
func compare(b *testing.B, peers ...peer) {
	b.Helper()
	took, rounds := make([]time.Duration, len(peers)), 0
	for ; b.Loop(); rounds++ {
		for i := range peers {
			turn := (i + rounds) % len(peers)
			began := time.Now()
			peers[turn].do(rounds)
			took[turn] += time.Since(began)
		}
	}
	b.ReportMetric(0, "ns/op") // hides the sum of all peers, which has no meaning
	for i, peer := range peers {
		b.ReportMetric(float64(took[i].Nanoseconds())/float64(rounds), "ns/"+peer.name)
		if i > 0 {
			b.ReportMetric(float64(took[i])/float64(took[0]), "x-"+peer.name)
		}
	}
}

// newOfficial returns an official client with its default timeout and retries.
func newOfficial(b *testing.B, wrap ...func(http.RoundTripper) http.RoundTripper) *api.Client {
	b.Helper()
	config := api.DefaultConfig()
	mustSucceed(b, config.Error)
	config.Address = vaulttest.Server().Addr()
	b.Cleanup(config.HttpClient.CloseIdleConnections)
	for _, wrap := range wrap {
		config.HttpClient.Transport = wrap(config.HttpClient.Transport)
	}
	client, err := api.NewClient(config)
	mustSucceed(b, err)
	client.SetToken(vaulttest.Server().RootToken())
	return client
}

func officialGet(b *testing.B, official *api.Client, provider string) map[string]any {
	b.Helper()
	secret, err := official.KVv2("secret").Get(b.Context(), "goblin-assistant/providers/"+provider)
	mustSucceed(b, err)
	if secret.Data["api_key"] == nil {
		b.Fatal("the response has no key, want one")
	}
	return secret.Data
}

// bareHTTP uses only net/http.
type bareHTTP struct {
	client        *http.Client
	address, auth string
}

func newBare(b *testing.B) *bareHTTP {
	b.Helper()
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.MaxIdleConnsPerHost = 64
	b.Cleanup(transport.CloseIdleConnections)
	return &bareHTTP{client: &http.Client{Transport: transport}, address: vaulttest.Server().Addr(), auth: vaulttest.Server().RootToken()}
}

func (h *bareHTTP) get(b *testing.B, provider string) string {
	b.Helper()
	var answer struct {
		Data struct {
			Data map[string]string `json:"data"`
		} `json:"data"`
	}
	h.do(b, http.MethodGet, "secret/data/goblin-assistant/providers/"+provider, nil, &answer)
	if answer.Data.Data["api_key"] == "" {
		b.Fatal("the response has no key, want one")
	}
	return answer.Data.Data["api_key"]
}

func (h *bareHTTP) do(b *testing.B, method, path string, body, answer any) {
	b.Helper()
	var sent io.Reader
	if body != nil {
		text, err := json.Marshal(body)
		mustSucceed(b, err)
		sent = strings.NewReader(string(text))
	}
	request, err := http.NewRequestWithContext(b.Context(), method, h.address+"/v1/"+path, sent)
	mustSucceed(b, err)
	request.Header.Set("X-Vault-Token", h.auth)
	response, err := h.client.Do(request)
	mustSucceed(b, err)
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	mustSucceed(b, err)
	if response.StatusCode >= 300 {
		b.Fatalf("%s %s = %s, want success", method, path, response.Status)
	}
	if answer != nil {
		mustSucceed(b, json.Unmarshal(text, answer))
	}
}

func storeMany(b *testing.B, n int) []string {
	b.Helper()
	stem, providers := vaulttest.Name(b), make([]string, n)
	for i := range providers {
		providers[i] = fmt.Sprintf("%s-%d", stem, i)
		vaulttest.Put(b, "providers/"+providers[i], map[string]any{"api_key": "fake-old-" + providers[i]})
	}
	return providers
}

func getKey(b *testing.B, client *vaultkit.Client, provider string) string {
	b.Helper()
	key, err := client.GetAPIKey(b.Context(), provider)
	mustSucceed(b, err)
	return key
}

func mustSucceed(b *testing.B, err error) {
	b.Helper()
	if err != nil {
		b.Fatal(err)
	}
}
