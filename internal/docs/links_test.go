package docs

import (
	"net/url"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

var (
	codeSpan = regexp.MustCompile("`[^`]*`")
	link     = regexp.MustCompile(`\[[^\]]*\]\(([^)\s]*)\)`)
)

// links returns the targets of the page's links.
func (p page) links() []string {
	text := codeSpan.ReplaceAllString(strings.Join(p.prose, "\n"), "")
	var found []string
	for _, match := range link.FindAllStringSubmatch(text, -1) {
		found = append(found, match[1])
	}
	return found
}

// TestLinksResolve checks every link to a file or a heading of this repository. Links to
// other sites are not followed.
func TestLinksResolve(t *testing.T) {
	t.Parallel()
	all := pages(t)
	for _, p := range all {
		for _, target := range p.links() {
			if problem := broken(all, p, target); problem != "" {
				t.Errorf("%s: the link to %q: %s, want a file or heading that exists", p.name, target, problem)
			}
		}
	}
}

// broken returns what is wrong with a link of the page, or "".
func broken(all []page, p page, target string) string {
	u, err := url.Parse(target)
	switch {
	case err != nil:
		return err.Error()
	case u.Scheme == "https":
		return ""
	case u.Scheme != "" || path.IsAbs(u.Path):
		return "want a path relative to the page, or https"
	}
	name := p.name
	if u.Path != "" {
		name = path.Join(path.Dir(p.name), u.Path)
	}
	if !filepath.IsLocal(name) {
		return "outside of the repository"
	}
	if _, err := os.Stat(filepath.Join(root, name)); err != nil {
		return "there is no " + name
	}
	if u.Fragment == "" {
		return ""
	}
	i := slices.IndexFunc(all, func(other page) bool { return other.name == name })
	if i < 0 || !slices.Contains(all[i].anchors(), u.Fragment) {
		return "there is no heading for the anchor"
	}
	return ""
}

func TestBrokenLinksAreFound(t *testing.T) {
	t.Parallel()
	p, err := parse("docs/cli.md", "# One\n[x](b.md#two) `[not](a-link)` [`y`](../README.md)\n")
	if err != nil {
		t.Fatal(err)
	}
	if got, want := p.links(), []string{"b.md#two", "../README.md"}; !slices.Equal(got, want) {
		t.Errorf("links = %q, want %q", got, want)
	}
	for _, test := range []struct {
		target string
		broken bool
	}{
		{"#one", false},
		{"../README.md", false},
		{"../docs", false},
		{"https://example.com", false},
		{"#two", true},
		{"../README.md#one", true},
		{"README.md", true},
		{"../../elsewhere", true},
		{"/README.md", true},
		{"http://example.com", true},
	} {
		if got := broken([]page{p}, p, test.target); (got != "") != test.broken {
			t.Errorf("broken(%q) = %q, want a problem: %v", test.target, got, test.broken)
		}
	}
}

// TestReadmeLeadsToEveryPage checks that README.md links to each page.
func TestReadmeLeadsToEveryPage(t *testing.T) {
	t.Parallel()
	links := readPage(t, "README.md").links()
	for _, p := range pages(t) {
		if path.Dir(p.name) == "docs" && !slices.Contains(links, p.name) {
			t.Errorf("README.md has no link to %s, want one to each page", p.name)
		}
	}
}
