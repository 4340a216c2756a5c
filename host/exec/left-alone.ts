import { spawn } from "node:child_process";
import type { Command } from "./command.ts";

/** How soon a program that cannot do its job says so. */
const FIRST_WORDS_MS = 1_500;

/**
 * Starts a program of the owner's that goes on without us, a browser for example: nothing of ours is shared with it, and it is not ended with us.
 * @returns true when it runs, or has ended well; false when it could not be started or has failed at once
 */
export async function startAlone(command: Command, args: readonly string[], env: NodeJS.ProcessEnv): Promise<boolean> {
  const child = spawn(command.file, [...args], {
    argv0: command.argv0,
    env,
    cwd: "/",
    stdio: "ignore",
    detached: true,
  });
  child.unref();
  return new Promise((resolve) => {
    const timer = setTimeout(() => {
      resolve(true);
    }, FIRST_WORDS_MS);
    const end = (isGood: boolean): void => {
      clearTimeout(timer);
      resolve(isGood);
    };
    child.once("error", () => {
      end(false);
    });
    child.once("exit", (code) => {
      end(code === 0);
    });
  });
}
