package vaultkitvar

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"testing"
	"time"

	"gocloud.dev/gcerrors"
	"gocloud.dev/runtimevar"
	"gocloud.dev/runtimevar/driver"
	"gocloud.dev/runtimevar/drivertest"

	"goblin/vaultkit"
	"goblin/vaultkit/internal/vaulttest"
	"goblin/vaultkit/vaultkittest"
)

// harness runs the conformance tests of the Go CDK on a Vault in the process.
type harness struct {
	vault  *vaultkittest.Server
	client *vaultkit.Client
}

const field = "value"

func newHarness(t *testing.T) (drivertest.Harness, error) {
	vault := vaultkittest.NewServer(t)
	return &harness{vault, vault.Client(t)}, nil
}

func (h *harness) MakeWatcher(_ context.Context, name string, decoder *runtimevar.Decoder) (driver.Watcher, error) {
	return newWatcher(h.client, name, field, decoder)
}

func (h *harness) CreateVariable(_ context.Context, name string, value []byte) error {
	h.vault.PutProvider(name, vaultkit.ProviderKeys{field: string(value), "other": "x"})
	return nil
}

func (h *harness) UpdateVariable(ctx context.Context, name string, value []byte) error {
	return h.CreateVariable(ctx, name, value)
}

func (h *harness) DeleteVariable(_ context.Context, name string) error {
	h.vault.DeleteProvider(name)
	return nil
}

func (h *harness) Close()        {}
func (h *harness) Mutable() bool { return true }

// errorsAreVaultkits checks that the driver's errors can be read as those of vaultkit.
type errorsAreVaultkits struct{}

func (errorsAreVaultkits) Name() string { return "errors of vaultkit" }

func (errorsAreVaultkits) SnapshotCheck(*runtimevar.Snapshot) error { return nil }

func (errorsAreVaultkits) ErrorCheck(v *runtimevar.Variable, err error) error {
	var failed *vaultkit.Error
	if !v.ErrorAs(err, &failed) || !errors.Is(failed, vaultkit.ErrNotFound) {
		return fmt.Errorf("ErrorAs(%w): found = %t, want ErrNotFound of vaultkit", err, failed != nil)
	}
	return nil
}

func TestConformance(t *testing.T) {
	drivertest.RunConformanceTests(t, newHarness, []drivertest.AsTest{errorsAreVaultkits{}})
}

// A variable follows rotations, and not changes of other fields.
func TestVariable_FollowsRotations(t *testing.T) {
	vault := vaultkittest.NewServer(t, vaultkittest.WithProviderKeys("openai-gpt4", vaultkit.ProviderKeys{"api_key": "fake-1", "tier": "a"}))
	client := vault.Client(t)
	var mux runtimevar.URLMux
	mux.RegisterVariable(Scheme, &URLOpener{client})
	variable, err := mux.OpenVariable(t.Context(), "vaultkit://openai-gpt4/api_key")
	if err != nil {
		t.Fatalf("OpenVariable() = %v, want no error", err)
	}
	defer variable.Close()
	next := func(want string) {
		t.Helper()
		ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
		defer cancel()
		snapshot, err := variable.Watch(ctx)
		if err != nil || snapshot.Value != want {
			t.Fatalf("Watch() = %v, %v, want %s", snapshot.Value, err, want)
		}
	}
	next("fake-1")
	// The client sees another tier, which is no new value of the variable.
	vault.PutProvider("openai-gpt4", vaultkit.ProviderKeys{"api_key": "fake-1", "tier": "b"})
	for keys, err := range client.Watch(t.Context(), "openai-gpt4") { // it shares its poll with the variable
		if err != nil || keys["tier"] == "b" {
			break
		}
	}
	vault.Rotate("openai-gpt4", "fake-2")
	next("fake-2")
	// While Vault is down, the newest value stays. Afterwards there is another one.
	vault.Disconnect()
	if snapshot, err := variable.Latest(t.Context()); err != nil || snapshot.Value != "fake-2" {
		t.Errorf("Latest(), without Vault = %v, %v, want fake-2", snapshot.Value, err)
	}
	vault.Reconnect()
	vault.Rotate("openai-gpt4", "fake-3")
	vaulttest.Eventually(t, "fake-3 of Latest()", func() bool {
		snapshot, err := variable.Latest(t.Context())
		return err == nil && snapshot.Value == "fake-3"
	})
}

