/** Where in a number we are, and which kinds of byte may follow. */
export type NumberPart = "minus" | "zero" | "digits" | "point" | "fraction" | "exponent" | "sign" | "power";
/** Parts at which a number may end. */
export const COMPLETE_NUMBER: ReadonlySet<NumberPart> = new Set<NumberPart>(["zero", "digits", "fraction", "power"]);

export function isDigit(byte: number): boolean {
  return byte >= 0x30 && byte <= 0x39;
}

/** The part that `byte` leads to from `part`, or undefined when it cannot follow. Source: RFC 8259, section 6. */
export function nextNumberPart(part: NumberPart, byte: number): NumberPart | undefined {
  if (isDigit(byte)) {
    switch (part) {
      case "minus":
        return byte === 0x30 ? "zero" : "digits";
      case "zero":
        return undefined;
      case "digits":
        return "digits";
      case "point":
      case "fraction":
        return "fraction";
      case "exponent":
      case "sign":
      case "power":
        return "power";
    }
  }
  const whole = part === "zero" || part === "digits";
  if (byte === 0x2e) return whole ? "point" : undefined;
  if (byte === 0x65 || byte === 0x45) return whole || part === "fraction" ? "exponent" : undefined;
  if (byte === 0x2b || byte === 0x2d) return part === "exponent" ? "sign" : undefined;
  return undefined;
}
