package docs

import (
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/hashicorp/hcl"
)

// root is the path of the repository.
const root = "../.."

// page is one Markdown file.
type page struct {
	name   string   // from the root of the repository: "docs/cli.md"
	prose  []string // its lines, those inside of blocks empty
	blocks []block
}

// block is a fenced block of a page.
type block struct {
	page string
	line int    // of its first line of text
	kind string // the text after the backticks: "sh", "sh clone", "go"
	text string
}

func (b block) String() string { return fmt.Sprintf("%s:%d", b.page, b.line) }

// pages returns every Markdown file of the repository.
func pages(t *testing.T) []page {
	t.Helper()
	var found []page
	err := fs.WalkDir(os.DirFS(root), ".", func(name string, entry fs.DirEntry, err error) error {
		if entry != nil && entry.IsDir() && (entry.Name() == ".git" || entry.Name() == "node_modules") {
			return fs.SkipDir
		}
		if err == nil && path.Ext(name) == ".md" {
			found = append(found, readPage(t, name))
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}

func readPage(t *testing.T, name string) page {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(root, name))
	if err != nil {
		t.Fatal(err)
	}
	p, err := parse(name, string(text))
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// fence begins or ends a block; it is indented in a list.
var fence = regexp.MustCompile("^( *)```(.*)$")

func parse(name, text string) (page, error) {
	p := page{name: name}
	var open *block
	var indent string
	for i, line := range strings.Split(text, "\n") {
		mark := fence.FindStringSubmatch(line)
		switch {
		case open == nil && mark != nil:
			open, indent = &block{page: name, line: i + 2, kind: mark[2]}, mark[1]
		case open == nil:
			p.prose = append(p.prose, line)
			continue
		case mark != nil && mark[2] == "":
			p.blocks = append(p.blocks, *open)
			open = nil
		default:
			open.text += strings.TrimPrefix(line, indent) + "\n"
		}
		p.prose = append(p.prose, "")
	}
	if open != nil {
		return p, fmt.Errorf("%v: the block does not end", open)
	}
	return p, nil
}

// anchors returns what a link to a heading of the page can name, by GitHub's rules.
func (p page) anchors() []string {
	var found []string
	used := map[string]int{}
	for _, line := range p.prose {
		heading := regexp.MustCompile(`^#+ +(.*)$`).FindStringSubmatch(line)
		if heading == nil {
			continue
		}
		slug := slugOf(heading[1])
		if n := used[slug]; n > 0 {
			found = append(found, fmt.Sprintf("%s-%d", slug, n))
		} else {
			found = append(found, slug)
		}
		used[slug]++
	}
	return found
}

func slugOf(heading string) string {
	heading = regexp.MustCompile(`\[([^\]]*)\]\([^)]*\)`).ReplaceAllString(heading, "$1") // a link's text
	heading = strings.ReplaceAll(strings.ToLower(strings.TrimSpace(heading)), " ", "-")
	return regexp.MustCompile(`[^\p{L}\p{N}_-]`).ReplaceAllString(heading, "")
}

func TestAnchorsAreGitHubs(t *testing.T) {
	t.Parallel()
	p, err := parse("a.md", "# When `x` fails\n```sh\n# no heading\n```\n## Not guaranteed\n## Not guaranteed\n### [A](b.md): c, d_e\n")
	if err != nil {
		t.Fatal(err)
	}
	want := []string{"when-x-fails", "not-guaranteed", "not-guaranteed-1", "a-c-d_e"}
	if got := p.anchors(); !slices.Equal(got, want) {
		t.Errorf("anchors = %q, want %q", got, want)
	}
}

// kinds are the kinds of blocks there may be. CONTRIBUTING.md describes them.
var kinds = []string{"sh", "sh clone", "sh module", "console", "go", "hcl", "text"}

func TestBlocksHaveAKnownKind(t *testing.T) {
	t.Parallel()
	for _, p := range pages(t) {
		for _, b := range p.blocks {
			if !slices.Contains(kinds, b.kind) {
				t.Errorf("%v: the block's kind is %q, want one of %q", b, b.kind, kinds)
			}
		}
	}
}

func TestHCLBlocksAreHCL(t *testing.T) {
	t.Parallel()
	found := 0
	for _, p := range pages(t) {
		for _, b := range p.blocks {
			if b.kind != "hcl" {
				continue
			}
			found++
			if _, err := hcl.Parse(b.text); err != nil {
				t.Errorf("%v: hcl.Parse = %v, want no error", b, err)
			}
		}
	}
	if found == 0 {
		t.Error("the pages have no hcl block, want at least one")
	}
}

func TestReadmeIsShort(t *testing.T) {
	t.Parallel()
	const limit = 1500
	text, err := os.ReadFile(filepath.Join(root, "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	if words := len(strings.Fields(string(text))); words > limit {
		t.Errorf("README.md has %d words, want at most %d: move something to docs/", words, limit)
	}
}
