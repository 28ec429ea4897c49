package difftest_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
)

// row is a fact about Vault that vaultkit relies on: what a request gets in a situation.
type row struct {
	fact   string
	script []expected
}

const (
	mismatch = "check-and-set parameter did not match the current version"
	required = "check-and-set parameter required for this call"
	unparsed = "error parsing check-and-set parameter"
	empty    = `{"errors":[]}`
	k        = entry("k")
)

// casRows are the facts about check-and-set.
var casRows = []row{
	{"cas=0 writes a key that is not there, once", []expected{k.cas(0).is(200), k.cas(0).is(400, mismatch)}},
	{"cas=n writes over version n alone", []expected{k.write(), k.cas(2).is(400, mismatch), k.cas(1).is(200), k.cas(1).is(400, mismatch)}},
	{"cas that is no number is refused", []expected{k.put(`{"data":{},"options":{"cas":"x"}}`).is(400, unparsed)}},
	{"cas is required if the key says so", []expected{
		k.set(`{"cas_required":true}`).is(204), k.put(`{"data":{}}`).is(400, required), k.cas(0).is(200),
	}},
	{"cas is required if the mount says so", []expected{
		config(`{"cas_required":true}`).is(204), k.put(`{"data":{}}`).is(400, required), k.patch(`{"data":{}}`).is(404), k.cas(0).is(200),
		k.patch(`{"data":{}}`).is(400, required), k.set(`{"cas_required":false}`).is(200, "mandated by backend config"),
		config(`{"cas_required":false}`).is(204),
	}},
	{"after a soft delete cas=0 fails and cas=n passes", []expected{
		k.write(), k.remove().is(204), k.cas(0).is(400, mismatch), k.cas(1).is(200, `"version":2`),
	}},
	{"after a destroy cas=0 fails and cas=n passes", []expected{
		k.write(), k.versions("destroy", "[1]").is(204), k.cas(0).is(400, mismatch), k.cas(1).is(200, `"version":2`),
	}},
	{"after a metadata delete versions restart, so a stale cas passes", []expected{
		k.write(), k.write(), k.forget().is(204), k.cas(2).is(400, mismatch), k.write(), k.write(), k.cas(2).is(200, `"version":3`),
	}},
	{"a repeated write without cas makes two versions", []expected{k.write(), k.write(), k.metadata().is(200, `"current_version":2`)}},
	{"a write without data is refused", []expected{k.put(`{}`).is(400, "no data provided")}},
}

