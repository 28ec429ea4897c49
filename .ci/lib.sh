# Functions of .ci/run.

GOLANGCI_LINT=v2.15.0
GOVULNCHECK=v1.9.0
GO_LICENSES=v1.6.0

# What a dependency's licence may be: those that let anybody build and ship vaultkit.
LICENCES=Apache-2.0,BSD-2-Clause,BSD-3-Clause,ISC,MIT,MPL-2.0

# step says what comes next, and when.
step() { printf '\n== %s [%ds]\n' "$1" "$SECONDS"; }

# in_modules runs a command in each of these directories: in_modules "a b" go vet
in_modules() {
	local module modules=$1
	shift
	for module in $modules; do
		echo "$module"
		(cd "$module" && "$@") || return 1
	done
}

# lint runs the linters on the module in the current directory.
lint() { go run "github.com/golangci/golangci-lint/v2/cmd/golangci-lint@$GOLANGCI_LINT" run ./...; }

# run_readme runs a command line that the README shows, as it stands there.
run_readme() {
	[ -n "$1" ] || { echo "the README no longer shows this command" >&2; return 1; }
	echo "\$ $1"
	bash -euc "$1"
}

# direct_dependencies lists what the root module requires itself.
direct_dependencies() {
	go list -m -f '{{if not (or .Indirect .Main)}}{{.Path}}{{end}}' all | grep . | LC_ALL=C sort
}

# install_licence_check builds the program that check_licences runs, for this system:
# with `go run` it would be built for the system that is checked.
install_licence_check() {
	licence_check=$(mktemp -d)
	GOBIN=$licence_check go install "github.com/google/go-licenses@$GO_LICENSES"
}

# check_licences fails on a dependency of the module in the current directory, tests
# included, whose licence is not one of those above.
check_licences() {
	local system
	for system in linux darwin windows; do
		GOOS=$system "$licence_check/go-licenses" check ./... --include_tests \
			--ignore goblin/vaultkit --allowed_licenses="$LICENCES" --stderrthreshold=ERROR || return 1
	done
}

# install_programs installs Debian packages. In a container we are root; elsewhere it
# takes sudo.
install_programs() {
	local as_root=()
	[ "$(id -u)" -eq 0 ] || as_root=(sudo)
	"${as_root[@]}" apt-get update -q
	"${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -qy --no-install-recommends "$@"
}

# need_c_compiler installs one where the race detector finds none.
need_c_compiler() {
	command -v "$(go env CC)" >/dev/null && return
	echo "installing a C compiler for the race detector"
	install_programs gcc libc6-dev
}

# need_programs installs what the tests run: readers of the environments we write, and
# has their tests fail where one is missing. npm's packages are pinned by
# internal/envformat/testdata/npm/package-lock.json; the test runs `npm ci` itself.
need_programs() {
	local program missing=()
	for program in bash curl dash fish npm; do
		command -v "$program" >/dev/null || missing+=("$program")
	done
	command -v node >/dev/null || missing+=(nodejs)
	if [ ${#missing[@]} -gt 0 ]; then
		echo "installing ${missing[*]}"
		install_programs "${missing[@]}"
	fi
	export CI=true
}

# library_packages are the packages that people import or run, test tools left
# out, joined by commas.
library_packages() {
	go list ./... | grep -vE '/internal/(mutation|vaulttest|clienttest|systemtest|logbuffer|vaultcommand|faultproxy|faulttest|devvault|memvault)|/cmd/' | paste -sd, -
}

# check_coverage prints the line coverage and fails below the given percentage.
check_coverage() {
	local total
	total=$(go tool cover -func="$1" | awk '/^total:/ {sub("%", "", $3); print $3}')
	echo "coverage of the library: $total % of statements (at least $2 %)"
	awk -v have="$total" -v want="$2" 'BEGIN { exit !(have >= want) }'
}

# fuzz_targets lists a package and a fuzz target of it per line.
fuzz_targets() {
	go test -list '^Fuzz' ./... |
		awk '/^Fuzz/ { found[n++] = $1 } $1 == "ok" { for (i = 0; i < n; i++) print $2, found[i]; n = 0 }'
}

# fuzz runs every fuzz target for the given number of inputs. It fails when one
# fails, and when it finds none. What a target finds stays under its package's
# testdata. A number and not a time: go test may take the end of the time itself
# for a failure ("context deadline exceeded").
fuzz() {
	local targets package target
	targets=$(fuzz_targets) || { echo "the fuzz targets cannot be listed" >&2; return 1; }
	[ -n "$targets" ] || { echo "there is no fuzz target" >&2; return 1; }
	while read -r package target; do
		echo "$package $target"
		# Minimizing what is merely interesting would take most of a short time.
		go test -run '^$' -fuzz "^$target\$" -fuzztime "$1" -fuzzminimizetime 10x "$package" </dev/null || return 1
	done <<<"$targets"
}

# check_size builds the CLI as it is released and fails if it has more than the
# given number of bytes.
check_size() {
	local dir size
	dir=$(mktemp -d)
	go build -trimpath -ldflags '-s -w' -o "$dir/vaultkit" ./cmd/vaultkit
	size=$(wc -c <"$dir/vaultkit")
	echo "the CLI has $size bytes (at most $1)"
	"$dir/vaultkit" version
	rm -rf "$dir"
	[ "$size" -le "$1" ]
}

# check_vulnerabilities fails on a known vulnerability that is called. Where the
# database cannot be reached it says that nothing was checked.
check_vulnerabilities() {
	local log
	log=$(mktemp)
	if go run "golang.org/x/vuln/cmd/govulncheck@$GOVULNCHECK" ./... >"$log" 2>&1; then
		cat "$log"
	elif grep -qE 'fetching vulnerabilities|vuln\.go\.dev' "$log" && ! grep -q '^Vulnerability #' "$log"; then
		tail -n 2 "$log"
		echo "govulncheck DID NOT RUN: its database cannot be reached from here"
	else
		cat "$log"
		return 1
	fi
}
