import { describe, expect, it } from "vitest";
import { SHAPES } from "../../wire/generated/shapes.js";
import * as validators from "../../wire/generated/validate.js";
import { FLAG_TYPES, LISTEN_MODES, OUTCOMES, PARAM_TYPES, PROFILES, RUN_PLACES } from "../../wire/names.ts";
import { VALIDATED } from "../../wire/schema.ts";

/** The schemas as plain JSON, with maps as the generator writes them. */
function plain(schemas: object): unknown {
  return JSON.parse(JSON.stringify(schemas), (_, value: unknown) => {
    if (typeof value !== "object" || value === null || !("patternProperties" in value)) return value;
    const { patternProperties, ...rest } = value;
    return { ...rest, additionalProperties: Object.values(patternProperties as object)[0] as unknown };
  });
}

describe("what is generated from the schemas", () => {
  it("is as new as they are", () => {
    expect(SHAPES).toEqual(plain(VALIDATED));
  });

  it("checks what stands in a map under any name", () => {
    for (const name of ["", "a\nb", "__proto__", "constructor"]) {
      const value: unknown = JSON.parse(`{"env":{${JSON.stringify(name)}:5}}`);
      expect(validators.project_config(value)).toBe(false);
    }
  });

  it("holds a validator for each of them and no other", () => {
    expect(Object.keys(validators).sort()).toEqual(Object.keys(VALIDATED).sort());
  });
});

describe("the lists of words in the schemas", () => {
  it("are the words of the protocol and of the configurations", () => {
    expect(LISTEN_MODES).toEqual(["tcp", "unix", "both"]);
    expect(OUTCOMES).toEqual(["completed", "denied", "failed"]);
    expect(PARAM_TYPES).toEqual([
      "string",
      "integer",
      "number",
      "enum",
      "array",
      "path",
      "paths",
      "workspace_path",
      "git_ref",
      "git_branch",
      "url",
      "owner_repo",
    ]);
    expect(FLAG_TYPES).toEqual(PARAM_TYPES.filter((type) => !["array", "paths", "workspace_path"].includes(type)));
    expect(RUN_PLACES).toEqual(["workspace", "empty"]);
    expect(PROFILES).toEqual(["minimal", "user", "git", "git_remote_strict", "gh", "aws"]);
  });
});
