package difftest_test

import (
	"net/http"
	"strings"

	"pgregory.net/rapid"
)

// generator draws a kind of request.
type generator struct {
	weight int
	draw   func(*rapid.T) step
}

func data(t *rapid.T) string     { return "%mount/data/" + key().Draw(t, "key") }
func metadata(t *rapid.T) string { return "%mount/metadata/" + key().Draw(t, "key") }

// kinds lists the requests that a sequence is made of.
var kinds = []generator{
	{20, func(t *rapid.T) step {
		method := pick(t, []string{http.MethodPost, http.MethodPut})
		return step{op: "data put", method: method, path: data(t), contentType: jsonType, body: dataBody(t)}
	}},
	{14, func(t *rapid.T) step {
		return step{op: "data get", method: http.MethodGet, path: data(t) + versionQuery(t)}
	}},
	{6, func(t *rapid.T) step {
		return step{op: "data patch", method: http.MethodPatch, path: data(t), contentType: patchType, body: dataBody(t)}
	}},
	{6, func(t *rapid.T) step { return step{op: "data delete", method: http.MethodDelete, path: data(t)} }},
	{4, versionsStep("delete")},
	{4, versionsStep("undelete")},
	{3, versionsStep("destroy")},
	{7, func(t *rapid.T) step { return step{op: "metadata get", method: http.MethodGet, path: metadata(t)} }},
	{7, func(t *rapid.T) step {
		return step{op: "metadata put", method: http.MethodPost, path: metadata(t), contentType: jsonType, body: metadataBody(t)}
	}},
	{5, func(t *rapid.T) step {
		return step{op: "metadata patch", method: http.MethodPatch, path: metadata(t), contentType: patchType, body: metadataBody(t)}
	}},
	{3, func(t *rapid.T) step {
		return step{op: "metadata delete", method: http.MethodDelete, path: metadata(t)}
	}},
	{5, listStep},
	{2, func(t *rapid.T) step {
		depth := pick(t, []string{"", "?depth=1", "?depth=2", "?depth=x", "?version=1", "?depth=-1"})
		return step{op: "subkeys get", method: http.MethodGet, path: "%mount/subkeys/" + key().Draw(t, "key") + depth}
	}},
	{3, func(t *rapid.T) step {
		return step{op: "config put", method: http.MethodPost, path: "%mount/config", contentType: jsonType, body: configBody(t)}
	}},
	{1, func(*rapid.T) step { return step{op: "config get", method: http.MethodGet, path: "%mount/config"} }},
	{4, strayStep},
	{3, func(t *rapid.T) step {
		body := mutated(t, dataBody(t))
		if oneIn(t, 3) {
			return step{op: "damaged patch", method: http.MethodPatch, path: data(t), contentType: patchType, body: body}
		}
		return step{op: "damaged put", method: http.MethodPost, path: data(t), contentType: jsonType, body: body}
	}},
}

func versionsStep(verb string) func(*rapid.T) step {
	return func(t *rapid.T) step {
		path := "%mount/" + verb + "/" + key().Draw(t, "key")
		return step{op: verb, method: http.MethodPost, path: path, contentType: jsonType, body: versionsBody(t)}
	}
}

func listStep(t *rapid.T) step {
	dir := pick(t, []string{"%ns", "%ns/", "%ns/d", "%ns/d/", "%ns/a", "%ns/d/y", "%ns/none", "%ns/..%2f", "%ns%2f%2fd"})
	query := pick(t, []string{"", "", "", "?exclude_deleted=true", "?exclude_deleted=x", "?foo=1"})
	if oneIn(t, 4) {
		path := "%mount/metadata/" + dir + pick(t, []string{"?list=true", "?list=1", "?list=x", "?list=false"})
		return step{op: "list", method: http.MethodGet, path: path}
	}
	return step{op: "list", method: listing, path: "%mount/metadata/" + dir + query}
}

// headers are those that change what Vault does, with good and bad values.
var headers = []string{
	"X-Vault-Token: ", "X-Vault-Token: none", "Authorization: Bearer none", "X-Vault-Wrap-TTL: x", "X-Vault-Wrap-TTL: -1",
	"X-Vault-Wrap-TTL: 0",
	"X-Vault-MFA: a:b", "X-Vault-MFA: :b", "X-Vault-MFA: a:", "X-Vault-Policy-Override: x", "X-Vault-Policy-Override: true",
	"X-Vault-Index: x",
	"X-Vault-Forward: active-node", "X-Vault-Namespace: n/", "X-Vault-Request: false", "X-Vault-Inconsistent: forward-active-node",
	"X-Vault-No-Request-Forwarding: 1",
}

