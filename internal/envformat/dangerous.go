package envformat

import (
	"slices"
	"strings"
)

// Anyone who may write a secret in Vault chooses the names of its fields. A field must not set
// a variable that makes a program run, load or trust something else. No list of such variables
// is complete, so most are recognized by their first words (reservedNames, programPrefixes) or
// their last word (dangerousEndings).

// reservedNames are names that no secret may set. A * matches any ending. The sources are
// sudo's env_delete (plugins/sudoers/env.c), glibc's list for setuid programs
// (sysdeps/generic/unsecvars.h), the runner's refusal of NODE_OPTIONS in $GITHUB_ENV, and the
// manuals of the programs.
var reservedNames = strings.Fields(`
	PATH HOME SHELL USER LOGNAME PWD OLDPWD TERM TMPDIR TMP TEMP LANG LANGUAGE
	LC_ALL LC_CTYPE LC_COLLATE LC_MESSAGES LC_NUMERIC LC_MONETARY LC_TIME TZ TZDIR CDPATH EDITOR VISUAL PAGER BROWSER MANPAGER
	COMSPEC PATHEXT SYSTEMROOT SYSTEMDRIVE WINDIR USERPROFILE APPDATA LOCALAPPDATA PROGRAMDATA PSMODULEPATH
	XDG_* GNUPGHOME INPUTRC

	IFS ENV PS1 PS2 PS4 PROMPT_COMMAND SHELLOPTS BASHOPTS BASH_ENV BASH_FUNC_* BASH_XTRACEFD GLOBIGNORE
	FPATH NULLCMD READNULLCMD ZDOTDIR TMPPREFIX FISH_*

	LD_* _RLD* LDR_* SHLIB_PATH LIBPATH DYLD_* GLIBC_TUNABLES HOSTALIASES LOCALDOMAIN LOCPATH
	MALLOC_TRACE NLSPATH PATH_LOCALE RESOLV_HOST_CONF TERMINFO* TERMPATH TERMCAP

	_JAVA_OPTIONS CLASSPATH NPM_CONFIG_* PERLLIB PERL5LIB PERL5OPT PERL5DB PERL5SHELL
	PYTHONHOME PYTHONPATH PYTHONINSPECT PYTHONSTARTUP PYTHONUSERBASE PYTHONEXECUTABLE PYTHONBREAKPOINT PYTHONWARNINGS PIP_*
	RUBYLIB RUBYOPT BUNDLE_* PHPRC GOFLAGS GOPROXY GONOSUMDB GONOSUMCHECK GOENV GOPATH GOROOT GODEBUG CARGO_* RUSTFLAGS
	ERL_* DOTNET_* COR_PROFILER* CORECLR_PROFILER* LESSOPEN LESSCLOSE MAKEFLAGS PKG_CONFIG_*

	GIT_CONFIG* GIT_TRACE* GIT_SSL_* KUBECONFIG REQUESTS_CA_BUNDLE TF_CLI_* ANSIBLE_* SSLKEYLOGFILE WGETRC

	ACTIONS_* VAULT_* VAULTKIT_*
`)

// programPrefixes are the first words of the variables of programs, languages and libraries. A
// secret may set only credentials among them: GIT_TOKEN, but not GIT_DIR.
var programPrefixes = strings.Fields(`
	AWS BASH BUN CLOUDSDK CMAKE COMPOSE COMPOSER COR CORECLR CURL DENO DOCKER ELECTRON FZF GCONV GEM GETCONF GIO GIT GLIB GO GRADLE GTK
	HELM JAVA JDK JULIA KDE KRB5 KUBE KUBECTL LC LESS LIBGL LUA MAVEN MESON NIS NODE NPM OPENSSL PERL PERLIO PHP PNPM PODMAN
	PYTHON QML QT RES R RUBY RUST RUSTC RUSTUP SSH SSL SUDO SYSTEMD TERRAFORM TF UV YARN ZSH
`)

// credentialEndings are the last words of names of credentials.
var credentialEndings = strings.Fields(`
	KEY KEYS TOKEN TOKENS SECRET SECRETS PASSWORD PASSPHRASE CREDENTIAL CREDENTIALS
	ID USERNAME EMAIL ACCOUNT ORG ORGANIZATION PROJECT TENANT REGION
`)

// dangerousEndings are the last words of names that tell a program what to run or load, with
// which options, or where to look. Addresses are not among them, because they belong to the
// provider, like the key (AZURE_OPENAI_ENDPOINT, OPENAI_BASE_URL).
var dangerousEndings = strings.Fields(`
	PATH PATHS DIR DIRS DIRECTORY DIRECTORIES HOME FILE FILES CONFIG CONFIGS CONF RC RCFILE CAFILE CAPATH BUNDLE
	MODULE MODULES PLUGIN PLUGINS EXTENSIONS LIB LIBS LIBRARY LIBRARIES LOADER PRELOAD INIT STARTUP HOOK HOOKS
	OPT OPTS OPTION OPTIONS ARG ARGS FLAG FLAGS
	EDITOR PAGER SHELL BROWSER VIEWER ASKPASS COMMAND COMMANDS CMD EXEC EXECUTABLE BIN BINARY INTERPRETER WRAPPER LAUNCHER
	PROXY PROXIES SOCK SOCKET
`)

// isReserved reports whether a name is dangerous by its first words. It ignores case, as
// Windows does.
func isReserved(name string) bool {
	name = strings.ToUpper(name)
	first, _, more := strings.Cut(name, "_")
	return matchesAny(name, reservedNames) || isProxyVariable(name) ||
		more && slices.Contains(programPrefixes, first) && !slices.Contains(credentialEndings, lastWord(name))
}

// hasDangerousEnding reports whether a name is dangerous by its last word. Names with the
// user's prefix are not checked: only the user's own programs read APP_OPTIONS.
func hasDangerousEnding(name string) bool {
	return slices.Contains(dangerousEndings, lastWord(strings.ToUpper(name)))
}

// lastWord returns the last word of a name that is not a number: PATH in LUA_PATH_5_4.
func lastWord(name string) string {
	words := strings.Split(name, "_")
	for len(words) > 1 && strings.Trim(words[len(words)-1], "0123456789") == "" {
		words = words[:len(words)-1]
	}
	return words[len(words)-1]
}

// isProxyVariable reports whether most programs that use HTTP read the variable: HTTP_PROXY,
// NO_PROXY.
func isProxyVariable(name string) bool {
	kind, is := strings.CutSuffix(name, "_PROXY")
	return is && !strings.Contains(kind, "_")
}

func matchesAny(name string, patterns []string) bool {
	for _, pattern := range patterns {
		if start, open := strings.CutSuffix(pattern, "*"); name == pattern || open && strings.HasPrefix(name, start) {
			return true
		}
	}
	return false
}
