import { describe, expect, it } from "vitest";
import { casesFor, type PolicyCase } from "../../host/project/cases.ts";

describe("the cases of a template", () => {
  it("speak of the project that is made of it", () => {
    const template: readonly PolicyCase[] = [
      {
        name: "pushes to OWNER/REPO",
        request: { raw_argv: ["git", "push", "git@github.com:OWNER/REPO.git", "/path/to/repo/x"] },
        argv: ["push"],
      },
    ];
    const place = { repo: "me/it", path: "/src/$&", host: "git.example", several: false };
    expect(casesFor(template, place)).toEqual([
      {
        name: "pushes to me/it",
        request: { raw_argv: ["git", "push", "git@git.example:me/it.git", "/src/$&/x"] },
        argv: ["push"],
      },
    ]);
    expect(casesFor(template, { ...place, several: true })[0]?.request).toMatchObject({ target_repo: "me/it" });
  });
});
