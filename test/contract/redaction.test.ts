import { mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { DaemonClient } from "../../wire/client.ts";
import type { OperationTemplate } from "../../wire/schema.ts";
import { defaultBase, TOKEN } from "../fixtures/base.ts";
import { startDaemon } from "../fixtures/daemon.ts";
import { fixturePrograms, tempDirectory } from "../fixtures/temp.ts";
import { drawn, EXAMPLES, keyBlock } from "../redact/examples.ts";
import { Gathered, routesTo } from "./routes.ts";

const programs = fixturePrograms();
const text = { type: "string", allow_leading_dash: true } as const;
const inTwo = { command: `${programs}/say-in-two`, args_template: ["{a}", "{b}"], params: { a: text, b: text } };
const operations: Readonly<Record<string, OperationTemplate>> = {
  two: inTwo,
  open: { ...inTwo, redact: { off: ["github-token"] } },
  all_open: { ...inTwo, redact: { enabled: false } },
  own: { ...inTwo, redact: { patterns: [{ name: "badge", pattern: "ACME-[0-9]{4}" }] } },
  short: { ...inTwo, max_stdout_bytes: 30 },
  variable: { command: `${programs}/print-variable`, args_template: ["{name}"], params: { name: text } },
  file: { command: "cat", args_template: ["{path}"], params: { path: text } },
  fails: { command: `${programs}/missing-program`, args_template: ["{a}"], params: { a: text } },
  strict: { command: "/bin/echo", args_template: ["{n}"], params: { n: { type: "string", pattern: "^[a-z]+$" } } },
  filtered: { ...inTwo, filter: { strip_ansi: true } },
};

const home = tempDirectory();
const oauth = `gho_${drawn(36)}`;
const password = "s3cret-of-git/store";
const awsKey = drawn(40, "k8Jq2Lm5Np9Rs3Tv6Wx");
mkdirSync(join(home, ".config/gh"), { recursive: true });
mkdirSync(join(home, ".aws/sso/cache"), { recursive: true });
writeFileSync(join(home, ".config/gh/hosts.yml"), `github.com:\n    user: me\n    oauth_token: not-a-usual-one-77\n`);
writeFileSync(join(home, ".aws/credentials"), `[default]\naws_access_key_id = x\naws_secret_access_key = ${awsKey}\n`);
writeFileSync(join(home, ".aws/sso/cache/a.json"), JSON.stringify({ accessToken: "sso-access-token-1234" }));
writeFileSync(join(home, ".git-credentials"), `https://me:${encodeURIComponent(password)}@git.example\n`);
writeFileSync(join(home, ".netrc"), "machine a login me password netrc-pass-99\n");

const { base } = defaultBase({
  allowed_operations: Object.keys(operations),
  operations,
  env: { DEPLOY_TOKEN: "deploy-me-42x", HARMLESS: "harmless-value", NAMED: "just-a-word" },
  redact: { env: ["NAMED", "HOST_NAMED"] },
});
const {
  address,
  daemon,
  lines: logged,
} = await startDaemon(
  base,
  {},
  {
    PATH: "/usr/bin:/bin",
    HOME: home,
    MY_PASSWORD: "host-pass-77",
    HOST_NAMED: "named-by-owner",
    SSH_AUTH_SOCK: "/tmp/agent.sock",
  },
);
const client = new DaemonClient(address, TOKEN);

async function said(a: string, b: string, operation = "two"): Promise<string> {
  return (await client.run({ operation, params: { a, b } })).stdout;
}

/** Everything under the directory where runs are kept. */
function keptOnDisk(): string {
  return readdirSync(base.directory.runs, { recursive: true, encoding: "utf8" })
    .map((name) => join(base.directory.runs, name))
    .filter((path) => statSync(path).isFile())
    .map((path) => readFileSync(path, "latin1"))
    .join("\n");
}

describe("secrets in the output of a program", () => {
  it.each(EXAMPLES)("[promise 8] of kind $rule are masked, also when they come in two parts", async (example) => {
    const { rule, text: whole, secret } = example;
    const at = whole.indexOf(secret) + Math.ceil(secret.length / 2);
    const reply = await client.run({ operation: "two", params: { a: whole.slice(0, at), b: whole.slice(at) } });
    const masked = whole.replace(secret, `[redacted:${rule}]`);
    expect(reply).toMatchObject({ stdout: masked, stderr: masked, redacted: 2 });
    expect(reply.stdout_original_bytes).toBe(Buffer.byteLength(whole));
    expect(reply.notice).toContain("2 places that held secrets were masked on the host");
  });

  it("[promise 8] are masked for who watches, and in what can be read again", async () => {
    const secret = EXAMPLES[4]?.secret ?? "";
    const output = new Gathered();
    const outcome = await client.stream(
      { operation: "two", params: { a: `x ${secret.slice(0, 20)}`, b: `${secret.slice(20)}\nend` } },
      { output },
    );
    expect(output.text("stdout")).toBe("x [redacted:github-token]\nend");
    expect(output.text("stderr")).toBe("x [redacted:github-token]\nend");
    expect(outcome).toMatchObject({ redacted: 2, stdout_bytes: secret.length + 6, exit_code: 0 });
    const run = outcome.run_id ?? "";
    expect((await client.read({ runId: run })).page?.text).toBe("x [redacted:github-token]\nend");
    expect((await client.status(run, 0)).run).toMatchObject({ redacted: 2 });
  });

  it("[promise 8] are masked in the result of an MCP client, which says so", async () => {
    const secret = EXAMPLES[4]?.secret ?? "";
    const mcp = (await routesTo(daemon, address)).get("mcp");
    const came = await mcp?.run({ operation: "two", params: { a: secret.slice(0, 9), b: secret.slice(9) } });
    expect(came?.stdout.bytes.toString()).toBe("[redacted:github-token]");
    expect(came?.notice).toContain("2 places that held secrets were masked on the host");
  });

  it("[promise 8] are masked in a filtered result", async () => {
    const output = new Gathered();
    const secret = EXAMPLES[4]?.secret ?? "";
    const outcome = await client.stream(
      { operation: "filtered", params: { a: "\x1b[1m", b: secret } },
      { output, filtered: true },
    );
    expect(outcome.filtered?.stdout).toBe("[redacted:github-token]");
  });

  it("[promise 8] are known by their value: the caller's token, the host's and the program's variables", async () => {
    expect(await said(TOKEN.slice(0, 31), `${TOKEN.slice(31)} b`)).toBe("[redacted:session-token] b");
    expect(await said("host-pa", "ss-77 b")).toBe("[redacted:environment] b");
    expect(await said("named-by", "-owner")).toBe("[redacted:environment]");
    expect(await said("/tmp/agent.sock", " harmless-value")).toBe("/tmp/agent.sock harmless-value");
    const variable = async (name: string): Promise<string> =>
      (await client.run({ operation: "variable", params: { name } })).stdout;
    expect(await variable("DEPLOY_TOKEN")).toBe("[redacted:environment]\n");
    expect(await variable("NAMED")).toBe("[redacted:environment]\n");
    expect(await variable("HARMLESS")).toBe("harmless-value\n");
  });

  it("[promise 8] are known by their value: what gh, aws, git and netrc keep", async () => {
    expect(await said("not-a-usual", "-one-77")).toBe("[redacted:gh-credentials]");
    expect(await said(awsKey.slice(0, 7), awsKey.slice(7))).toBe("[redacted:aws-credentials]");
    expect(await said("sso-access", "-token-1234")).toBe("[redacted:aws-credentials]");
    expect(await said("s3cret-of", "-git/store")).toBe("[redacted:git-credentials]");
    expect(await said(encodeURIComponent(password), ".")).toBe("[redacted:git-credentials].");
    expect(await said("netrc-pass", "-99")).toBe("[redacted:netrc]");
    expect(await said("", Buffer.from("x:not-a-usual-one-77").toString("base64"))).toContain(
      "[redacted:gh-credentials]",
    );
    expect(await said("", oauth)).toBe("[redacted:github-token]");
  });

  it("[promise 8] count as soon as they are there: a login that was made a moment ago", async () => {
    expect(await said("brand-new", "-login-1")).toBe("brand-new-login-1");
    writeFileSync(join(home, ".config/gh/hosts.yml"), `github.com:\n    oauth_token: brand-new-login-1\n`);
    expect(await said("brand-new", "-login-1")).toBe("[redacted:gh-credentials]");
  });

  it("[promise 8] are not cut in two by a limit of the operation", async () => {
    const secret = EXAMPLES[4]?.secret ?? "";
    const reply = await client.run({ operation: "short", params: { a: secret, b: " and more of it" } });
    expect(reply).toMatchObject({ stdout: "[redacted:github-token] and mo", stdout_truncated: true });
  });

  it("leave when the owner says so, by name; the rest stays masked", async () => {
    const secret = EXAMPLES[4]?.secret ?? "";
    expect(await said(secret, ` ${keyBlock()}`, "open")).toBe(`${secret} [redacted:private-key]`);
    expect(await said(secret, "\nACME-1234", "all_open")).toBe(`${secret}\nACME-1234`);
    expect(await said(`${secret} AC`, "ME-1234\n", "own")).toBe("[redacted:github-token] [redacted:badge]\n");
  });

  it("[promise 8] are in no log, and in nothing that is kept", async () => {
    await client.run({ operation: "two", params: { a: "host-pass", b: "-77" } });
    const kept = keptOnDisk() + JSON.stringify(logged);
    for (const secret of ["host-pass-77", awsKey, TOKEN, "netrc-pass-99"]) expect(kept).not.toContain(secret);
  });
});

describe("secrets in what the daemon says", () => {
  it("[promise 8] are masked in a denial that repeats a parameter", async () => {
    const secret = EXAMPLES[4]?.secret ?? "";
    const reply = await client.run({ operation: secret });
    expect(reply.outcome).toBe("denied");
    expect(reply.denied_reason).toContain("[redacted:github-token]");
    const param = await client.run({ operation: "strict", params: { n: "host-pass-77" } });
    expect([param.outcome, JSON.stringify(param).includes("host-pass-77")]).toEqual(["denied", false]);
    expect(JSON.stringify(logged)).not.toContain(secret);
    expect(JSON.stringify(logged)).not.toContain("host-pass-77");
  });

  it("[promise 8] are masked in an explanation, for who asks and in the record of it", async () => {
    const secret = EXAMPLES[4]?.secret ?? "";
    const explained = [
      await client.explain({ operation: secret }),
      await client.explain({ operation: "strict", params: { n: "host-pass-77" } }),
      await client.explain({ argv: ["/bin/echo", secret] }),
      await client.explain({ argv: ["/bin/echo", `9 ${TOKEN}`] }),
    ];
    expect(explained.map(({ error }) => error?.includes("[redacted:"))).toEqual([true, ...Array<undefined>(3)]);
    const { verdict, message } = explained[3]?.explanation ?? {};
    expect([verdict, message]).toEqual([
      "deny",
      expect.stringContaining('n: "9 [redacted:session-token]… (6 more bytes)"'),
    ]);
    const [file = ""] = readdirSync(base.directory.audit);
    const recorded = readFileSync(join(base.directory.audit, file), "utf8")
      .split("\n")
      .filter((line) => line.includes('"explain_operation"'));
    expect(recorded.length).toBe(3);
    const said = JSON.stringify([explained, logged, recorded]);
    for (const one of [secret, TOKEN.slice(0, 12), "host-pass-77"]) expect(said).not.toContain(one);
  });

  it("[promise 8] are masked in a denial that repeats only the beginning of one", async () => {
    const SHOWN = 60;
    for (const { rule, text: whole, secret } of EXAMPLES) {
      const before = whole.indexOf(secret);
      if (secret.length < 16 || before > SHOWN - 12 || whole.includes("\n")) continue;
      const n = `${"9".repeat(SHOWN - 12 - before)} ${whole}${" ".repeat(80)}`;
      const { denied_reason: reason = "" } = await client.run({ operation: "strict", params: { n } });
      expect([rule, reason]).toEqual([rule, expect.not.stringContaining(secret.slice(0, 9))]);
      expect(reason).toContain(`[redacted:${rule}]`);
    }
  });

  it("[promise 8] tell nothing of themselves to who tries their beginnings", async () => {
    const shown = async (guess: string): Promise<string> => {
      const n = `${"9".repeat(59 - guess.length)} ${guess}${" ".repeat(80)}`;
      return (await client.run({ operation: "strict", params: { n } })).denied_reason ?? "";
    };
    for (const secret of [awsKey, "sso-access-token-1234", "deploy-me-42x"]) {
      expect(await shown(secret.slice(0, 12))).toContain(`${secret.slice(0, 12)}… (`);
      // What follows a right guess is treated as what follows a wrong one.
      const behind = async (guess: string): Promise<boolean> =>
        (await shown(`${guess} ghp_aaaaaaaa`)).includes("[redacted:");
      expect(await behind(secret.slice(0, 10))).toBe(await behind("0".repeat(10)));
    }
  });

  it("says nothing of masks when nothing was masked", async () => {
    const reply = await client.run({ operation: "two", params: { a: "a", b: "b" } });
    expect([reply.redacted, reply.notice, reply.stdout]).toEqual([undefined, undefined, "ab"]);
  });
});

it("binary output without a secret is the same byte for byte", async () => {
  const bytes = Buffer.from(Array.from({ length: 300_000 }, (_, at) => (at * 7 + (at >> 8)) & 0xff));
  const path = join(home, "binary");
  writeFileSync(path, bytes);
  const output = new Gathered();
  await client.stream({ operation: "file", params: { path } }, { output });
  expect(output.bytes("stdout").equals(bytes)).toBe(true);
});
