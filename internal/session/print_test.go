package session

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"goblin/vaultkit/internal/logbuffer"

	"github.com/hashicorp/vault/api"
)

func TestCredential_PrintsItsOrigin(t *testing.T) {
	const secret = "hvs.fake-canary"
	literal := FromString(secret)
	config := api.DefaultConfig()
	config.Address = "http://someone:" + secret + "@vault.invalid"
	client, err := api.NewClient(config)
	if err != nil {
		t.Fatal(err)
	}
	client.SetToken(secret)
	settings := Config{Client: client, Login: AppRole("", literal, Wrapped(literal))}
	opened := newSession(settings)
	opened.current = &lease{client: client}
	type nested struct {
		hidden  Credential
		method  Method
		session *Session
		Config  Config
	}
	values := map[string]any{
		"value":        literal,
		"pointer":      &literal,
		"nested":       nested{literal, Token(literal), opened, settings},
		"nested deep":  &nested{literal, AppRole("", literal, literal), opened, settings},
		"token":        Token(literal),
		"approle":      AppRole("", literal, literal),
		"jwt":          JWT("", "app", literal),
		"github":       JWT("", "app", GitHubToken("vault", func(string) string { return secret }, nil)),
		"jwt's helper": &jwtAuth{"auth/jwt/login", "app", func() string { return secret }},
		"config":       settings,
		"session":      opened,
		"incomplete":   Config{},
		"a zero value": Credential{},
	}
	for name, value := range values {
		logs := &logbuffer.Buffer{}
		logs.Logger().Info("canary", "value", value)
		text, err := json.Marshal(value)
		if err != nil {
			t.Errorf("json.Marshal(%s) = %v, want no error", name, err)
		}
		said := logs.String() + string(text)
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d"} {
			said += "\n" + fmt.Sprintf(verb, value)
		}
		if strings.Contains(said, secret) || strings.Contains(said, fmt.Sprintf("%x", secret)) {
			t.Errorf("the %s prints its secret, want only its origin:\n%s", name, said)
		}
	}
	for want, c := range map[string]Credential{
		"a literal value":                                literal,
		"file /run/fake":                                 FromFile("/run/fake"),
		"environment FAKE":                               FromEnv("FAKE"),
		"wrapping token in file /run/fake":               Wrapped(FromFile("/run/fake")),
		"wrapping token in environment FAKE":             Wrapped(FromEnv("FAKE")),
		"file ~/.vault-token of the Vault CLI":           CLIToken(),
		"nothing":                                        {},
		"GitHub's identity token":                        GitHubToken("", nil, nil),
		"GitHub's identity token for the audience vault": GitHubToken("vault", nil, nil),
	} {
		if got := fmt.Sprintf("%+v", c); got != want {
			t.Errorf("Sprintf(%%+v) = %q, want %q", got, want)
		}
	}
}
