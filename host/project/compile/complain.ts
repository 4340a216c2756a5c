/** Says that the value at the JSON pointer is wrong. */
export type Complain = (pointer: string, message: string) => never;

/** A name as one step of a JSON pointer. */
export function step(name: string): string {
  return `/${name.replaceAll("~", "~0").replaceAll("/", "~1")}`;
}
