/** What each rule masks, and what looks nearly like it. Put together here, so that no scanner takes this file for a leak. */
export interface Example {
  readonly rule: string;
  readonly text: string;
  /** The part of the text that must not be seen. */
  readonly secret: string;
  /** Not masked, although it is nearly the same. */
  readonly near: string;
}

const MIXED = "aZ3kQ9xTb7LmW2pRc5VnY8dHf4JgS6uE1oKiXq0";
const LETTERS = "abQdXfGhJkLmNpRsTuVwYzAcEgIkMoQsUwYbDf";
const HEX = "0a1b2c3d4e5f60718293a4b5c6d7e8f9";
const UPPER = "ABCD2345EFGH6723IJKL4567MNOP2345QRST";

/** So many characters, always the same. */
export function drawn(length: number, from = MIXED): string {
  return from.repeat(Math.ceil(length / from.length)).slice(0, length);
}

function plain(rule: string, secret: string, near: string): Example {
  return { rule, text: `before ${secret} behind\n`, secret, near: `before ${near} behind\n` };
}

function behind(rule: string, name: string, secret: string, near: string, end = ""): Example {
  return { rule, text: `${name}${secret}${end}\n`, secret, near: `${name}${near}${end}\n` };
}

/** A private key as a file holds it. */
export function keyBlock(kind = "RSA ", lines = 12, eol = "\n"): string {
  const body = Array.from({ length: lines }, (_, line) => drawn(64, MIXED.slice(line) + MIXED));
  return [`-----BEGIN ${kind}PRIVATE` + " KEY-----", ...body, "qw3==", `-----END ${kind}PRIVATE KEY-----`].join(eol);
}

export const EXAMPLES: readonly Example[] = [
  {
    rule: "private-key",
    text: `a\n${keyBlock()}\nb\n`,
    secret: keyBlock(),
    near: "a\n-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n",
  },
  plain("aws-access-key", `AKIA${drawn(16, UPPER)}`, `AKIA${drawn(15, UPPER)}`),
  behind("aws-secret-key", "aws_secret_access_key = ", drawn(40), drawn(39)),
  behind("aws-session-token", '"SessionToken": "', drawn(300), drawn(60), '"'),
  plain("github-token", `ghp_${drawn(36)}`, `ghp_${drawn(35)}`),
  plain("github-fine-grained-token", `github_pat_${drawn(82)}`, `github_pat_${drawn(30)}`),
  plain("gitlab-token", `glpat-${drawn(20)}`, `glpat-${drawn(19)}`),
  plain("slack-token", `xoxb-${drawn(12, HEX)}-${drawn(24)}`, `xoxb-and`),
  behind(
    "slack-webhook",
    "https://hooks.slack.com/",
    `services/T${drawn(8, UPPER)}/B${drawn(8, UPPER)}/${drawn(24)}`,
    "help/here",
  ),
  plain("npm-token", `npm_${drawn(36)}`, `npm_config_registry`),
  behind("npm-auth", "//registry.example/:_authToken=", drawn(30), "${NPM_TOKEN}"),
  behind("url-credentials", "postgres://app:", `pa55-${drawn(8)}`, "5432/app?a=b", "@db.example/app"),
  behind("url-token", "https://", drawn(40), "x", ":x-oauth-basic@github.example/o/r"),
  behind("authorization-header", "Authorization: Bearer ", drawn(40), "x"),
  plain("sendgrid-key", `SG.${drawn(22)}.${drawn(43)}`, `SG.${drawn(22)}`),
  plain("shopify-token", `shpat_${drawn(32)}`, `shpat_${drawn(31)}`),
  plain("openai-key", `sk-proj-${drawn(58)}T3BlbkFJ${drawn(58)}`, `sk-proj-${drawn(120)}`),
  plain("anthropic-key", `sk-ant-api03-${drawn(93)}AA`, `sk-ant-api03-${drawn(20)}`),
  plain("groq-key", `gsk_${drawn(52)}`, `gsk_${drawn(53)}`),
  plain("huggingface-token", `hf_${drawn(34, LETTERS)}`, `hf_${drawn(33, LETTERS)}`),
  plain("linear-key", `lin_api_${drawn(40)}`, `lin_api_version`),
  plain("notion-token", `ntn_${drawn(11, "0123456789")}${drawn(35)}`, `ntn_${drawn(46, LETTERS)}`),
  plain("grafana-token", `glc_${drawn(64)}`, `glc_${drawn(20)}`),
  plain("grafana-service-token", `glsa_${drawn(32)}_${drawn(8, HEX)}`, `glsa_${drawn(32)}`),
  plain("1password-token", `ops_ey${drawn(250)}`, `ops_ey${drawn(50)}`),
  plain("vault-token", `hvs.${drawn(95)}`, `hvs.${drawn(30)}`),
  plain("vercel-token", `vcp_${drawn(24)}`, `vcp_${drawn(19)}`),
  plain("databricks-token", `dapi${drawn(32, HEX)}`, `dapi${drawn(31, HEX)}`),
  plain("docker-token", `dckr_pat_${drawn(27)}`, `dckr_pat_${drawn(26)}`),
  plain("figma-token", `figd_${drawn(40)}`, `figd_${drawn(39)}`),
  plain("google-key", `AIza${drawn(35)}`, `AIza${drawn(34)}`),
  plain("google-oauth", `ya29.${drawn(60)}`, `ya29.${drawn(10)}`),
  plain("stripe-key", `sk_live_${drawn(24)}`, `sk_live_${drawn(15)}`),
  plain("pypi-token", `pypi-AgE${drawn(100)}`, `pypi-AgE${drawn(59)}`),
  plain("rubygems-key", `rubygems_${drawn(48, HEX)}`, `rubygems_${drawn(47, HEX)}`),
  plain("digitalocean-token", `dop_v1_${drawn(64, HEX)}`, `dop_v1_${drawn(63, HEX)}`),
  plain("age-key", `AGE-SECRET-KEY-1${drawn(58, UPPER)}`, `AGE-SECRET-KEY-1${drawn(57, UPPER)}`),
  behind("azure-storage-key", "AccountName=a;AccountKey=", `${drawn(86)}==`, drawn(86), ";"),
  plain("jwt", `eyJ${drawn(20)}.eyJ${drawn(40)}.${drawn(43)}`, `eyJ${drawn(20)}.eyJ${drawn(40)}.${drawn(10)}`),
];
