import { alphabet, type Alphabet, type Rule } from "./rule.ts";

/**
 * The patterns, after those of secretlint's recommended preset and of gitleaks, written so that each begins with fixed bytes and takes a bounded number
 * of bytes of one alphabet: a stream can be searched for them without keeping it. A test holds them against secretlint itself.
 */

const WORD = alphabet("A-Za-z0-9_");
const DASHED = alphabet("A-Za-z0-9_-");
const DOTTED = alphabet("A-Za-z0-9_.-");
const BASE64 = alphabet("A-Za-z0-9+/=");
const BASE64_AND_DASHED = alphabet("A-Za-z0-9+/=_-");
/** Of a URL up to its path, without the signs that end one in a text. */
const AUTHORITY = alphabet("!#$%&'()*+,.0-9:;=?@A-Z_a-z~-");
/** Between a name and its value: also over the end of a line, in JSON, and in JSON within JSON. */
const SETS = alphabet("\"'\\ \t\r\n:=>");
const HEADER = alphabet("A-Za-z0-9+/=_.:~ -");
const VISIBLE = alphabet("!#-&(-~");

type Parts = Pick<Rule, "about" | "starts" | "alphabet" | "most"> & {
  readonly pattern: string;
  readonly lead?: Alphabet;
  readonly needs?: string;
  readonly notBehind?: Alphabet;
  readonly opensKey?: true;
};

function rule(id: string, { pattern, lead, needs, notBehind, opensKey, ...parts }: Parts): Rule {
  const needed = needs === undefined ? undefined : Buffer.from(needs);
  return {
    id,
    ...parts,
    lead,
    needs: needed,
    pattern: new RegExp(pattern, "dy"),
    notBehind,
    opensKey: opensKey === true,
  };
}

/** A token that begins with one of `starts` and goes on with `pattern`. */
function token(
  id: string,
  about: string,
  starts: readonly string[],
  of: Alphabet,
  pattern: string,
  most = 300,
  more: Pick<Parts, "needs"> = {},
): Rule {
  const heads = starts.map((start) => start.replaceAll(".", "\\.")).join("|");
  return rule(id, { about, starts, alphabet: of, most, ...more, pattern: `(?:${heads})${pattern}` });
}

const BETWEEN = `["'\\\\]{0,4}[ \\t\\r\\n]{0,8}(?:=>|[:=])[ \\t\\r\\n]{0,8}["'\\\\]{0,4}`;

