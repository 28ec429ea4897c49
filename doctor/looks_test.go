package doctor_test

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/vault/api"

	"goblin/vaultkit"
	"goblin/vaultkit/doctor"
	"goblin/vaultkit/internal/checks"
	"goblin/vaultkit/internal/clienttest"
	"goblin/vaultkit/internal/faultproxy"
	"goblin/vaultkit/internal/vaulttest"
	"goblin/vaultkit/policy"
)

// lookingFixes has a set-up for each kind of fix that only shows where to look.
var lookingFixes = map[checks.Kind]func(t *testing.T) setUp{
	checks.ReadHelp:     found("configuration", nil),
	checks.NameAddress:  found("configuration", vaultkit.WithAddress("")),
	checks.ListTLSFiles: found("configuration", vaultkit.WithTLS(vaultkit.TLS{CAFile: "/no where/ca.pem"})),
	checks.ListCredential: func(t *testing.T) setUp {
		return found("credentials", vaultkit.WithToken(vaultkit.FromFile(filepath.Join(t.TempDir(), "missing"))))(t)
	},
	checks.LookUpName:      found("reach", at("http://no..such.test:8200")),
	checks.AskHealth:       problemSetUp("reach", faulty(faultproxy.Refuse())),
	checks.TryHTTPS:        found("tls", at("http://vault.test:8200"), vaultkit.WithTransport(elsewhere)),
	checks.TrustCA:         behindTLS(false),
	checks.GiveCertificate: behindTLS(true),
	checks.VerifyServer:    unverified,
	checks.ReadCertificate: expired,
	checks.ListNamespaces: func(t *testing.T) setUp {
		s := problemSetUp("login", ruled(faultproxy.OnlyNamespaces()))(t)
		s.opts = append(s.opts, vaultkit.WithNamespace("nowhere"))
		return s
	},
	checks.ReadServerStatus: problemSetUp("server", answersHealth(`"initialized":false,"sealed":true`)),
	checks.ReadClock:        problemSetUp("clock", clockOff(-150*time.Second)),
	checks.ListLogins:       problemSetUp("login", withMethod(byAppRole(object{"role_id": "fake", "secret_id": clienttest.Marker}))),
	checks.ReadLoginRole:    noSuchRole,
	checks.PlanLoginRole:    missingRoles["job"],
	checks.PlanCredentials:  found("login", byRole(vaultkit.FromString("fake"), vaultkit.FromString(clienttest.Marker), "")),
	checks.ListLoginRoles: refusedJWT(func(_ *vaulttest.Issuer, mount, token string) []string {
		return []string{"VAULTKIT_JWT_MOUNT=" + mount, "VAULTKIT_JWT_TOKEN=" + token}
	}),
	checks.ReadLoginConfig: refusedJWT(func(issuer *vaulttest.Issuer, mount, _ string) []string {
		return byJWT(mount, issuer.Sign(object{"iss": "https://elsewhere.example"}))
	}),
	checks.ReadPipeline: found("credentials", variables("VAULTKIT_AUTH=jwt")),
	checks.AskGitHub:    refusedByGitHub,
	checks.FindProxy:    found("login", vaultkit.WithoutLogin()),
	checks.ListSocket:   found("reach", at("unix:///no/where.sock")),
	checks.ReadPolicy: func(t *testing.T) setUp {
		return holds(t, "token", clienttest.WithoutRight(clienttest.Policy(t, policy.Reader),
			clienttest.Right{Path: "auth/token/lookup-self", Capability: "read"}), doctor.Query{})
	},
	checks.ReadOwnPolicies: hidden,
	checks.LookUpToken: func(t *testing.T) setUp {
		policy := clienttest.WithoutRight(clienttest.Policy(t, policy.Reader),
			clienttest.Right{Path: "auth/token/lookup-self", Capability: "read"})
		return holds(t, "excess", policy+`path "secret/destroy/*" { capabilities = ["update"] }`, doctor.Query{})
	},
	checks.ListMounts:    found("mount", vaultkit.WithMount("cubbyhole")),
	checks.ListProviders: func(t *testing.T) setUp { return setUp{diagnosis: withQuery(only("nobody"))(t), check: "providers"} },
	checks.ListMount: func(t *testing.T) setUp {
		return found("providers", vaultkit.WithMount(vaulttest.MountEngine(t, "kv", map[string]string{"version": "2"})))(t)
	},
	checks.ListNames: func(t *testing.T) setUp {
		return found("names", vaultkit.WithBasePath(oddNames(t)))(t)
	},
	checks.AskForRole: func(t *testing.T) setUp {
		return holds(t, "rights:rotator", clienttest.Policy(t, policy.Reader), doctor.Query{})
	},
	checks.AskForProviders: func(t *testing.T) setUp {
		return holds(t, "rights:reader", clienttest.Policy(t, policy.Reader,
			policy.OnlyProviders(vaulttest.PutProvider(t, clienttest.OldSecret))), doctor.Query{})
	},
	checks.ListAuditDevices: func(t *testing.T) setUp {
		return holds(t, "audit", clienttest.Policy(t, policy.Reader), doctor.Query{})
	},
}

