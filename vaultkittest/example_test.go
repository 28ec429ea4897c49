package vaultkittest_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"goblin/vaultkit"
	"goblin/vaultkit/vaultkittest"
)

// translator is a service that calls an AI provider.
type translator struct{ client *vaultkit.Client }

// key returns the key for the next call of the provider.
func (s *translator) key(ctx context.Context) (string, error) {
	return s.client.GetAPIKey(ctx, "openai-gpt4")
}

// A service uses a rotated key without a restart.
func TestService_UsesARotatedKey(t *testing.T) {
	vault := vaultkittest.NewServer(t, vaultkittest.WithProvider("openai-gpt4", "fake-old"))
	service := &translator{vault.Client(t, vaultkit.WithCache(time.Minute, time.Hour))}
	if key, err := service.key(t.Context()); err != nil || key != "fake-old" {
		t.Fatalf("key before the rotation: %v, want fake-old", err)
	}

	vault.Rotate("openai-gpt4", "fake-new") // somebody rotates the key

	for start := time.Now(); time.Since(start) < 10*time.Second; {
		key, err := service.key(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if key == "fake-new" {
			return
		}
	}
	t.Error("the service still uses the old key")
}

// A service keeps its key while Vault is down. In a testing/synctest bubble an hour takes no
// time.
func TestService_SurvivesAnOutage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		vault := vaultkittest.NewServer(t, vaultkittest.WithProvider("openai-gpt4", "fake-key"))
		service := &translator{vault.Client(t, vaultkit.WithCache(time.Minute, 2*time.Hour))}
		if _, err := service.key(t.Context()); err != nil {
			t.Fatal(err)
		}

		vault.Disconnect()
		time.Sleep(time.Hour)
		if key, err := service.key(t.Context()); err != nil || key != "fake-key" {
			t.Errorf("key after an hour without Vault: %v, want the cached key", err)
		}

		time.Sleep(2 * time.Hour) // longer than the service may use an old key
		if _, err := service.key(t.Context()); !errors.Is(err, vaultkit.ErrUnavailable) {
			t.Errorf("key after three hours without Vault: %v, want ErrUnavailable", err)
		}
	})
}

// rotateKey is a rotation tool: it calls Recover if it does not know what happened.
func rotateKey(ctx context.Context, client *vaultkit.Client, provider, key string) error {
	_, err := client.Rotate(ctx, provider, vaultkit.NewKey(key))
	if !errors.Is(err, vaultkit.ErrUndetermined) {
		return err
	}
	found, err := client.Recover(context.WithoutCancel(ctx), provider)
	if err != nil {
		return err
	}
	// Nothing is found if only the response to the record was lost.
	for _, rotation := range found {
		if rotation.Outcome != vaultkit.OutcomeCommitted {
			return errors.New("the key was not stored")
		}
	}
	return nil
}

// A rotation tool finds out what happened to a commit whose response it did not get.
func TestTool_RecoversALostCommit(t *testing.T) {
	vault := vaultkittest.NewServer(t, vaultkittest.WithProvider("openai-gpt4", "fake-old"))
	client := vault.Client(t)

	vault.DisconnectAfter(vaultkittest.Commit)
	time.AfterFunc(time.Second, vault.Reconnect)
	ctx, cancel := context.WithTimeout(t.Context(), 500*time.Millisecond)
	defer cancel()
	if err := rotateKey(ctx, client, "openai-gpt4", "fake-new"); err != nil {
		t.Errorf("rotateKey = %v, want success", err)
	}

	if key := vault.Provider("openai-gpt4").APIKey(); key != "fake-new" {
		t.Error("Vault does not hold the new key")
	}
}
