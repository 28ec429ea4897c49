package rotationid

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"goblin/vaultkit"
)

const (
	idV1      = "20260101T000000.000000001Z-v1-0123456789abcdef0123456789abcdef"
	idV3      = "20260301T000000.000000001Z-v3-aaaaaaaabbbbbbbbccccccccdddddddd"
	idV3Again = "20260301T000000.000000001Z-v3-aabbccddeeff00112233445566778899"
	idV30     = "20260401T000000.000000001Z-v30-0123456789abcdef0123456789abcdef"
)

// A part that matches several ids is an error that lists them.
func TestFullID_TakesAnUnambiguousPartOfAnID(t *testing.T) {
	t.Parallel()
	all := []string{idV1, idV3, idV3Again, idV30, idV1, "of-the-python-script"}
	for text, want := range map[string]string{
		idV1: idV1, "v1": idV1, "v30": idV30, "v3-aaa": idV3, "v3-aab": idV3Again, "v1-0123456789abcdef0123456789abcdef": idV1,
		"20260101": idV1, "20260101T0": idV1, "202604": idV30, "20260401T000000.000000001Z-v30-": idV30,
		// A text that is no part of an id is returned; the library refuses it.
		"nonsense": "nonsense", "latest": "latest", "v": "v", "v0": "v0", "../" + idV1: "../" + idV1, "": "",
	} {
		got, err := fullID(text, "p", func() ([]string, error) { return slices.Clone(all), nil })
		if err != nil || got != want {
			t.Errorf("fullID(%q) = %q, %v, want %q", text, got, err, want)
		}
	}
	for text, candidates := range map[string][]string{
		"v3": {idV3, idV3Again}, "v3-": {idV3, idV3Again}, "v3-aa": {idV3, idV3Again}, "202603": {idV3, idV3Again}, "20260301": {idV3, idV3Again},
		"20260301T000000.000000001Z-v3-aa": {idV3, idV3Again},
	} {
		_, err := fullID(text, "p", func() ([]string, error) { return slices.Clone(all), nil })
		if !errors.Is(err, vaultkit.ErrInvalid) {
			t.Errorf("fullID(%q) = %v, want ErrInvalid", text, err)
			continue
		}
		for _, id := range all {
			if named := strings.Contains(err.Error(), id); named != slices.Contains(candidates, id) {
				t.Errorf("fullID(%q) = %v, want an error that names %q", text, err, candidates)
			}
		}
	}
	for _, text := range []string{"v2", "v3-f", "20250101", "9", "20260101T000000.000000001Z-v2"} {
		if got, err := fullID(text, "p", func() ([]string, error) { return slices.Clone(all), nil }); !errors.Is(err, vaultkit.ErrNotFound) {
			t.Errorf("fullID(%q) = %q, %v, want ErrNotFound", text, got, err)
		}
	}
	failed := errors.New("no list")
	if _, err := fullID("v3", "p", func() ([]string, error) { return nil, failed }); !errors.Is(err, failed) {
		t.Errorf("fullID without a list = %v, want its error", err)
	}
}

// Every short form stands for its id.
func TestShortAll_NameTheirID(t *testing.T) {
	t.Parallel()
	all := []string{idV1, idV3, idV3Again, idV30, "of-the-python-script"}
	short := ShortAll(all)
	want := map[string]string{
		idV1: "v1", idV3: "v3-aaaaaaaa", idV3Again: "v3-aabbccdd", idV30: "v30", "of-the-python-script": "of-the-python-script",
	}
	for id, form := range want {
		if short[id] != form {
			t.Errorf("ShortAll()[%s] = %q, want %q", id, short[id], form)
		}
		got, err := fullID(short[id], "p", func() ([]string, error) { return slices.Clone(all), nil })
		if err != nil || got != id {
			t.Errorf("fullID(%q) = %q, %v, want %q", short[id], got, err, id)
		}
	}
}