export const RULES: readonly Rule[] = [
  rule("private-key", {
    about: "private keys in PEM and PGP blocks, to the end of the block",
    starts: ["-----BEGIN"],
    alphabet: alphabet("A-Z0-9 -"),
    most: 80,
    pattern: "-----BEGIN ?(?:[A-Z0-9]{1,20} ){0,4}PRIVATE KEY(?: BLOCK)?-----",
    opensKey: true,
  }),
  rule("aws-access-key", {
    about: "ids of AWS access keys",
    starts: ["AKIA", "ASIA", "ABIA", "ACCA", "A3T"],
    alphabet: alphabet("A-Z0-9"),
    most: 21,
    pattern: "(?:A3T[A-Z0-9]|AKIA|ASIA|ABIA|ACCA)[A-Z0-9]{16}(?![A-Z0-9])",
    notBehind: alphabet("A-Z0-9+/"),
  }),
  rule("aws-secret-key", {
    about: "AWS secret access keys, behind their name",
    starts: ["t_access_key", "T_ACCESS_KEY", "tAccessKey"],
    lead: SETS,
    alphabet: BASE64,
    most: 100,
    pattern: `(?:t_access_key|T_ACCESS_KEY|tAccessKey)${BETWEEN}([A-Za-z0-9+/]{40})(?![A-Za-z0-9+/=])`,
  }),
  rule("aws-session-token", {
    about: "AWS session tokens, behind their name",
    starts: ["n_token", "N_TOKEN", "nToken"],
    lead: SETS,
    alphabet: BASE64,
    most: 2_200,
    pattern: `(?:n_token|N_TOKEN|nToken)${BETWEEN}([A-Za-z0-9+/]{80,2100}={0,2})`,
  }),
  token(
    "github-token",
    "GitHub's tokens, of all kinds",
    ["ghp_", "gho_", "ghu_", "ghs_", "ghr_"],
    WORD,
    "[A-Za-z0-9_]{36,250}",
  ),
  token("github-fine-grained-token", "GitHub's fine-grained tokens", ["github_pat_"], WORD, "[A-Za-z0-9_]{82,250}"),
  token(
    "gitlab-token",
    "GitLab's tokens, of all kinds",
    ["glpat-", "gldt-", "glrt-", "glcbt-", "glptt-", "glft-", "glimt-", "glagent-", "gloas-", "glsoat-"],
    DOTTED,
    "[A-Za-z0-9_.-]{20,128}",
  ),
  token(
    "slack-token",
    "Slack's tokens",
    ["xoxa-", "xoxb-", "xoxe-", "xoxo-", "xoxp-", "xoxr-", "xoxs-", "xapp-"],
    DOTTED,
    "[A-Za-z0-9]{1,100}-[A-Za-z0-9-]{6,180}",
  ),
  rule("slack-webhook", {
    about: "Slack's incoming webhooks",
    starts: [".slack.com/"],
    alphabet: alphabet("A-Za-z0-9/._-"),
    most: 200,
    pattern: "\\.slack\\.com/((?:services|workflows|triggers)/[A-Za-z0-9]{1,40}/[A-Za-z0-9]{1,40}/[A-Za-z0-9/]{1,80})",
  }),
  token("npm-token", "npm's tokens", ["npm_"], WORD, "[A-Za-z0-9_]{36}(?![A-Za-z0-9_])", 41),
  rule("npm-auth", {
    about: "passwords and tokens of an .npmrc",
    starts: ["_authToken", "_password", "_auth="],
    alphabet: VISIBLE,
    most: 600,
    pattern: `(?:_authToken=|_password=|_auth=)([^\\s"'\\\\$\\[][^\\s"'\\\\]{7,560})`,
  }),
  rule("url-credentials", {
    about: "passwords in URLs",
    starts: ["://"],
    alphabet: AUTHORITY,
    needs: "@",
    most: 600,
    pattern: "://[^\\s/:@?#]{0,200}:(?!x-oauth-basic@)([^\\s/@?#]{3,300})@",
  }),
  rule("url-token", {
    about: "tokens in URLs that stand where the user would",
    starts: ["://"],
    alphabet: AUTHORITY,
    needs: "@",
    most: 600,
    pattern: "://([^\\s/:@?#]{8,256}):x-oauth-basic@",
  }),
  rule("authorization-header", {
    about: "what an Authorization header carries",
    starts: ["ization:", "IZATION:"],
    alphabet: HEADER,
    most: 4_200,
    pattern: "(?:ization|IZATION): {0,4}(?:[Bb]asic|[Bb]earer|[Tt]oken) {1,4}([A-Za-z0-9+/=_.~-]{8,4100})",
  }),
  token("sendgrid-key", "SendGrid's keys", ["SG."], DOTTED, "[A-Za-z0-9_-]{15,128}\\.[A-Za-z0-9_-]{15,128}"),
  token("shopify-token", "Shopify's tokens", ["shppa_", "shpca_", "shpat_", "shpss_"], WORD, "[A-Za-z0-9]{32,64}"),
  token(
    "openai-key",
    "OpenAI's keys",
    ["sk-"],
    DASHED,
    "(?:proj-|svcacct-|admin-|None-)?[A-Za-z0-9_-]{20,100}T3BlbkFJ[A-Za-z0-9_-]{20,100}",
    250,
    { needs: "T3BlbkFJ" },
  ),
  token(
    "anthropic-key",
    "Anthropic's keys",
    ["sk-ant-"],
    DASHED,
    "(?:api|admin|oat|sid)[0-9]{2}-[A-Za-z0-9_-]{80,200}",
  ),
  token("groq-key", "Groq's keys", ["gsk_"], WORD, "[A-Za-z0-9]{52}(?![A-Za-z0-9])", 57),
  token("huggingface-token", "Hugging Face's tokens", ["hf_"], WORD, "[A-Za-z]{34}(?![A-Za-z0-9_])", 38),
  token("linear-key", "Linear's keys", ["lin_api_", "lin_oauth_"], WORD, "[A-Za-z0-9_]{32,128}"),
  token("notion-token", "Notion's tokens", ["ntn_"], WORD, "[0-9]{11}[A-Za-z0-9]{35}(?![A-Za-z0-9])", 52),
  token("grafana-token", "Grafana's tokens", ["glc_"], BASE64, "[A-Za-z0-9+/]{32,400}={0,2}", 420),
  token("grafana-service-token", "Grafana's service account tokens", ["glsa_"], WORD, "[A-Za-z0-9]{32}_[A-Fa-f0-9]{8}"),
  token("1password-token", "1Password's service account tokens", ["ops_ey"], BASE64, "[A-Za-z0-9+/=]{100,1400}", 1_500),
  token("vault-token", "HashiCorp Vault's tokens", ["hvs.", "hvb.", "hvr."], DASHED, "[A-Za-z0-9_-]{90,300}", 320),
  token("vercel-token", "Vercel's tokens", ["vcp_", "vci_", "vca_", "vcr_", "vck_"], WORD, "[A-Za-z0-9]{20,60}"),
  token("databricks-token", "Databricks' tokens", ["dapi"], DASHED, "[A-Fa-f0-9]{32}(?:-[0-9])?(?![A-Za-z0-9])", 40),
  token("docker-token", "Docker's tokens", ["dckr_pat_", "dckr_oat_"], DASHED, "[A-Za-z0-9_-]{27,64}"),
  token("figma-token", "Figma's tokens", ["figd_"], DASHED, "[A-Za-z0-9_-]{40,200}"),
  token("google-key", "Google's API keys", ["AIza"], DASHED, "[A-Za-z0-9_-]{35}(?![A-Za-z0-9_-])", 40),
  token(
    "google-oauth",
    "Google's OAuth tokens and secrets",
    ["ya29.", "GOCSPX-"],
    DOTTED,
    "[A-Za-z0-9_.-]{24,1100}",
    1_200,
  ),
  token("stripe-key", "Stripe's keys", ["sk_live_", "rk_live_", "sk_test_", "rk_test_"], WORD, "[A-Za-z0-9]{16,120}"),
  token("pypi-token", "PyPI's tokens", ["pypi-AgE"], DASHED, "[A-Za-z0-9_-]{60,1000}", 1_100),
  token("rubygems-key", "RubyGems' keys", ["rubygems_"], WORD, "[a-f0-9]{48}(?![a-f0-9])", 58),
  token("digitalocean-token", "DigitalOcean's tokens", ["dop_v1_", "doo_v1_", "dor_v1_"], WORD, "[a-f0-9]{64}", 72),
  token("age-key", "age's secret keys", ["AGE-SECRET-KEY-1"], alphabet("A-Z0-9"), "[A-Z0-9]{58}(?![A-Z0-9])", 75),
  rule("azure-storage-key", {
    about: "Azure's storage keys, behind their name",
    starts: ["AccountKey="],
    alphabet: BASE64,
    most: 120,
    pattern: "AccountKey=([A-Za-z0-9+/]{86}==)",
  }),
  token(
    "jwt",
    "signed JSON web tokens",
    ["eyJ"],
    BASE64_AND_DASHED.map((own, byte) => (byte === 0x2e ? 1 : own)),
    "[A-Za-z0-9_-]{14,1000}\\.eyJ[A-Za-z0-9_-]{14,3000}\\.[A-Za-z0-9_-]{20,1500}",
    4_096,
    { needs: "." },
  ),
];
