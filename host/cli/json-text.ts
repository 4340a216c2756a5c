// Escaped too: C1 controls, line and paragraph separators, and marks that turn the direction of text.
const STEERING = /[\u007f-\u009f\u200e\u200f\u2028\u2029\u202a-\u202e\u2066-\u2069]/g;

/**
 * JSON with a line feed behind it, without characters that could steer a terminal.
 * @param indent spaces per level; 0 makes one line
 */
export function jsonText(value: unknown, indent = 2): string {
  return `${JSON.stringify(value, null, indent).replace(STEERING, (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`)}\n`;
}
