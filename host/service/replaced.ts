import { statSync } from "node:fs";

/**
 * The first file of a program that was put in place after `since`: what runs is an older one then. Seen by the time of the last change of its
 * inode, which installers cannot set.
 */
export function replacedSince(program: readonly string[], since: Date): string | undefined {
  return program.find((part) => {
    const stats = part.startsWith("/") ? statSync(part, { throwIfNoEntry: false }) : undefined;
    // Times of service managers are whole seconds.
    return stats !== undefined && stats.ctimeMs >= since.getTime() + 1_000;
  });
}

/** The first file of a program that is not there any more. */
export function missingPart(program: readonly string[]): string | undefined {
  return program.find((part) => part.startsWith("/") && statSync(part, { throwIfNoEntry: false }) === undefined);
}