// strayStep draws a request to the wrong place, by the wrong method or with the wrong type.
func strayStep(t *rapid.T) step {
	path := pick(t, []string{
		"%mount", "%mount/", "%mount/%ns/a", "%mount/data", "%mount/data/", "%mount/metadata", "%mount/config", "%mount/config/",
		"%mount/delete/%ns/a", "%mount/data/%ns/a", "%mount/metadata/%ns/a", "%mount/subkeys/%ns/a", "%ns/a", "sys/none", "",
		"%mount/dataa/%ns", "%mount/undelete", "sys/internal/ui/mounts/%mount/%ns", "sys/internal/ui/mounts/none",
		"%mount/data/%ns/a?read_snapshot_id=x", "%mount/data/%ns/a?recover_snapshot_id=x", "%mount/metadata/%ns?list=true&read_snapshot_id=x",
		"sys/health/x", "sys/seal-status/", "sys/leader",
	})
	method := pick(t, []string{
		http.MethodGet, http.MethodPost, http.MethodPut, http.MethodDelete, http.MethodPatch, listing, http.MethodHead,
		http.MethodOptions, "FOO", "RECOVER",
	})
	kind := pick(t, []string{jsonType, patchType, "", "text/plain; x", "application/x-www-form-urlencoded"})
	body := pick(t, []string{"", "{}", `{"data":{"k":"v"}}`, "data=x&options=", "{", `[]`})
	if method == http.MethodDelete && path == "%mount/metadata" {
		path = "%mount/data"
	}
	stray := step{op: "stray", method: method, path: path, contentType: kind, body: body, anonymous: oneIn(t, 4)}
	if oneIn(t, 4) {
		stray.header = pick(t, headers)
	}
	return stray
}

// sequence draws the requests of a sequence.
func sequence() *rapid.Generator[[]step] {
	var drawers []func(*rapid.T) step
	for _, kind := range kinds {
		for range kind.weight {
			drawers = append(drawers, kind.draw)
		}
	}
	one := rapid.Custom(func(t *rapid.T) step { return pick(t, drawers)(t) })
	most := length - len(sweep()) - 1
	return rapid.Custom(func(t *rapid.T) []step {
		steps := rapid.SliceOfN(one, below(t, most), most).Draw(t, "steps")
		if oneIn(t, 2) {
			focus(steps)
		}
		if oneIn(t, 4) {
			steps = append(lifetimes(t), steps[:min(len(steps), most-2)]...)
		}
		return steps
	})
}

// focus makes most steps use one key, so that the key has a long history.
func focus(steps []step) {
	for i := range steps {
		steps[i].path = strings.Replace(steps[i].path, "/%ns/b", "/%ns/a", 1)
		steps[i].path = strings.Replace(steps[i].path, "/%ns/d", "/%ns/a", 1)
	}
}

// lifetimes gives the mount and a key a delete_version_after each.
func lifetimes(t *rapid.T) []step {
	body := func() string { return "{" + lifetime.draw(t, false) + "}" }
	return []step{
		{op: "config put", method: http.MethodPost, path: "%mount/config", contentType: jsonType, body: body()},
		{op: "metadata put", method: http.MethodPost, path: "%mount/metadata/%ns/a", contentType: jsonType, body: body()},
	}
}

// begin resets the mount's settings.
func begin() step {
	return step{
		op: "config put", method: http.MethodPost, path: "%mount/config", contentType: jsonType,
		body: `{"max_versions":0,"cas_required":false,"delete_version_after":0}`,
	}
}

// sweep reads everything that a sequence may have changed.
func sweep() []step {
	steps := []step{{op: "list", method: listing, path: "%mount/metadata/%ns"},
		{op: "config get", method: http.MethodGet, path: "%mount/config"}}
	for _, key := range keys {
		steps = append(steps,
			step{op: "metadata get", method: http.MethodGet, path: "%mount/metadata/%ns/" + key},
			step{op: "data get", method: http.MethodGet, path: "%mount/data/%ns/" + key})
	}
	return steps
}