// metadataRows are the facts about metadata.
var metadataRows = []row{
	{"metadata may come first", []expected{
		k.set(`{"max_versions":5}`).is(204), k.metadata().is(200, `"current_version":0`), list("").is(200, `"keys":["k"]`),
		k.get().is(404, empty), k.patch(`{"data":{}}`).is(404), k.cas(0).is(200, `"version":1`),
	}},
	{"metadata without a setting does nothing", []expected{k.set(`{}`).is(204), k.metadata().is(404, empty)}},
	{"delete_version_after is fixed when the version is written", []expected{
		k.set(`{"delete_version_after":"1h"}`).is(204), k.write(), k.set(`{"delete_version_after":"3h"}`).is(204), k.get().is(200), k.write(),
		k.metadata().is(200, `"delete_version_after":"3h0m0s"`),
	}},
	{"the shorter delete_version_after of mount and key counts", []expected{
		config(`{"delete_version_after":"2h"}`).is(204), k.write(), k.set(`{"delete_version_after":"1h"}`).is(204), k.write(),
		k.set(`{"delete_version_after":"3h"}`).is(204), k.write(), k.metadata().is(200), config(`{"delete_version_after":"-1s"}`).is(204),
		k.cas(3).is(200, `"deletion_time":""`),
	}},
	{"undelete starts the time anew", []expected{
		k.set(`{"delete_version_after":"1h"}`).is(204), k.write(), k.remove().is(204), k.versions("undelete", "[1]").is(204), k.get().is(200),
	}},
	{"max_versions prunes at the next write", []expected{
		k.write(), k.write(), k.write(), k.set(`{"max_versions":1}`).is(204), k.get("?version=1").is(200), k.write(),
		k.get("?version=3").is(404, empty), k.metadata().is(200, `"oldest_version":4`),
	}},
	{"ten versions are kept if nobody says otherwise", append(repeat(k.write(), 11),
		k.metadata().is(200, `"oldest_version":2`), k.get("?version=1").is(404, empty))},
	{"custom metadata is replaced as a whole", []expected{
		k.set(`{"custom_metadata":{"a":"1","b":"2"}}`).is(204), k.set(`{"max_versions":2}`).is(204),
		k.metadata().is(200, `"custom_metadata":{"a":"1","b":"2"}`), k.set(`{"custom_metadata":{"c":"3"}}`).is(204),
		k.metadata().is(200, `"custom_metadata":{"c":"3"}`), k.set(`{"custom_metadata":{}}`).is(204),
		k.metadata().is(200, `"custom_metadata":null`),
	}},
	{"a patch of custom metadata merges, and null deletes", []expected{
		k.merge(`{"custom_metadata":{"a":"1"}}`).is(404), k.set(`{"custom_metadata":{"a":"1","b":"2"}}`).is(204),
		k.merge(`{"custom_metadata":{"a":null,"c":"3"}}`).is(204), k.metadata().is(200, `"custom_metadata":{"b":"2","c":"3"}`),
	}},
	{"a patch reports the first custom value of a wrong type, those that were there before first", []expected{
		k.set(`{"custom_metadata":{"b":"x"}}`).is(204), k.merge(`{"custom_metadata":{"a":true,"b":2}}`).is(500, "cannot unmarshal number"),
		k.merge(`{"custom_metadata":{"a":true}}`).is(500, "cannot unmarshal bool"), k.merge(`{"max_versions":-1}`).is(500, "number -1"),
	}},
	{"64 custom keys are allowed", []expected{k.set(manyCustom(64)).is(204), k.set(manyCustom(65)).is(400, "at most 64 keys, provided 65")}},
	{"a custom key has 1 to 128 bytes", []expected{
		k.set(customPair(strings.Repeat("k", 128), "v")).is(204), k.set(customPair(strings.Repeat("k", 129), "v")).is(400, "is 129 but must be"),
		k.set(customPair("", "v")).is(400, `length of key \"\" is 0`),
	}},
	{"a custom value has 1 to 512 bytes", []expected{
		k.set(customPair("k", strings.Repeat("v", 512))).is(204), k.set(customPair("k", strings.Repeat("v", 513))).is(400, "is 513 but must be"),
		k.set(customPair("k", "")).is(400, `length of value for key \"k\" is 0`),
	}},
	{"custom metadata is printable, and the key is in the error", []expected{
		k.set(customPair(`odd\n`, "v")).is(400, "contains unprintable characters"),
		k.set(customPair("odd", `\t`)).is(400, `value for key \"odd\"`),
	}},
	{"a patch has a content type of its own", []expected{
		at(http.MethodPatch, "%mount/metadata/%ns/k", `{}`).is(415, "PATCH requires Content-Type of application/merge-patch+json"),
	}},
}

