package acl

import (
	"fmt"
	"slices"
	"strings"

	"github.com/hashicorp/hcl"
	"github.com/hashicorp/hcl/hcl/ast"
)

// Policy is a parsed policy.
type Policy struct {
	Name  string
	Text  string
	rules []rule
}

// Parse reads a policy in HCL or JSON. Its errors have Vault's texts, but for what it
// refuses with [ErrUnsupported].
func Parse(name, text string) (*Policy, error) {
	rules, err := parseRules(text)
	if err != nil {
		return nil, fmt.Errorf("failed to parse policy: %w", err)
	}
	return &Policy{Name: name, Text: text, rules: rules}, nil
}

func parseRules(text string) ([]rule, error) {
	file, err := hcl.Parse(text)
	if err != nil {
		return nil, err
	}
	list, ok := file.Node.(*ast.ObjectList)
	if !ok {
		return nil, fmt.Errorf("does not contain a root object")
	}
	if err := checkKeys(list, []string{"name", "path"}); err != nil {
		return nil, err
	}
	// Vault decodes the name and ignores it, but a name of another type is an error.
	var named struct {
		Name string `hcl:"name"`
	}
	if err := hcl.DecodeObject(&named, list); err != nil {
		return nil, err
	}
	var rules []rule
	for _, item := range list.Filter("path").Items {
		r, err := parseBlock(item)
		if err != nil {
			return nil, err
		}
		if !hasTemplate(r.path) {
			rules = append(rules, r)
		}
	}
	return rules, nil
}

// parseBlock reads one path block.
func parseBlock(item *ast.ObjectItem) (rule, error) {
	path := "path"
	if len(item.Keys) > 0 {
		path = item.Keys[0].Token.Value().(string)
	}
	if err := checkTemplate(path); err != nil {
		return rule{}, err
	}
	if err := checkKeys(item.Val, blockKeys); err != nil {
		return rule{}, prefixed(path, err)
	}
	if err := checkSupported(path, item.Val); err != nil {
		return rule{}, err
	}
	var b block
	if err := hcl.DecodeObject(&b, item.Val); err != nil {
		return rule{}, prefixed(path, err)
	}
	r, err := newRule(path)
	if err != nil {
		return rule{}, err
	}
	return b.fill(path, r)
}

// newRule says what kind of path it is. Vault counts a segment that only starts with + as
// a wildcard when it chooses the kind, and compares it as it is written.
func newRule(path string) (rule, error) {
	r := rule{path: strings.TrimPrefix(path, "/")}
	prefix, isPrefix := strings.CutSuffix(r.path, "*")
	switch {
	case strings.Contains(r.path, "+*"):
		return r, fmt.Errorf("path %q: invalid use of wildcards ('+*' is forbidden)", r.path)
	case r.path == "+", strings.Contains(r.path, "/+"), strings.HasPrefix(r.path, "+/"):
		r.kind = segmentPath
	case isPrefix:
		r.kind, r.path = prefixPath, prefix
	}
	return r, nil
}

// checkKeys refuses the keys that Vault does not know.
func checkKeys(node ast.Node, known []string) error {
	var list *ast.ObjectList
	switch n := node.(type) {
	case *ast.ObjectList:
		list = n
	case *ast.ObjectType:
		list = n.List
	default:
		return fmt.Errorf("cannot check HCL keys of type %T", n)
	}
	var wrong listError
	for _, item := range list.Items {
		if key := item.Keys[0].Token.Value().(string); !slices.Contains(known, key) {
			wrong = append(wrong, fmt.Sprintf("invalid key %q on line %d", key, item.Assign.Line))
		}
	}
	if len(wrong) == 0 {
		return nil
	}
	return wrong
}
