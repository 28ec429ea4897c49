package envformat_test

import (
	"math/rand/v2"
	"strings"
)

// traps are values that programs are known to write or read wrongly. Some would run a command
// if a reader did not take them as text.
var traps = []string{
	"", " ", "plain", "sk-fake-0123456789", " both ends ", "\tboth ends\t", "two  spaces", "a=b", "=a", "a==", "#", "a#b", "a #b", "#a",
	"!", "!!", "a!b", "%", "%s%d%n", "%PATH%", "%0A", "%25", "$", "$$", "$A", "${A}", "$HOME", "a$", "$(touch pwned)", "`touch pwned`",
	"$((1+1))", "; touch pwned #", "& touch pwned", "| touch pwned", "> pwned", "\n touch pwned\n", "'; touch pwned; '", `"; touch pwned; "`,
	"'", `"`, "`", "''", `""`, "``", "'a'", `"a"`, "`a`", `'a"`, `"a'`, "it's", `say "x"`, `it's "x"`, `it's "x" \ $A`, `'"'"'`, `'\''`,
	"it's\nmine", "say \"x\"\nit's", "'\n'", "\"\n\"", "a'\nB=c\n'", "a\"\nB=c\n\"",
	`\`, `\\`, `\\\`, `a\`, `\n`, `\r`, `\\n`, `\t`, `\'`, `\"`, `\$A`, `\u0041`, `a\'b`, `\x41`, "\\\n", "a\\\nb", `it's \`, `say "x" \`, `$A\`,
	"\n", "\n\n", "a\n", "\na", "a\nb", "a\n\nb", "a\r", "\ra", "a\rb", "a\r\nb", "\r\n", "a\nB=c", "a\nexport B=c", "a\n#b", "a\n---\nb", "a'\n---\nb",
	"-----BEGIN FAKE KEY-----\nMIIfake\n-----END FAKE KEY-----\n", "{\n  \"type\": \"fake\",\n  \"key\": \"a\\nb\"\n}\n", "EOF", "a\nEOF\n", "a<<EOF\nb\nEOF", "<<",
	"::add-mask::a", "::set-env name=A::b", "a\n::stop-commands::b", "##[add-mask]a",
	"~", "~/a", "*", "?", "[a-z]", "{a,b}", "(a)", "a;b", "a&&b", "a|b", "<a>", "^a", "@a", "@(a)", "-n", "--", "true", "null", "0", "1e3",
	"[a]", "a:b", "/a:/b", "a::b", ":", "export A=b", "set -x", "A=b",
	"\u00e4\u00f6\u00fc", "\u20ac", "\u65e5\u672c\u8a9e", "\U0001F511", "\U0001F468\u200d\U0001F469\u200d\U0001F467", "e\u0301", "\u202eabc", "\u0141\u0142",
	"\u00a0a\u00a0", "\u2003a\u2003", "a\u2028b", "a\u2029b", "\u2028'a'\u2028", "a\u2028\"b\"", "it's\u2028\"x\"", "\u0085a\u0085", "\ufeffa", "a\ufeff", "it's \"x\"\ufeff",
	"\u2018a\u2019", "\u201aa\u201b", "\u201ca\u201d", "it\u2019s", "'\u2019'",
	"\ue000", "\uf600", "\uf6ff", "\ufdd0", "\ufdef", "\ufffe", "\uffff", "\U0010ffff", "\ufffd", "\u0080", "\u0081\u0082\u0088", "\u009f",
}

// corpus returns the traps, every ASCII character in several places, and long values.
func corpus() []string {
	values := append([]string(nil), traps...)
	for c := byte(1); c < 128; c++ {
		one := string(rune(c))
		values = append(values, one, one+one, "a"+one+"b", one+"a", "a"+one, "a "+one+" b", "'"+one+"\"", "it's "+one+"x", "a\n"+one+"\nb")
	}
	return append(values, repeatTo(100_000, "a"), repeatTo(100_000, "it's \"x\" $A\n\\"), repeatTo(100_000, "\U0001F511"),
		repeatTo(32_766, "b"), repeatTo(32_767, "b"), repeatTo(65_000, "c "), repeatTo(65_536, "c"), repeatTo(65_525, "c"))
}

// repeatTo repeats a text up to a length in bytes, or a little less.
func repeatTo(length int, text string) string { return strings.Repeat(text, length/len(text)) }

// random returns values of characters that have a meaning in some format.
func random(count int, seed uint64) []string {
	source := rand.New(rand.NewPCG(seed, 0))
	pieces := append(strings.Split(`' " `+"`"+` \ $ # ! % = a B 1 { } ( ) < > & | ; ~ * : - _ . , export $A ${A} \n \' \" --- '' ""`, " "),
		" ", "  ", "\t", "\n", "\r", "\r\n", "\v", "\f", "\x01", "\x7f", "\u0081", "\u00a0", "\u2028", "\ufeff", "\u2019", "\U0001F511")
	var values []string
	for range count {
		var value strings.Builder
		for range 1 + source.IntN(12) {
			value.WriteString(pieces[source.IntN(len(pieces))])
		}
		values = append(values, value.String())
	}
	return values
}
