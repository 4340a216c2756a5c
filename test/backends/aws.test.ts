import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { startAws, type FakeAws } from "../fixtures/backends/aws.ts";
import { requireTools, toolPath } from "../fixtures/backends/present.ts";
import { runProgram, type Ended } from "../fixtures/backends/program.ts";

async function aws(fake: FakeAws, ...args: readonly string[]): Promise<Ended> {
  return runProgram("aws", args, fake.env, fake.home);
}

describe.runIf(requireTools(["aws"]))("the real aws", () => {
  it("says who it is", async () => {
    const fake = await startAws();
    const ended = await aws(fake, "sts", "get-caller-identity");
    expect(JSON.parse(ended.stdout)).toEqual({
      UserId: "AIDATESTER",
      Account: "123456789012",
      Arn: "arn:aws:iam::123456789012:user/tester",
    });
    expect(fake.requests.map(({ method, path }) => `${method} ${path}`)).toEqual(["POST /"]);
    expect(fake.requests[0]?.body).toContain("Action=GetCallerIdentity");
    expect(
      JSON.stringify(fake.requests[0], (_, value: unknown) => (value instanceof Map ? [...value] : value)),
    ).not.toContain(fake.secret);
  });

  it("works with --endpoint-url as well", async () => {
    const fake = await startAws();
    const args = ["--endpoint-url", fake.endpoint, "sts", "get-caller-identity"];
    const ended = await runProgram(toolPath("aws"), args, { ...fake.env, PATH: process.env["PATH"] }, fake.home);
    expect(ended.code).toBe(0);
  });

  it("lists buckets, and the objects and folders below a prefix", async () => {
    const fake = await startAws();
    fake.buckets.set(
      "one",
      new Map([
        ["a.txt", "12345"],
        ["logs/b & c.txt", ""],
        ["logs/deep/d.txt", ""],
      ]),
    );
    fake.buckets.set("two", new Map());
    expect((await aws(fake, "s3", "ls")).stdout.match(/\w+$/gm)).toEqual(["one", "two"]);
    expect((await aws(fake, "s3", "ls", "s3://one")).stdout).toMatch(/PRE logs\/\n.* 5 a\.txt\n$/);
    expect((await aws(fake, "s3", "ls", "s3://one/logs/")).stdout).toMatch(/PRE deep\/\n.* 0 b & c\.txt\n$/);
  });

  it("gets the error of the real service for a bucket that is not there", async () => {
    const ended = await aws(await startAws(), "s3", "ls", "s3://none");
    expect(ended.code).toBe(254);
    expect(ended.stderr).toContain("NoSuchBucket");
  });

  it("is refused with another key", async () => {
    const fake = await startAws();
    const key = "[default]\naws_access_key_id = AKIAOTHER\naws_secret_access_key = x\n";
    writeFileSync(join(fake.home, ".aws/credentials"), key);
    expect((await aws(fake, "sts", "get-caller-identity")).stderr).toContain("InvalidClientTokenId");
  });
});
