import { CodedError } from "../wire/errors.ts";
import type { Arrival } from "./arrival.ts";
import type { Destination } from "./destination.ts";
import type { Directory } from "./directory.ts";
import { DATA, type TransferKind } from "./format.ts";
import { Merge } from "./merge.ts";
import { shown } from "./names.ts";
import { about } from "./refusal.ts";

/** What is replaced, until everything is in place. */
const KEPT = "kept";

/** Puts a file over what stands at its name; the system does that at once, or not at all. */
function placeFile(stage: Directory, to: Directory, name: string): void {
  about(shown(name), () => {
    stage.move(DATA, to, name);
  });
}

function placeDirectory(stage: Directory, to: Directory, name: string, arrival: Arrival): void {
  arrival.finish(new Set([""]));
  about(shown(name), () => {
    if (to.stats(name) !== undefined)
      throw new CodedError("already_exists", `${shown(name)}: something appeared there meanwhile`, {
        hint: "Remove it, or name another destination.",
      });
    const top = stage.sub(DATA);
    try {
      stage.move(DATA, to, name);
      // Not before: a directory that we may not write to cannot be moved.
      arrival.finishOne(top, arrival.later(""));
    } finally {
      top.close();
    }
  });
}

function placeInside(stage: Directory, to: Directory, arrival: Arrival): void {
  const [top, kept] = [stage.sub(DATA), stage.make(KEPT)];
  try {
    const merge = new Merge(top, to, kept);
    arrival.finish(merge.check());
    merge.move((directory, path) => {
      arrival.finishOne(directory, arrival.later(path));
    });
  } finally {
    top.close();
    kept.close();
  }
}

/**
 * Puts what has arrived in a stage where it belongs: all of it, or nothing.
 * @throws CodedError `already_exists`, `file_failed`
 */
export function putInPlace(kind: TransferKind, stage: Directory, to: Destination, arrival: Arrival): void {
  const { directory, name } = to;
  if (name === undefined) placeInside(stage, directory, arrival);
  else if (kind === "file") placeFile(stage, directory, name);
  else placeDirectory(stage, directory, name, arrival);
}
