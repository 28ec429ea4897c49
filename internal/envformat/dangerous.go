package envformat

import (
	"slices"
	"strings"
)

// No secret in Vault, which others may write, gets to set a variable that makes a
// program run, load or trust something else, or look elsewhere for it. There are more
// such variables than anybody can list, so most are known by how they are called:
// by their first words (closed, programs) and by their last one (steering).

// closed are names that no secret sets, whatever it is. A * stands for any ending. From
// sudo's env_delete (plugins/sudoers/env.c), glibc's list for setuid programs
// (sysdeps/generic/unsecvars.h), the runner's block of NODE_OPTIONS in $GITHUB_ENV, and
// the manuals of the programs named.
var closed = strings.Fields(`
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

// programs are the first words of what programs, languages and libraries read. Of
// these a secret may set credentials alone: GIT_TOKEN, and not GIT_DIR.
var programs = strings.Fields(`
	AWS BASH BUN CLOUDSDK CMAKE COMPOSE COMPOSER COR CORECLR CURL DENO DOCKER ELECTRON FZF GCONV GEM GETCONF GIO GIT GLIB GO GRADLE GTK
	HELM JAVA JDK JULIA KDE KRB5 KUBE KUBECTL LC LESS LIBGL LUA MAVEN MESON NIS NODE NPM OPENSSL PERL PERLIO PHP PNPM PODMAN
	PYTHON QML QT RES R RUBY RUST RUSTC RUSTUP SSH SSL SUDO SYSTEMD TERRAFORM TF UV YARN ZSH
`)

// credentials are the last words of names that say who somebody is.
var credentials = strings.Fields(`
	KEY KEYS TOKEN TOKENS SECRET SECRETS PASSWORD PASSPHRASE CREDENTIAL CREDENTIALS
	ID USERNAME EMAIL ACCOUNT ORG ORGANIZATION PROJECT TENANT REGION
`)

// steering are the last words of names that say, to whatever program, what to run or
// load, with which options, or where to look. An address is not among them: with its
// key, it is the provider's own (AZURE_OPENAI_ENDPOINT, OPENAI_BASE_URL).
var steering = strings.Fields(`
	PATH PATHS DIR DIRS DIRECTORY DIRECTORIES HOME FILE FILES CONFIG CONFIGS CONF RC RCFILE CAFILE CAPATH BUNDLE
	MODULE MODULES PLUGIN PLUGINS EXTENSIONS LIB LIBS LIBRARY LIBRARIES LOADER PRELOAD INIT STARTUP HOOK HOOKS
	OPT OPTS OPTION OPTIONS ARG ARGS FLAG FLAGS
	EDITOR PAGER SHELL BROWSER VIEWER ASKPASS COMMAND COMMANDS CMD EXEC EXECUTABLE BIN BINARY INTERPRETER WRAPPER LAUNCHER
	PROXY PROXIES SOCK SOCKET
`)

// dangerous reports a name that steers a program by its first words. Windows and the
// proxies' names do not tell cases apart.
func dangerous(name string) bool {
	name = strings.ToUpper(name)
	first, _, more := strings.Cut(name, "_")
	return matches(name, closed) || proxies(name) ||
		more && slices.Contains(programs, first) && !slices.Contains(credentials, lastWord(name))
}

// steers reports a name that steers a program by its last word, whichever program that
// is. Behind a prefix of the user's it does not: no program reads APP_OPTIONS, unless
// the user wrote it.
func steers(name string) bool { return slices.Contains(steering, lastWord(strings.ToUpper(name))) }

// lastWord is the last word of a name that is no number: PATH in LUA_PATH_5_4.
func lastWord(name string) string {
	words := strings.Split(name, "_")
	for len(words) > 1 && strings.Trim(words[len(words)-1], "0123456789") == "" {
		words = words[:len(words)-1]
	}
	return words[len(words)-1]
}

// proxies are read by most programs that speak HTTP: HTTP_PROXY, NO_PROXY.
func proxies(name string) bool {
	kind, is := strings.CutSuffix(name, "_PROXY")
	return is && !strings.Contains(kind, "_")
}

func matches(name string, patterns []string) bool {
	for _, pattern := range patterns {
		if start, open := strings.CutSuffix(pattern, "*"); name == pattern || open && strings.HasPrefix(name, start) {
			return true
		}
	}
	return false
}
