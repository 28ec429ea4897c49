package setup

import (
	"slices"
	"strings"

	"goblin/vaultkit/cmd/vaultkit/internal/terminal"
)

// added returns the lines of a diff for a new object. It leaves out what a new object has anyway.
func added(fields []field) (lines []string) {
	for _, f := range fields {
		switch {
		case f.file == "" && isZero(f.value):
		default:
			lines = append(lines, line('+', f.name, showField(f)))
		}
	}
	return lines
}

// changed returns the lines of a diff for an object whose fields differ.
func changed(fields []field, current map[string]any) (lines []string) {
	for _, f := range fields {
		if text, ok := f.value.(policyText); ok {
			old, _ := current[f.name].(string)
			lines = append(lines, textDiff(old, text.text)...)
			continue
		}
		before := showLike(f.value, current[f.name])
		if value, ok := settingOf(current[f.name]); f.file != "" && (!ok || !isZero(value)) {
			before = "another value"
		}
		// A field that is there several times has one value in Vault.
		if removed := line('-', f.name, before); !f.hide && !slices.Contains(lines, removed) {
			lines = append(lines, removed)
		}
		if !f.drop {
			lines = append(lines, line('+', f.name, showField(f)))
		}
	}
	return lines
}

// showField returns the value of a field, or where it comes from.
func showField(f field) string {
	text, isPolicy := f.value.(policyText)
	switch {
	case f.file != "":
		return "from the file " + f.file
	case isPolicy:
		return "from: " + text.printedBy
	}
	return show(f.value)
}

// line returns a line of a diff. Values may be Vault's.
func line(sign byte, name, value string) string {
	return string(sign) + " " + name + ": " + terminal.Printable(value)
}

// textDiff returns the lines that differ, in order: the longest common lines are left out.
func textDiff(old, wanted string) (lines []string) {
	before, after := strings.Split(old, "\n"), strings.Split(wanted, "\n")
	common := commonLengths(before, after)
	i, j := 0, 0
	for i < len(before) || j < len(after) {
		switch {
		case i < len(before) && j < len(after) && before[i] == after[j]:
			i, j = i+1, j+1
		case j == len(after) || i < len(before) && common[i+1][j] >= common[i][j+1]:
			lines = append(lines, "- "+terminal.Printable(before[i]))
			i++
		default:
			lines = append(lines, "+ "+terminal.Printable(after[j]))
			j++
		}
	}
	return lines
}

// commonLengths returns for each pair of positions how many lines both texts have in common from
// there on.
func commonLengths(before, after []string) [][]int {
	common := make([][]int, len(before)+1)
	for i := range common {
		common[i] = make([]int, len(after)+1)
	}
	for i := len(before) - 1; i >= 0; i-- {
		for j := len(after) - 1; j >= 0; j-- {
			common[i][j] = max(common[i+1][j], common[i][j+1])
			if before[i] == after[j] {
				common[i][j] = common[i+1][j+1] + 1
			}
		}
	}
	return common
}
