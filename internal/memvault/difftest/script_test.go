package difftest_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
)

// expected is a step of a script and what both servers must say to it.
type expected struct {
	step
	status int
	says   string // a part of the body, may be empty
}

// is completes a step with what it must get.
func (s step) is(status int, says ...string) expected {
	return expected{s, status, strings.Join(says, "")}
}

// entry is a key of a script's namespace.
type entry string

func (e entry) put(body string) step {
	return step{op: "data put", method: http.MethodPost, path: "%mount/data/%ns/" + string(e), contentType: jsonType, body: body}
}

// write puts a value without check-and-set.
func (e entry) write() expected { return e.put(`{"data":{"k":"v"}}`).is(200) }

func (e entry) cas(n int) step {
	return e.put(fmt.Sprintf(`{"data":{"k":"v"},"options":{"cas":%d}}`, n))
}

func (e entry) get(query ...string) step {
	return step{op: "data get", method: http.MethodGet, path: "%mount/data/%ns/" + string(e) + strings.Join(query, "")}
}

func (e entry) patch(body string) step {
	return step{op: "data patch", method: http.MethodPatch, path: "%mount/data/%ns/" + string(e), contentType: patchType, body: body}
}

func (e entry) remove() step {
	return step{op: "data delete", method: http.MethodDelete, path: "%mount/data/%ns/" + string(e)}
}

// versions changes versions by delete, undelete or destroy.
func (e entry) versions(verb, list string) step {
	return step{
		op: verb, method: http.MethodPost, path: "%mount/" + verb + "/%ns/" + string(e), contentType: jsonType, body: `{"versions":` + list + `}`,
	}
}

func (e entry) metadata() step {
	return step{op: "metadata get", method: http.MethodGet, path: "%mount/metadata/%ns/" + string(e)}
}

func (e entry) set(body string) step {
	return step{op: "metadata put", method: http.MethodPost, path: "%mount/metadata/%ns/" + string(e), contentType: jsonType, body: body}
}

func (e entry) merge(body string) step {
	return step{op: "metadata patch", method: http.MethodPatch, path: "%mount/metadata/%ns/" + string(e), contentType: patchType, body: body}
}

func (e entry) forget() step {
	return step{op: "metadata delete", method: http.MethodDelete, path: "%mount/metadata/%ns/" + string(e)}
}

func list(dir string) step {
	return step{op: "list", method: listing, path: "%mount/metadata/%ns" + dir}
}

func config(body string) step {
	return step{op: "config put", method: http.MethodPost, path: "%mount/config", contentType: jsonType, body: body}
}

func at(method, path string, body ...string) step {
	return step{op: "other", method: method, path: path, contentType: jsonType, body: strings.Join(body, "")}
}

// run plays a script on both servers: they must agree, and say what is expected.
func (p *pair) run(t *testing.T, script []expected, counts *table) {
	t.Helper()
	ns := fmt.Sprintf("s%d/k", namespaces.Add(1))
	compare := newComparison()
	for _, e := range script {
		vault, mem := p.vault.send(t, e.step, p.mount, ns), p.mem.send(t, e.step, p.mount, ns)
		if difference := compare.difference(e.step, vault, mem); difference != "" {
			t.Errorf("%s", difference)
		}
		if vault.status != e.status || !strings.Contains(string(vault.body), e.says) {
			t.Errorf("%v\n Vault: %d %s\n want:  %d …%s…", e.step, vault.status, shortenedTo(string(vault.body), 500), e.status, e.says)
		}
		counts.add(e.op, vault.status)
	}
}