// A fix that only shows where to look is marked LookOnly.
func TestDiagnose_MarksFixesThatOnlyLook(t *testing.T) {
	for kind, arrange := range lookingFixes {
		t.Run(string(kind), func(t *testing.T) {
			s := arrange(t)
			got := s.run(t)[s.check]
			if got.kind != kind {
				t.Errorf("Diagnose yielded %+v for %s, want a fix of the kind %s", got, s.check, kind)
			}
			if !got.LookOnly {
				t.Errorf("Diagnose yielded %+v for %s, want it marked as LookOnly", got, s.check)
			}
		})
	}
}

// The detail says that a name in a fix is a guess.
func TestDiagnoseNamesItsGuesses(t *testing.T) {
	refused := byRole(vaultkit.FromString("fake"), vaultkit.FromString(clienttest.Marker), "")
	for guess, problem := range map[string]diagnosis{
		"replace ROLE by the role that the login is for; for an AppRole of yours, run: vault write -f auth/approle/role/ROLE/secret-id": {
			opts: []vaultkit.Option{refused}},
		"the fix makes the AppRole vaultkit-reader and prints what logs in as it; for an AppRole of yours, run: ": {
			query: doctor.Query{Roles: []policy.Role{policy.Reader}}, opts: []vaultkit.Option{refused}},
		"the policy vaultkit-reader is a guess": {opts: []vaultkit.Option{vaultkit.WithToken(vaultkit.FromString(clienttest.Marker))}},
	} {
		if got := problem.findings(t)["login"]; !strings.Contains(got.Detail, guess) {
			t.Errorf("Diagnose found %+v, want %q in the detail", got, guess)
		}
	}
}

// If the token has rights below the mount, the mount is missing, and not a right.
func TestDiagnose_TellsAMissingMountFromAMissingRight(t *testing.T) {
	policy := clienttest.WithoutRight(clienttest.Policy(t, policy.Reader, policy.AtMount("nowhere")),
		clienttest.Right{Path: "nowhere/metadata/goblin-assistant/providers/", Capability: "list"})
	s := holds(t, "mount", policy, doctor.Query{})
	s.opts = append(s.opts, vaultkit.WithMount("nowhere"))
	expected{"mount", fails, vaultkit.ErrMountNotFound, "Vault has no mount there", "vaultkit setup --policy reader --mount nowhere --yes"}.compare(t, s.findings(t))
}

// problemSetUp returns a set-up of a diagnosis.
func problemSetUp(check string, problem func(*testing.T) diagnosis) func(*testing.T) setUp {
	return func(t *testing.T) setUp { return setUp{diagnosis: problem(t), check: check} }
}

