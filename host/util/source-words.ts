import { createRequire } from "node:module";

/**
 * What Node is told to run a program from its source: the loader, and the file. The loader is looked for from the file, because --import would look
 * from the working directory of whoever starts the program.
 * @param file absolute path
 */
export function sourceWords(file: string): readonly string[] {
  return ["--import", createRequire(file).resolve("tsx"), file];
}
