import { oneText } from "./text-kind.ts";

/**
 * A file inside the workspace that the program writes or reads by way of a copy outside of it: an output is moved into place when the program succeeds, an
 * input is copied before it starts.
 */
export const workspacePath = oneText(false);