// readRows are the facts about reads.
var readRows = []row{
	{"a soft-deleted version is a 404 with metadata", []expected{k.write(), k.remove().is(204), k.get().is(404, `"data":null,"metadata"`)}},
	{"a destroyed version is a 404 that says so", []expected{
		k.write(), k.versions("destroy", "[1]").is(204), k.get().is(404, `"destroyed":true`), k.versions("undelete", "[1]").is(204),
		k.get().is(404),
	}},
	{"an absent key or version is a bare 404", []expected{
		k.get().is(404, empty), k.metadata().is(404, empty), k.write(), k.get("?version=2").is(404, empty), list("/none").is(404, empty),
	}},
	{"version 0, -1 and an empty one are the latest", []expected{
		k.write(), k.write(), k.get("?version=0").is(200, `"version":2`), k.get("?version=-1").is(200, `"version":2`),
		k.get("?version=").is(200, `"version":2`), k.get("?version=1").is(200, `"version":1`),
		k.get("?version=x").is(400, "Field validation failed"),
	}},
	{"a deleted current version does not fall back",
		[]expected{k.write(), k.write(), k.remove().is(204), k.get().is(404), k.get("?version=1").is(200)}},
	{"a missing mount is a 404 that says so", []expected{
		at(http.MethodGet, "none/data/x").is(404, `no handler for route \"none/data/x\". route entry not found.`),
		at(http.MethodPost, "none/data/x", `{}`).is(404, "no handler for route"),
	}},
	{"a forgotten data/ is a 404 with a warning", []expected{
		at(http.MethodGet, "%mount/%ns/k").is(404, "Invalid path for a versioned K/V secrets engine"),
		at(http.MethodGet, "%mount/data").is(404, "Non-listing operations on the root"),
	}},
	{"delete, undelete and destroy of nothing succeed", []expected{
		k.remove().is(204), k.versions("delete", "[1]").is(204), k.versions("undelete", "[1]").is(204), k.versions("destroy", "[1]").is(204),
		k.forget().is(204), k.metadata().is(404, empty),
	}},
	{"the mount tells its version", []expected{
		at(http.MethodGet, "sys/internal/ui/mounts/%mount/%ns").is(200, `"options":{"version":"2"}`),
		at(http.MethodGet, "sys/internal/ui/mounts/none/x").is(403, "preflight capability check returned 403"),
	}},
	{"a request without a token is refused", []expected{
		step{op: "other", method: http.MethodGet, path: "%mount/data/%ns/k", anonymous: true}.is(403, `{"errors":["permission denied"]}`),
	}},
	{"a mount of version 1 takes the requests of version 2", []expected{
		at(http.MethodPost, "sys/mounts/%mount-v1", `{"type":"kv","options":{"version":"1"}}`).is(204),
		at(http.MethodPost, "%mount-v1/data/k", `{"data":{"a":1},"options":{"cas":5}}`).is(204),
		at(http.MethodGet, "%mount-v1/data/k").is(200, `"data":{"data":{"a":1},"options":{"cas":5}}`),
		at(http.MethodGet, "sys/internal/ui/mounts/%mount-v1").is(200, `"options":{"version":"1"}`),
		at(listing, "%mount-v1/data").is(200, `"keys":["k"]`), at(http.MethodDelete, "%mount-v1/data/k").is(204),
		at(http.MethodGet, "%mount-v1/data/k").is(404, empty), at(http.MethodDelete, "sys/mounts/%mount-v1").is(204),
		at(http.MethodGet, "%mount-v1/data/k").is(404, "no handler for route"),
	}},
}

