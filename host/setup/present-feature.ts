import { CodedError } from "../../wire/errors.ts";
import { printable } from "../../wire/text.ts";
import { JsoncError, JsoncText } from "./jsonc-text.ts";

/** Our feature, as a devcontainer.json has it already. */
export interface PresentFeature {
  readonly reference: string;
  readonly commands: string | undefined;
  readonly mode: string | undefined;
  readonly runtime: string | undefined;
}

const OF_FEATURE = /(?:^|\/)cmd2host(?::[^/:]*|@sha256:[0-9a-f]+)?$/;

/** True for a reference of our feature, whatever its registry and version. */
export function isOurFeature(reference: string): boolean {
  return OF_FEATURE.test(reference);
}

/**
 * What a devcontainer.json says of our feature; undefined when it does not, or there is no file.
 * @throws CodedError `devcontainer_unsupported`
 */
export function presentFeature(text: string | undefined, path: string): PresentFeature | undefined {
  if (text === undefined) return undefined;
  try {
    const file = new JsoncText(text);
    const features = file.get(["features"]);
    if (typeof features !== "object" || features === null || Array.isArray(features)) return undefined;
    const reference = Object.keys(features).find(isOurFeature);
    if (reference === undefined) return undefined;
    const option = (name: string): string | undefined => {
      const value = file.get(["features", reference, name]);
      return typeof value === "string" ? value : undefined;
    };
    return { reference, commands: option("commands"), mode: option("connectionMode"), runtime: option("runtime") };
  } catch (error) {
    if (!(error instanceof JsoncError)) throw error;
    throw new CodedError("devcontainer_unsupported", `${printable(path)}: ${printable(error.message)}`, {
      hint: "Mend it, or leave it out with --no-devcontainer.",
      cause: error,
    });
  }
}
