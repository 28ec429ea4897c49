package childproc

import (
	"slices"
	"strings"
	"testing"
)

// A command gets no hidden variable, and no inherited variable with one of our names.
func TestInherited(t *testing.T) {
	t.Parallel()
	hidden := []string{"VAULT_TOKEN", "NEW_KEY"}
	ours := []string{"VAULTKIT_KEY", "VAULTKIT_PROVIDER", "VAULTKIT_ID", "VAULTKIT_FIELD_X"}
	want := []string{"VAULT_ADDR", "VAULTKIT_MOUNT", "PATH", "NEW_KEY_2", "A"}
	var environment []string
	for _, name := range slices.Concat(hidden, ours, want) {
		environment = append(environment, name+"=a=b")
	}
	command := Command{Hidden: hidden}
	got := command.inherited(environment)
	for i := range got {
		got[i] = strings.TrimSuffix(got[i], "=a=b")
	}
	if !slices.Equal(got, want) {
		t.Errorf("inherited() = %q, want %q", got, want)
	}
}

func TestEnvironment(t *testing.T) {
	t.Parallel()
	inherited := []string{"A=1", "VAULT_TOKEN=x", "VAULT_ADDR=kept", "P_KEY=old", "P_KEYS=kept", "=C:=odd", "B"}
	got := strings.Join(Environment(inherited, []string{"VAULT_TOKEN"}, []string{"P_KEY=new=x"}), " ")
	if want := "A=1 VAULT_ADDR=kept P_KEYS=kept =C:=odd B P_KEY=new=x"; got != want {
		t.Errorf("Environment() = %q, want %q", got, want)
	}
}
