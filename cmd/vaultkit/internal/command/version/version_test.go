package version

import "testing"

func TestRevision_NamesChanges(t *testing.T) {
	t.Parallel()
	for b, want := range map[Build]string{
		{}: "", {Revision: "abc"}: "abc", {Modified: true}: "", {Revision: "abc", Modified: true}: "abc, with changes",
	} {
		if got := b.revision(); got != want {
			t.Errorf("%+v.revision() = %q, want %q", b, got, want)
		}
	}
}