// A field that the secret does not have is an error, and no empty value.
func TestVariable_NeedsItsField(t *testing.T) {
	client := vaultkittest.NewServer(t, vaultkittest.WithProvider("p", "fake-1")).Client(t)
	variable, err := OpenVariable(client, "p", "other", runtimevar.StringDecoder)
	if err != nil {
		t.Fatalf("OpenVariable() = %v, want no error", err)
	}
	defer variable.Close()
	if snapshot, err := variable.Watch(t.Context()); gcerrors.Code(err) != gcerrors.NotFound {
		t.Errorf("Watch(), no such field = %v, %v, want NotFound", snapshot.Value, err)
	}
}

func TestOpenVariable_RefusesWhatItCannotOpen(t *testing.T) {
	client := vaultkittest.NewServer(t).Client(t)
	for _, text := range []string{"vaultkit://p", "vaultkit:///api_key", "vaultkit://p/f?decoder=no", "vaultkit://p/f?wait=1s"} {
		u, err := url.Parse(text)
		if err != nil {
			t.Fatalf("url.Parse(%s) = %v, want no error", text, err)
		}
		if variable, err := (&URLOpener{client}).OpenVariableURL(t.Context(), u); err == nil {
			t.Errorf("OpenVariableURL(%s) = %v, want an error", text, variable)
		}
	}
}

func TestErrorCode(t *testing.T) {
	w := &watcher{}
	for err, want := range map[error]gcerrors.ErrorCode{
		vaultkit.ErrDestroyed: gcerrors.NotFound, vaultkit.ErrFieldMissing: gcerrors.NotFound, vaultkit.ErrPermissionDenied: gcerrors.PermissionDenied,
		vaultkit.ErrWrappingToken: gcerrors.PermissionDenied, vaultkit.ErrInvalid: gcerrors.InvalidArgument, vaultkit.ErrUnavailable: gcerrors.Unknown,
		context.Canceled: gcerrors.Canceled,
	} {
		if got := w.ErrorCode(fmt.Errorf("outer: %w", err)); got != want {
			t.Errorf("ErrorCode(%v) = %v, want %v", err, got, want)
		}
	}
}

// A state does not print its value.
func TestState_PrintsNoValue(t *testing.T) {
	for _, verb := range []string{"%v", "%+v", "%#v", "%s"} {
		if text := fmt.Sprintf(verb, &state{value: "SECRET", text: "SECRET"}); strings.Contains(text, "SECRET") {
			t.Errorf("Sprintf(%s) = %q, want no value", verb, text)
		}
	}
}

// A watcher that nobody asks keeps the newest value only, and can be closed.
func TestWatcher_KeepsTheNewestValue(t *testing.T) {
	vault := vaultkittest.NewServer(t, vaultkittest.WithProviderKeys("p", vaultkit.ProviderKeys{field: "fake-0"}))
	client := vault.Client(t)
	w, err := newWatcher(client, "p", field, runtimevar.StringDecoder)
	if err != nil {
		t.Fatalf("newWatcher() = %v, want no error", err)
	}
	version := 0
	for keys, err := range client.Watch(t.Context(), "p") { // it shares its poll with the watcher
		if err != nil {
			t.Fatalf("Watch() = %v, want no error", err)
		}
		if keys[field] != fmt.Sprintf("fake-%d", version) {
			continue
		}
		if version++; version == 5 {
			break
		}
		vault.PutProvider("p", vaultkit.ProviderKeys{field: fmt.Sprintf("fake-%d", version)})
	}
	closed := make(chan error, 1)
	go func() { closed <- w.Close() }()
	select {
	case err := <-closed:
		if err != nil {
			t.Errorf("Close() = %v, want no error", err)
		}
	case <-time.After(20 * time.Second):
		t.Fatal("Close() did not return within 20 s")
	}
	if state, _ := w.WatchVariable(t.Context(), nil); fmt.Sprint(state.Value()) == "fake-0 <nil>" {
		t.Error("WatchVariable(), after four changes = the first value, want a newer one")
	}
}
