/**
 * Which names in a project's `env` could change what program, library, host or configuration is used. They are refused unless the
 * configuration lists them in `env_unsafe`; the loader's variables are refused always.
 */
const ALWAYS = /^(LD_.*|DYLD_.*|GCONV_PATH|GLIBC_TUNABLES|MALLOC_.*|BASH_FUNC_.*|CMD2HOST_.*)$/i;

const NEEDS_NAMING = [
  /^(PATH|IFS|CDPATH|SHELL|HOME|TMPDIR|ENV|BASH_ENV|BASHOPTS|SHELLOPTS|PS4|PROMPT_COMMAND|TERMINFO.*|TERMCAP|LOCPATH|NLSPATH|HOSTALIASES|RES_OPTIONS)$/,
  /^(EDITOR|VISUAL|PAGER|BROWSER|LESS|LESSOPEN|LESSCLOSE|LESSKEY.*|MANPAGER|VIMINIT|EXINIT|ZDOTDIR|MAKEFLAGS|MAKEFILES|TAR_OPTIONS|RSYNC_RSH|SSH_.*|GPG_.*|GNUPGHOME|XDG_.*)$/,
  /^(NODE_OPTIONS|NODE_PATH|NODE_EXTRA_CA_CERTS|NODE_REPL_EXTERNAL_MODULE|NODE_TLS_REJECT_UNAUTHORIZED|NPM_CONFIG_.*|npm_config_.*|PYTHON.*|PERL5?.*|RUBY.*|GEM_.*|BUNDLE_.*|JAVA_TOOL_OPTIONS|_JAVA_OPTIONS|JDK_JAVA_OPTIONS|CLASSPATH|DOTNET_.*|GO(FLAGS|PATH|ROOT|ENV|PROXY)|PHP.*|LUA_.*)$/,
  /^(https?_proxy|all_proxy|ftp_proxy|no_proxy|SSL_CERT_.*|CURL_.*|REQUESTS_CA_BUNDLE|OPENSSL_.*)$/i,
  /^(GIT_(?!(AUTHOR|COMMITTER)_(NAME|EMAIL|DATE)$).*)$/,
  /^(GH_(PATH|BROWSER|PAGER|EDITOR|HOST|CONFIG_DIR|REPO|FORCE_TTY)|GLAMOUR_STYLE)$/,
  /^(AWS_(CONFIG_FILE|SHARED_CREDENTIALS_FILE|ENDPOINT_URL.*|CA_BUNDLE|PAGER|CLI_.*|DATA_PATH|PROFILE)|BOTO_CONFIG)$/,
  /^(DOCKER_(HOST|CONFIG|CONTEXT|CERT_PATH|TLS.*)|KUBECONFIG|KUBE_.*|CLOUDSDK_.*|AZURE_.*|TF_.*)$/,
];

export type EnvVerdict = "fine" | "needs_naming" | "never";

/** Whether a project may set this variable. */
export function judgeEnvName(name: string): EnvVerdict {
  if (ALWAYS.test(name)) return "never";
  return NEEDS_NAMING.some((pattern) => pattern.test(name)) ? "needs_naming" : "fine";
}

/** A name that can be set in an environment at all. */
export function isEnvName(name: string): boolean {
  return /^[A-Za-z_][A-Za-z0-9_]*$/.test(name);
}
