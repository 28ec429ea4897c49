package main

import (
	"errors"
	"strings"
	"syscall"
	"testing"

	"goblin/vaultkit/cmd/vaultkit/internal/exitcode"
)

// printed is what a table prints to a stream of that kind.
func printed(t *testing.T, terminal, colour bool, fill func(*table), headings ...string) string {
	t.Helper()
	var out strings.Builder
	tbl := newTable(&shared{screen: &screen{}, stream: &out, terminal: terminal, colour: colour}, "  ", headings...)
	fill(tbl)
	if out.String() != "" {
		t.Errorf("printed before flush: %q", out.String())
	}
	if err := tbl.flush(); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

func TestTable(t *testing.T) {
	t.Parallel()
	fill := func(tbl *table) {
		tbl.row("schlüssel", "expired", "a\tb")
		tbl.row("p", "", "")
		tbl.optional("q", "")
	}
	headings := []string{"PROVIDER", "DUE", "NOTE"}
	for name, tc := range map[string]struct {
		terminal, colour bool
		headings         []string
		want             string
	}{
		"elsewhere":         {false, false, headings, "schlüssel\texpired\t\"a\\tb\"\np\t-\t-\n"},
		"on a terminal":     {true, false, headings, "  PROVIDER   DUE      NOTE\n  schlüssel  expired  \"a\\tb\"\n  p          -        -\n"},
		"names and values":  {true, true, nil, "  schlüssel  expired  \"a\\tb\"\n  p          -        -\n"},
		"names and values,": {false, false, nil, "schlüssel\texpired\t\"a\\tb\"\np\t-\t-\n"},
		"in colour": {true, true, headings, "  \x1b[1mPROVIDER\x1b[0m   \x1b[1mDUE\x1b[0m      \x1b[1mNOTE\x1b[0m\n" +
			"  schlüssel  \x1b[31mexpired\x1b[0m  \x1b[33m\"a\\tb\"\x1b[0m\n  p          -        -\n"},
	} {
		if got := printed(t, tc.terminal, tc.colour, fill, tc.headings...); got != tc.want {
			t.Errorf("%s:\n%q, want\n%q", name, got, tc.want)
		}
	}
}

func TestMarks(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		heading, text string
		want          style
	}{
		{"DUE", "expired", red}, {"DUE", "age", red}, {"DUE", emptyCell, ""}, {"NOTE", "1 pending", yellow},
		{"OUTCOME", "undecided", yellow}, {"OUTCOME", "committed", ""}, {"ROTATION", "undecided", yellow}, {"PROVIDER", "expired", ""},
	} {
		if got := markOf(tc.heading, tc.text); got != tc.want {
			t.Errorf("%s %q is shown as %q, want %q", tc.heading, tc.text, got, tc.want)
		}
	}
}

// closedPipe is a pipe whose reader has left.
type closedPipe struct{}

func (closedPipe) Write([]byte) (int, error) { return 0, syscall.EPIPE }

func TestClosedPipe(t *testing.T) {
	t.Parallel()
	provider, before := stored(t)
	for _, args := range [][]string{{"get", provider}, {"list"}, {"status", provider}, {"rotate", provider, "--auto"}, {"version"}, {"help"}} {
		var errs strings.Builder
		std := streams{In: strings.NewReader(""), Out: closedPipe{}, Err: &errs}
		if code := run(t.Context(), append(args, connect(t, role(t, "rotator"))...), std); code != exitcode.OK || errs.Len() > 0 {
			t.Errorf("vaultkit %q: exit code %d: %s", args, code, errs.String())
		}
	}
	if after := vk(t, "", "get", provider).ok(t); after == before+"\n" {
		t.Error("the rotation was not finished")
	}
	if n, err := (&screen{}).share(closedPipe{}).Write([]byte("abc")); n != 3 || err != nil {
		t.Errorf("%d bytes are written, %v", n, err)
	}
	if _, err := (&screen{}).share(failing{}).Write([]byte("abc")); err == nil || errors.Is(err, syscall.EPIPE) {
		t.Errorf("another failure is %v", err)
	}
}