// holds returns a set-up whose token has this policy and no other.
func holds(t *testing.T, check, policy string, query doctor.Query) setUp {
	t.Helper()
	return setUp{diagnosis: withTokenOf(policy, query)(t), check: check}
}

func behindTLS(mutual bool) func(*testing.T) setUp {
	return func(t *testing.T) setUp {
		front, dir := clienttest.NewTLSProxy(t, mutual)
		opts := []vaultkit.Option{at(front.URL())}
		if mutual {
			opts = append(opts, vaultkit.WithTLS(vaultkit.TLS{CAFile: dir + "/ca/ca.pem"}))
		}
		return found("tls", opts...)(t)
	}
}

func unverified(t *testing.T) setUp {
	front, _ := clienttest.NewTLSProxy(t, false)
	return found("tls", at(front.URL()), vaultkit.WithTLS(vaultkit.TLS{SkipVerify: true}))(t)
}

func expired(t *testing.T) setUp {
	old, ca := frontUntil(t, time.Now().Add(-time.Hour))
	return found("tls", at(old), vaultkit.WithTLS(vaultkit.TLS{CAFile: ca}))(t)
}

func noSuchRole(t *testing.T) setUp {
	jwt := filepath.Join(t.TempDir(), "jwt")
	vaulttest.WriteFile(t, jwt, clienttest.Marker)
	return found("login", vaultkit.WithKubernetes(vaultkit.Kubernetes{Role: "nobody", JWTFile: jwt}))(t)
}

// refusedJWT returns a set-up with a login by a JWT that the role refuses.
func refusedJWT(env func(issuer *vaulttest.Issuer, mount, token string) []string) func(*testing.T) setUp {
	return func(t *testing.T) setUp {
		issuer := newIssuer(t)
		return found("login", variables(env(issuer, mountJWT(t, issuer.StaticConfig(), nil), issuer.Sign(jobClaims))...))(t)
	}
}

func refusedByGitHub(t *testing.T) setUp {
	job := newIssuer(t).Job(nil)
	return found("credentials", variables("VAULTKIT_AUTH=jwt", "ACTIONS_ID_TOKEN_REQUEST_TOKEN="+clienttest.Marker,
		"ACTIONS_ID_TOKEN_REQUEST_URL="+job["ACTIONS_ID_TOKEN_REQUEST_URL"]))(t)
}

// hidden returns a set-up whose token has a general policy, and a narrowed one that hides a part of it.
func hidden(t *testing.T) setUp {
	p, name := vaulttest.PutProvider(t, clienttest.OldSecret), strings.ToLower(vaulttest.Name(t))
	for role, opts := range map[policy.Role][]policy.Option{policy.Rotator: nil, policy.Reader: {policy.OnlyProviders(p)}} {
		if err := vaulttest.Root(t).Sys().PutPolicyWithContext(t.Context(), fmt.Sprintf("%s-%s", name, role),
			clienttest.Policy(t, role, opts...)); err != nil {
			t.Fatalf("PutPolicyWithContext = %v, want no error", err)
		}
	}
	token := tokenWith(t, api.TokenCreateRequest{Policies: []string{name + "-rotator", name + "-reader"}})
	query := doctor.Query{Roles: []policy.Role{policy.Rotator}}
	return setUp{diagnosis: diagnosis{query: query, opts: []vaultkit.Option{vaultkit.WithToken(token)}}, check: "rights:rotator"}
}

// oddNames returns a base path with one provider, and entries that are no providers.
func oddNames(t *testing.T) (base string) {
	t.Helper()
	base = vaulttest.Name(t)
	kv := vaulttest.Root(t).KVv2(vaulttest.Mount)
	for _, name := range []string{"openai-gpt4", "my key", "café", "_lead", "team/openai"} {
		if _, err := kv.Put(t.Context(), base+"/providers/"+name, clienttest.OldSecret); err != nil {
			t.Fatalf("Put = %v, want no error", err)
		}
	}
	return base
}
