import type { ProfileName } from "../../wire/names.ts";

/** What a recipe may look at. */
export interface Situation {
  /** The daemon's own environment: the only source of what is passed on. */
  readonly host: ReadonlyMap<string, string>;
  /** owner/name of the target. */
  readonly repo: string;
  readonly gitHost: string;
  /** The project's git configuration. */
  readonly gitConfig: ReadonlyMap<string, string>;
}

/**
 * How the environment of a program is made from nothing. A recipe names what it passes on from the host and what it sets; there is no other way into
 * an environment besides the project's checked `env`, which can never replace what a recipe sets.
 */
export interface Recipe {
  readonly name: ProfileName;
  /** Why programs of this kind need what is passed on. */
  readonly needs: string;
  /** Names taken from the host's environment when they are set there. */
  readonly passes: readonly string[];
  readonly sets: (situation: Situation) => ReadonlyMap<string, string>;
  /** Git configuration that wins over every file and over the project's; for every program, since any may call git. */
  readonly gitConfig: (situation: Situation) => ReadonlyMap<string, string>;
}

/** What every program gets: how to find programs, how to write text, where to put temporary files. PATH is the daemon's own, cleaned. */
export const BASE_PASSES: readonly string[] = ["LANG", "LC_ALL", "TERM", "TMPDIR"];
