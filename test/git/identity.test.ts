import { mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { ownersIdentity } from "../../host/git/identity.ts";
import { tempDirectory } from "../fixtures/temp.ts";

function identity(environment: Readonly<Record<string, string>>): readonly (readonly [string, string | undefined])[] {
  return ownersIdentity(new Map(Object.entries(environment))).map(({ key, value }) => [key, value]);
}

const PERSON = "[user]\n\tname = Me\n\temail = me@example.org\n";

describe("who the owner is to git", () => {
  it("is what the owner's file says, and nothing else of it", () => {
    const HOME = tempDirectory();
    const rest =
      '\tsigningKey = X\n[user "x"]\n\tname = No\n[alias]\n\tst = !id\n[core]\n\tfsmonitor = id\n[include]\n\tpath = more\n';
    writeFileSync(join(HOME, "more"), "[user]\n\tname = Included\n");
    writeFileSync(join(HOME, ".gitconfig"), PERSON + rest);
    expect(identity({ HOME })).toEqual([
      ["name", "Me"],
      ["email", "me@example.org"],
    ]);
  });

  it("is read from git's two places, of which .gitconfig wins by coming last", () => {
    const HOME = tempDirectory();
    const XDG_CONFIG_HOME = join(HOME, "xdg");
    for (const directory of [join(HOME, ".config/git"), join(XDG_CONFIG_HOME, "git")])
      mkdirSync(directory, { recursive: true });
    writeFileSync(join(HOME, ".config/git/config"), "[user]\n\tname = One\n");
    writeFileSync(join(XDG_CONFIG_HOME, "git/config"), "[user]\n\tname = Two\n");
    writeFileSync(join(HOME, ".gitconfig"), "[user]\n\tname = Three\n");
    expect(identity({ HOME }).map(([, value]) => value)).toEqual(["One", "Three"]);
    expect(identity({ HOME, XDG_CONFIG_HOME: "" }).map(([, value]) => value)).toEqual(["One", "Three"]);
    expect(identity({ HOME, XDG_CONFIG_HOME }).map(([, value]) => value)).toEqual(["Two", "Three"]);
  });

  it("is read through a link: many keep their files elsewhere", () => {
    const HOME = tempDirectory();
    mkdirSync(join(HOME, "dotfiles"));
    writeFileSync(join(HOME, "dotfiles/gitconfig"), PERSON);
    symlinkSync("dotfiles/gitconfig", join(HOME, ".gitconfig"));
    expect(identity({ HOME })).toHaveLength(2);
  });

  it("is nobody without a home, without a file, with a directory in its place, with one that is none or too large", () => {
    const HOME = tempDirectory();
    expect(identity({})).toEqual([]);
    expect(identity({ HOME: "" })).toEqual([]);
    expect(identity({ HOME })).toEqual([]);
    const path = join(HOME, ".gitconfig");
    writeFileSync(path, "[user\nname");
    expect(identity({ HOME })).toEqual([]);
    writeFileSync(path, PERSON + "#".repeat(1_048_576));
    expect(identity({ HOME })).toEqual([]);
    const other = tempDirectory();
    mkdirSync(join(other, ".gitconfig"));
    expect(identity({ HOME: other })).toEqual([]);
  });
});
