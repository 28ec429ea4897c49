package difftest_test

import (
	"fmt"
	"strings"

	"pgregory.net/rapid"
)

// length is the number of requests of a sequence, with the reads of everything at its end.
const length = 40

const (
	jsonType  = "application/json"
	patchType = "application/merge-patch+json"
	listing   = "LIST"
)

// keys are the paths of the entries, below the sequence's namespace. A few stand in
// directories, so that one key is another's directory.
var keys = []string{"a", "b", "d/x", "d/y/z", "d"}

// hostileKeys are paths that a client should not send. None leaves the namespace, which is
// two levels deep.
var hostileKeys = []string{
	"a%2f%2fb", "a%2f..%2fb", "..%2fa", "%2e", "%2e%2fa", "%20a%20", "%c3%a9", "a..b", "%ffa", "a/", "d%2f", "a//b", "a/../b",
	"a%01", "a%3fb", "a%252fb", "a+b", "%2fa", "data/a", "a%0a", "A", "...", "a%23",
}

func key() *rapid.Generator[string] {
	return rapid.Custom(func(t *rapid.T) string {
		switch {
		case oneIn(t, 12):
			return "%ns/" + pick(t, hostileKeys)
		case oneIn(t, 3):
			return "%ns/" + pick(t, keys)
		default:
			return "%ns/" + pick(t, keys[:2])
		}
	})
}

// values are JSON texts, some of them hostile: numbers that float64 cannot hold, invalid
// UTF-8, half a surrogate pair.
var values = []string{
	`"s"`, `1`, `1.0`, `9007199254740993`, `1e3`, `0.1`, `-0`, `1E+2`, `123456789012345678901234567890`, `1e-7`, `1e21`, `true`,
	`null`, `[]`, `{}`, `[1,{"x":null,"y":1},null]`, `{"x":1,"y":null,"z":{"w":null}}`, `{"x":{"y":2}}`, `"é"`, `"<&>"`, `" "`,
	`"\u0000"`, `"\ud83d\ude00"`, `""`, "\"\xff\"",
}

// badValues make the whole body unreadable.
var badValues = []string{`1e400`, `01`, `.5`, `-`, `"\ud800"`, `"\x"`, `"\u12g4"`, `tru`, `"`, `{"a":1,"a":2}`, `[1,]`, `{"a":}`, `{"a" 1}`}

func object() *rapid.Generator[string] {
	return rapid.Custom(func(t *rapid.T) string {
		names := rapid.SliceOfNDistinct(rapid.SampledFrom([]string{"k", "l", "m"}), 0, 3, rapid.ID[string]).Draw(t, "names")
		members := make([]string, len(names))
		for i, name := range names {
			members[i] = fmt.Sprintf("%q:%s", name, pick(t, values))
		}
		return "{" + strings.Join(members, ",") + "}"
	})
}

// below draws a number below n, each as often as the others. rapid's own generators prefer
// small numbers, and so the first of a list.
func below(t *rapid.T, n int) (number int) {
	bit := rapid.Bool()
	for reach := 1; reach < 8*n; reach *= 2 {
		number *= 2
		if bit.Draw(t, "bit") {
			number++
		}
	}
	return number % n
}

// pick draws an element of a list.
func pick[T any](t *rapid.T, list []T) T { return list[below(t, len(list))] }

// oneIn draws true once in n times.
func oneIn(t *rapid.T, n int) bool { return below(t, n) == n-1 }

// dataBody is the body of a write. At most one thing in it is wrong, because Vault reports
// the first that it finds in the random order of a Go map.
func dataBody(t *rapid.T) string {
	data := object().Draw(t, "data")
	switch below(t, 40) - 35 {
	case 0:
		return pick(t, []string{``, `{}`, `null`, `[]`, `"x"`, `5`, `{`, `{"data"}`, `{"data":{}} x`, "\x1f{}"})
	case 1:
		data = pick(t, []string{`null`, `"x"`, `[]`, `[{"a":1},{"b":2}]`, `["a"]`, `5`, `true`, `[null]`, `[null,{"a":1}]`})
		return `{"data":` + data + `}`
	case 2:
		return `{"data":{"k":` + pick(t, badValues) + `}}`
	case 3:
		return `{"data":` + data + `,"options":` + pick(t, []string{`"x"`, `null`, `[]`, `{}`, `[{"cas":0}]`, `5`}) + `}`
	case 4:
		return `{"data":` + data + `,"extra":1,"path":"b","another":null}`
	}
	return `{"data":` + data + casOption(t) + `}`
}

// mutated damages a body in one place.
func mutated(t *rapid.T, body string) string {
	damage := []string{"", "{", "}", "[", "]", ",", ":", `"`, `\`, " ", "0", "e", "-", ".", "t", "n", "\x1f", "\x00", "\xff",
		"\ufeff", "//", `\u0`, `{"`, `"x":`}
	at := below(t, len(body)+1)
	end := min(len(body), at+below(t, 2))
	return body[:at] + pick(t, damage) + body[end:]
}

func casOption(t *rapid.T) string {
	switch {
	case oneIn(t, 15):
		odd := []string{`"1"`, `1.0`, `true`, `null`, `"x"`, `[]`, `-1`, `"0x1"`, `""`, `false`, `99999999999999999999`}
		return `,"options":{"cas":` + pick(t, odd) + `}`
	case oneIn(t, 4):
		return fmt.Sprintf(`,"options":{"cas":%d}`, below(t, 4))
	default:
		return ""
	}
}

func versionQuery(t *rapid.T) string {
	if !oneIn(t, 2) {
		return ""
	}
	return pick(t, []string{
		"?version=1", "?version=2", "?version=3", "?version=4", "?version=0", "?version=-1", "?version=", "?version=99", "?version=x",
		"?version=1&version=2", "?version=1.5", "?version=0x1", "?foo=1&version=1", "?list=false", "?version=true", "?version=1&path=z",
	})
}

func versionsBody(t *rapid.T) string {
	if oneIn(t, 8) {
		odd := []string{
			`{}`, `{"versions":[]}`, `{"versions":null}`, `{"versions":"x"}`, `{"versions":"1,2"}`, `{"versions":1}`, `{"versions":["1"]}`,
			`{"versions":[true]}`, `{"versions":[null]}`, `{"versions":{}}`, `{"versions":[{}]}`, `{"versions":[1.5,"x"]}`, `{"versions":-1}`,
			`{"versions":""}`, `{"versions":[1],"extra":2}`, `{"versions":"1, 2"}`, `{"versions":[[1]]}`, `{"versions":true}`,
			`{"versions":{"a":1}}`,
		}
		return pick(t, odd)
	}
	if oneIn(t, 2) {
		return fmt.Sprintf(`{"versions":[%d,%d]}`, 1+below(t, 4), 1+below(t, 4))
	}
	return fmt.Sprintf(`{"versions":[%d]}`, 1+below(t, 3))
}
