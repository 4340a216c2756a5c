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
  plain("aws-access-key", `AK${"IA"}${drawn(16, UPPER)}`, `AK${"IA"}${drawn(15, UPPER)}`),
  behind("aws-secret-key", "aws_secret_access_key = ", drawn(40), drawn(39)),
  behind("aws-session-token", '"SessionToken": "', drawn(300), drawn(60), '"'),
  plain("github-token", `gh${"p_"}${drawn(36)}`, `gh${"p_"}${drawn(35)}`),
  plain("github-fine-grained-token", `github${"_pat_"}${drawn(82)}`, `github${"_pat_"}${drawn(30)}`),
  plain("gitlab-token", `gl${"pat-"}${drawn(20)}`, `gl${"pat-"}${drawn(19)}`),
  plain("slack-token", `xo${"xb-"}${drawn(12, HEX)}-${drawn(24)}`, `xo${"xb-"}and`),
  behind(
    "slack-webhook",
    "https://hooks.slack.com/",
    `services/T${drawn(8, UPPER)}/B${drawn(8, UPPER)}/${drawn(24)}`,
    "help/here",
  ),
  plain("npm-token", `np${"m_"}${drawn(36)}`, `np${"m_"}config_registry`),
  behind("npm-auth", "//registry.example/:_authToken=", drawn(30), "${NPM_TOKEN}"),
  behind("url-credentials", "postgres://app:", `pa55-${drawn(8)}`, "5432/app?a=b", "@db.example/app"),
  behind("url-token", "https://", drawn(40), "x", ":x-oauth-basic@github.example/o/r"),
  behind("authorization-header", "Authorization: Bearer ", drawn(40), "x"),
  plain("sendgrid-key", `S${"G."}${drawn(22)}.${drawn(43)}`, `S${"G."}${drawn(22)}`),
  plain("shopify-token", `shp${"at_"}${drawn(32)}`, `shp${"at_"}${drawn(31)}`),
  plain("openai-key", `s${"k-"}proj-${drawn(58)}T3Blbk${"FJ"}${drawn(58)}`, `s${"k-"}proj-${drawn(120)}`),
  plain("anthropic-key", `s${"k-"}ant-api03-${drawn(93)}AA`, `s${"k-"}ant-api03-${drawn(20)}`),
  plain("groq-key", `gs${"k_"}${drawn(52)}`, `gs${"k_"}${drawn(53)}`),
  plain("huggingface-token", `h${"f_"}${drawn(34, LETTERS)}`, `h${"f_"}${drawn(33, LETTERS)}`),
  plain("linear-key", `lin_${"api_"}${drawn(40)}`, `lin_${"api_"}version`),
  plain("notion-token", `nt${"n_"}${drawn(11, "0123456789")}${drawn(35)}`, `nt${"n_"}${drawn(46, LETTERS)}`),
  plain("grafana-token", `gl${"c_"}${drawn(64)}`, `gl${"c_"}${drawn(20)}`),
  plain("grafana-service-token", `gl${"sa_"}${drawn(32)}_${drawn(8, HEX)}`, `gl${"sa_"}${drawn(32)}`),
  plain("1password-token", `op${"s_"}ey${drawn(250)}`, `op${"s_"}ey${drawn(50)}`),
  plain("vault-token", `hv${"s."}${drawn(95)}`, `hv${"s."}${drawn(30)}`),
  plain("vercel-token", `vc${"p_"}${drawn(24)}`, `vc${"p_"}${drawn(19)}`),
  plain("databricks-token", `da${"pi"}${drawn(32, HEX)}`, `da${"pi"}${drawn(31, HEX)}`),
  plain("docker-token", `dckr_${"pat_"}${drawn(27)}`, `dckr_${"pat_"}${drawn(26)}`),
  plain("figma-token", `fig${"d_"}${drawn(40)}`, `fig${"d_"}${drawn(39)}`),
  plain("google-key", `AI${"za"}${drawn(35)}`, `AI${"za"}${drawn(34)}`),
  plain("google-oauth", `ya${"29."}${drawn(60)}`, `ya${"29."}${drawn(10)}`),
  plain("stripe-key", `sk_${"live_"}${drawn(24)}`, `sk_${"live_"}${drawn(15)}`),
  plain("pypi-token", `py${"pi-AgE"}${drawn(100)}`, `py${"pi-AgE"}${drawn(59)}`),
  plain("rubygems-key", `ruby${"gems_"}${drawn(48, HEX)}`, `ruby${"gems_"}${drawn(47, HEX)}`),
  plain("digitalocean-token", `do${"p_v1_"}${drawn(64, HEX)}`, `do${"p_v1_"}${drawn(63, HEX)}`),
  plain("age-key", `AGE-SECRET${"-KEY-1"}${drawn(58, UPPER)}`, `AGE-SECRET${"-KEY-1"}${drawn(57, UPPER)}`),
  behind("azure-storage-key", "AccountName=a;AccountKey=", `${drawn(86)}==`, drawn(86), ";"),
  plain(
    "jwt",
    `ey${"J"}${drawn(20)}.ey${"J"}${drawn(40)}.${drawn(43)}`,
    `ey${"J"}${drawn(20)}.ey${"J"}${drawn(40)}.${drawn(10)}`,
  ),
];
