import { ValueError, typeOfJson, type ParamKind } from "./kind.ts";

/** A JSON number that is an integer and exact as a double. Fractions and larger numbers are refused, never rounded. */
export const integer: ParamKind = {
  isPath: false,
  check(value, { schema: { min, max } }) {
    if (typeof value !== "number") throw new ValueError(`expected integer, got ${typeOfJson(value)}`);
    if (!Number.isSafeInteger(value)) throw new ValueError(`expected integer, got ${value}`);
    if (min !== undefined && value < min) throw new ValueError(`${value} below minimum ${min}`);
    if (max !== undefined && value > max) throw new ValueError(`${value} exceeds maximum ${max}`);
    // A negative number is an option to many programs, but its schema asked for it by a negative or absent minimum.
    return { kind: "text", text: String(Object.is(value, -0) ? 0 : value) };
  },
};