// valueRows are the facts about values and paths.
var valueRows = []row{
	{"numbers pass through float64", []expected{
		k.put(`{"data":{"a":9007199254740993,"b":1.0,"c":1e2}}`).is(200), k.get().is(200, `"a":9007199254740992,"b":1,"c":100`),
	}},
	{"a number beyond float64 is an internal error", []expected{k.put(`{"data":{"a":1e400}}`).is(500, "invalid number syntax for '1e400'")}},
	{"invalid UTF-8 in a value is replaced", []expected{k.put("{\"data\":{\"a\":\"x\xffy\"}}").is(200), k.get().is(200, "x\ufffdy")}},
	{"a string over 1 MiB is an internal error", []expected{
		k.put(`{"data":{"a":"` + strings.Repeat("x", 1<<20) + `"}}`).is(200),
		k.put(`{"data":{"a":"`+strings.Repeat("x", 1<<20+1)+`"}}`).is(500, "JSON string value exceeds allowed length"),
	}},
	{"deep JSON is an internal error", []expected{
		k.put(`{"data":` + nested(299) + `}`).is(200), k.put(`{"data":`+nested(300)+`}`).is(500, "JSON input exceeds allowed nesting depth"),
	}},
	{"more than 10,000 entries are an internal error", []expected{
		k.put(`{"data":` + wide(10000) + `}`).is(200), k.put(`{"data":`+wide(10001)+`}`).is(500, "JSON object exceeds allowed entry count"),
	}},
	{"a body over 32 MiB is too large", []expected{
		k.put(`{"data":{"a":[`+strings.Repeat(`"`+strings.Repeat("x", 1<<20-3)+`",`, 32)+`""]}}`).is(413, "request body too large"),
		k.put(`{"data":{"a":"`+strings.Repeat("x", 33<<20)+`"}}`).is(500, "JSON string value exceeds allowed length"),
	}},
	{"bad JSON is an internal error", []expected{k.put(`{x`).is(500, "invalid character 'x' looking for beginning of value")}},
	{"a path is cleaned before it is a key", []expected{
		k.get("/../x").is(307), k.get("//x").is(307), entry("x%2f%2fy").put(`{"data":{}}`).is(200), list("/x").is(200, `"keys":["y"]`),
		entry("x/y").metadata().is(200, `"current_version":1`), entry("x/y").get().is(500, "could not find version data"),
	}},
	{"a path that is not UTF-8 is an internal error, or a bad request if there is a warning too", []expected{
		entry("k%ff").put(`{"data":{}}`).is(500, "string field contains invalid UTF-8"), config(`{"cas_required":true}`).is(204),
		entry("k%ff").set(`{"cas_required":false}`).is(400, "string field contains invalid UTF-8"),
	}},
	{"an encoded .. reaches another key's metadata", []expected{
		entry("other").write(), entry("k%2f..%2fother").metadata().is(200, `"current_version":1`),
	}},
	{"a path that ends in a slash is not written", []expected{entry("k/").put(`{"data":{}}`).is(400, "cannot write to a path ending in '/'")}},
	{"a path with a control character is refused", []expected{entry("k%01").get().is(400)}},
	{"a patch merges into the data", []expected{
		k.put(`{"data":{"a":1,"b":{"c":2,"d":3}}}`).is(200), k.patch(`{"data":{"a":null,"b":{"d":4}}}`).is(200),
		k.get().is(200, `"data":{"b":{"c":2,"d":4}}`),
	}},
}

func repeat(e expected, n int) (all []expected) {
	for range n {
		all = append(all, e)
	}
	return all
}

func customPair(name, value string) string {
	return `{"custom_metadata":{"` + name + `":"` + value + `"}}`
}

func manyCustom(n int) string { return `{"custom_metadata":` + wide(n) + `}` }

// nested returns an object of the given depth.
func nested(depth int) string {
	return strings.Repeat(`{"a":`, depth-1) + "{}" + strings.Repeat("}", depth-1)
}

// wide returns an object of n texts.
func wide(n int) string {
	members := make([]string, n)
	for i := range members {
		members[i] = fmt.Sprintf(`"k%d":"v"`, i)
	}
	return "{" + strings.Join(members, ",") + "}"
}

// TestFacts_HoldOnBothServers plays every fact that vaultkit relies on.
func TestFacts_HoldOnBothServers(t *testing.T) {
	p := newPair(t, "").overSocket(t)
	var counts table
	for _, part := range []struct {
		name string
		rows []row
	}{{"check-and-set", casRows}, {"metadata", metadataRows}, {"reads", readRows}, {"values and paths", valueRows}, {"mounts", sysRows}} {
		for _, row := range part.rows {
			t.Run(part.name+": "+row.fact, func(t *testing.T) { p.run(t, append([]expected{begin().is(204)}, row.script...), &counts) })
		}
	}
	t.Logf("compared %d exchanges\n%v", counts.total(), &counts)
}
