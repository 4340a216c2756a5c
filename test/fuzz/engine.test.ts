import { execFile } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { instrumented, textsIn } from "../../scripts/fuzz-instrument.ts";
import { minimised } from "./engine/minimise.ts";
import { mutated } from "./engine/mutate.ts";
import { Random } from "./engine/random.ts";
import { TARGETS as PLANTED } from "./planted.ts";

const ROOT = join(import.meta.dirname, "../..");
const directory = mkdtempSync(join(tmpdir(), "c2h-"));
afterAll(() => {
  rmSync(directory, { recursive: true, force: true });
});

interface Ended {
  readonly status: number | string | null | undefined;
  readonly output: string;
  /** The inputs that failed. */
  readonly inputs: readonly string[];
}

let runs = 0;

/** Fuzzes one of the targets in planted.ts, as `npm run fuzz` does. */
async function fuzz(target: string, ...more: readonly string[]): Promise<Ended> {
  runs++;
  const findings = join(directory, `findings-${runs}`);
  const args = ["--import", "tsx", "scripts/fuzz.ts", "--targets", "test/fuzz/planted.ts", "--target", target];
  const options = ["--corpus", join(directory, "corpus"), "--findings", findings, "--seconds", "60", ...more];
  const ended = await new Promise<Pick<Ended, "status" | "output">>((resolve) => {
    execFile(process.execPath, [...args, ...options], { cwd: ROOT }, (error, stdout, stderr) => {
      resolve({ status: error === null ? 0 : error.code, output: stdout + stderr });
    });
  });
  let names: readonly string[] = [];
  try {
    names = readdirSync(findings).filter((name) => !name.endsWith(".txt"));
  } catch {
    // nothing was found
  }
  return { ...ended, inputs: names.map((name) => readFileSync(join(findings, name), "latin1")) };
}

/** What a run says without how long it took. */
function counted(output: string): string | undefined {
  return /^\w+: (\d+ inputs), \d+ a second, (.*)$/m.exec(output)?.slice(1).join(", ");
}

describe("the fuzzer", () => {
  it("finds a planted defect behind several conditions, and makes its input as small as it can be", async () => {
    const { status, output, inputs } = await fuzz("deep", "--runs", "300000", "--seed", "5");
    expect(output).toContain("FINDING deep: Error: meets the planted defect");
    expect(status).toBe(1);
    expect(inputs).toEqual(["<<<>!"]);
  });

  it("finds nothing where nothing is planted, keeps what reaches new code, and does the same for the same seed", async () => {
    const [one, two] = [
      await fuzz("sound", "--runs", "5000", "--seed", "7", "--save"),
      await fuzz("sound", "--runs", "5000", "--seed", "7", "--corpus", join(directory, "none")),
    ];
    expect(one.status).toBe(0);
    expect(one.inputs).toEqual([]);
    expect(counted(one.output)).toMatch(/^5000 inputs, \d+ features, \d+ kept, 0 findings/);
    expect(counted(two.output)).toBe(counted(one.output));
    const kept = readdirSync(join(directory, "corpus", "sound")).map((name) =>
      readFileSync(join(directory, "corpus", "sound", name), "latin1"),
    );
    expect(kept.some((text) => text.startsWith("<"))).toBe(true);
    expect(kept.join("").length).toBeLessThan(1_000);
  });

  it("takes an input without an end for a finding, and ends", async () => {
    const { status, output, inputs } = await fuzz("endless", "--seed", "5");
    expect(output).toContain("FINDING endless: has no end within");
    expect(status).toBe(1);
    expect(inputs).toHaveLength(1);
    expect(inputs[0]).toContain("<");
  });

  it("names the targets that there are when it is asked for another", async () => {
    const { status, output } = await fuzz("nothing");
    expect(status).toBe(2);
    expect(output).toContain(`there are: ${PLANTED.map(({ name }) => name).join(", ")}`);
  });
});

describe("a mutation", () => {
  const material = (random: Random) => ({
    random,
    tokens: [Buffer.from("token")],
    other: () => Buffer.from("other"),
    maxBytes: 20,
  });

  it("is the same for the same seed, and never longer than it may be", () => {
    const all = (seed: number): readonly Buffer[] => {
      const random = new Random(seed);
      return Array.from({ length: 2_000 }, () => mutated(Buffer.from("0123456789"), material(random)));
    };
    expect(all(3)).toEqual(all(3));
    expect(all(3)).not.toEqual(all(4));
    expect(all(3).every(({ length }) => length <= 20)).toBe(true);
    expect(new Set(all(3).map(String)).size).toBeGreaterThan(500);
  });

  it("leaves its input as it was, and can do with an empty one", () => {
    const random = new Random(1);
    for (const text of ["0123456789", ""]) {
      const input = Buffer.from(text);
      for (let time = 0; time < 500; time++) mutated(input, material(random));
      expect(input.toString()).toBe(text);
    }
  });
});

describe("making an input small", () => {
  it("keeps what the input is kept for, and makes the rest plain", async () => {
    const input = Buffer.from("some bytes, then KEY, then = more");
    const small = await minimised(input, async (one) => Promise.resolve(/K.*=/s.test(one.toString())), 2_000);
    expect(small.toString()).toBe("K=");
    const plain = await minimised(input, async (one) => Promise.resolve(one.length >= 10 && one.includes("K")), 2_000);
    expect(plain.toString()).toMatch(/^a*Ka*$/);
    expect(plain).toHaveLength(10);
  });
});

describe("instrumenting", () => {
  it("counts branches and conditions without changing what the code does", () => {
    const source = "export const f = (a: number) => { if (a > 1 && a < 5) return a ?? 1; return a === 9 ? -1 : 0; };";
    const text = instrumented(source, "f.ts");
    expect(text.match(/cmd2hostBranch\(\d+, /g)).toHaveLength(4);
    expect(text.match(/cmd2hostHit\(\d+\)/g)).toHaveLength(1);
    expect(instrumented(source, "f.ts")).toBe(text);
    expect(instrumented(source, "g.ts")).not.toBe(text);
  });

  it("finds the texts of a module, but not what it imports", () => {
    expect(textsIn('import x from "y";\nexport const z = new Set(["one", `two`, "", "three".repeat(x)]);')).toEqual([
      "one",
      "two",
      "three",
    ]);
  });
});
