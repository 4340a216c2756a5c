/** A command that writes numbered lines, about forty a second, and what it writes. */
export function counting(lines: number): string {
  return `for i in $(seq ${lines}); do echo line $i; sleep 0.025; done`;
}

export function numbered(lines: number): string {
  return Array.from({ length: lines }, (_, index) => `line ${index + 1}\n`).join("");
}

/** What `seq` writes. */
export function sequence(to: number): string {
  return Array.from({ length: to }, (_, index) => `${index + 1}\n`).join("");
}
