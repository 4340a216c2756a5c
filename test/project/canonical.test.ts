import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { canonicalText } from "../../host/project/canonical.ts";
import { compileProject } from "../../host/project/compile.ts";
import { check } from "../../wire/parse.ts";
import type { ProjectConfig } from "../../wire/schema.ts";

function folded(value: object): ProjectConfig {
  const result = check("project_config", value);
  if (!result.ok) throw new Error(result.violation.message);
  return result.value;
}

const text = (value: object): string => canonicalText(folded(value));
const keys = (value: unknown): readonly string[] =>
  typeof value === "object" && value !== null ? Object.keys(value) : [];

describe("the canonical form", () => {
  it("has our own members behind the original's, and none that says nothing", () => {
    const op = {
      run_in: "empty",
      command: "x",
      on_disconnect: "finish",
      params: { u: { hosts: ["a"], schemes: ["http"], max_bytes: 5, type: "url", allow_leading_dash: true } },
      allowed_flags: [{ repeat: true, hosts: ["a"], schemes: [], flag: "--x", allow_leading_dash: false, type: "url" }],
    };
    const written = JSON.parse(text({ operations: { op } })) as {
      operations: { op: { params: { u: object }; allowed_flags: readonly object[] } };
    };
    expect(keys(written.operations.op).slice(-2)).toEqual(["on_disconnect", "run_in"]);
    expect(keys(written.operations.op.params.u)).toEqual([
      "type",
      "allow_leading_dash",
      "max_bytes",
      "schemes",
      "hosts",
    ]);
    expect(keys(written.operations.op.allowed_flags[0])).toEqual(["flag", "type", "hosts", "repeat"]);
  });

  it("is two-space JSON with a line end, written as the original writes it", () => {
    const given = {
      operations: {
        b: { command: "gh", args_template: [], description: "<&>\u2028" },
        a: {
          args_template: ["{n}"],
          command: "/bin/echo",
          params: { n: { max: 5, min: 0, type: "integer", optional: false, pattern: "", minLength: 0 } },
          allowed_flags: [],
          bool_flags: [],
        },
      },
      allowed_operations: ["b", "a"],
      repo_paths: ["/srv/repo"],
      repos: ["owner/repo"],
    };
    expect(text(given)).toBe(
      [
        "{",
        '  "repos": [',
        '    "owner/repo"',
        "  ],",
        '  "repo_paths": [',
        '    "/srv/repo"',
        "  ],",
        '  "allowed_operations": [',
        '    "b",',
        '    "a"',
        "  ],",
        '  "constraints": {},',
        '  "operations": {',
        '    "a": {',
        '      "command": "/bin/echo",',
        '      "args_template": [',
        '        "{n}"',
        "      ],",
        '      "params": {',
        '        "n": {',
        '          "type": "integer",',
        '          "min": 0,',
        '          "max": 5',
        "        }",
        "      },",
        '      "allowed_flags": [],',
        '      "description": ""',
        "    },",
        '    "b": {',
        '      "command": "gh",',
        '      "args_template": [],',
        '      "params": null,',
        '      "allowed_flags": null,',
        '      "description": "\\u003c\\u0026\\u003e\\u2028"',
        "    }",
        "  }",
        "}",
        "",
      ].join("\n"),
    );
  });

  it("orders the members of a project, an operation, a parameter and the constraints", () => {
    const written = JSON.parse(
      text({
        git_config: { b: "1" },
        env_unsafe: ["PATH"],
        env: { PATH: "/x" },
        operations: {
          o: {
            on_disconnect: "finish",
            timeout: 5,
            profile: "user",
            description: "d",
            multi_value_flags: ["--m"],
            bool_flags: ["--b"],
            allowed_flags: ["--b", { enum: ["x"], flag: "--m" }],
            params: {
              p: {
                allow_leading_dash: true,
                enum: ["a"],
                description: "d",
                direction: "output",
                items: { type: "string" },
                max: 2,
                min: 1,
                maxLength: 2,
                minLength: 1,
                pattern: "x",
                optional: true,
                type: "string",
              },
            },
            args_template: ["{p}"],
            command: "x",
          },
        },
        constraints: { branch_allow: ["ai/.+"], path_deny: ["x"], remote_hosts_allow: ["github.com"] },
        allowed_operations: [],
        repo_hosts: { "owner/repo": "github.com" },
        repo_paths: ["/x"],
        repos: ["owner/repo"],
        $schema: "s",
      }),
    ) as { operations: { o: { params: { p: object }; allowed_flags: unknown[] } }; constraints: object };
    expect(keys(written)).toEqual([
      "$schema",
      "repos",
      "repo_paths",
      "repo_hosts",
      "allowed_operations",
      "constraints",
      "operations",
      "env",
      "env_unsafe",
      "git_config",
    ]);
    expect(keys(written.constraints)).toEqual(["remote_hosts_allow", "path_deny", "branch_allow"]);
    expect(keys(written.operations.o)).toEqual([
      "command",
      "args_template",
      "params",
      "allowed_flags",
      "bool_flags",
      "multi_value_flags",
      "description",
      "profile",
      "timeout",
      "on_disconnect",
    ]);
    expect(keys(written.operations.o.params.p)).toEqual([
      "type",
      "optional",
      "pattern",
      "minLength",
      "maxLength",
      "min",
      "max",
      "items",
      "direction",
      "description",
      "enum",
      "allow_leading_dash",
    ]);
    expect(keys(written.operations.o.allowed_flags[1])).toEqual(["flag", "enum"]);
  });

  it("keeps members that the schema does not know, behind the others and sorted", () => {
    const written = JSON.parse(
      text({
        zzz: 1,
        "//": [1, { b: null }],
        constraints: { note: true, branch_allow: ["x"] },
        operations: { o: { mutates_branch: true, command: "x" } },
      }),
    ) as object;
    expect(keys(written).slice(-2)).toEqual(["//", "zzz"]);
    expect(written).toMatchObject({
      "//": [1, { b: null }],
      constraints: { branch_allow: ["x"], note: true },
      operations: { o: { mutates_branch: true } },
    });
  });

  it("sorts maps by bytes, also names that look like numbers", () => {
    const written = text({ env: { b: "", "10": "", a: "", "9": "", é: "", Z: "" } });
    expect([...written.matchAll(/^ {4}"(.+)": "",?$/gm)].map((match) => match[1])).toEqual([
      "10",
      "9",
      "Z",
      "a",
      "b",
      "é",
    ]);
  });

  it("turns the older form into lists and makes paths absolute", () => {
    expect(JSON.parse(text({ Repo: "owner/repo", REPO_PATH: "x/../y" }))).toMatchObject({
      repos: ["owner/repo"],
      repo_paths: [`${process.cwd()}/y`],
    });
  });

  it("of canonical text is that text, and loads as the same policy", () => {
    // A member called __proto__ is refused before anything is made canonical.
    const name = fc.stringMatching(/^[a-z_][a-z0-9_]{0,8}$/).filter((text) => text !== "__proto__");
    const json = fc.jsonValue().filter((value) => !JSON.stringify(value).includes("__proto__"));
    const param = fc.record(
      {
        type: fc.constantFrom("string", "integer"),
        optional: fc.boolean(),
        minLength: fc.nat(9),
        max: fc.integer(),
        pattern: fc.constantFrom("", "^a$", "<b>"),
      },
      { requiredKeys: [] },
    );
    const operation = fc.record(
      {
        command: fc.string(),
        description: fc.string(),
        params: fc.dictionary(name, param),
        allowed_flags: fc.array(fc.constantFrom("--a", "-b")),
        extra: json,
      },
      { requiredKeys: [] },
    );
    const project = fc.record({
      repos: fc.constant(["o/r"]),
      repo_paths: fc.constant(["/x"]),
      operations: fc.dictionary(name, operation),
      env: fc.dictionary(fc.stringMatching(/^[A-C][0-9]?$/), fc.stringMatching(/^[ -~]*$/)),
      note: json,
    });
    fc.assert(
      fc.property(project, (value) => {
        const first = text(value);
        const again = compileProject("p", Buffer.from(first), "f");
        expect(canonicalText(again.config)).toBe(first);
        expect(again.project.env).toEqual(new Map(Object.entries(value.env)));
      }),
      { numRuns: 200 },
    );
  });
});
