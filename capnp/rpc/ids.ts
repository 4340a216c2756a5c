/** Numbers for the rows of a table, the smallest ones again and again. */
export class Ids {
  readonly #free: number[] = [];
  #next = 0;

  take(): number {
    return this.#free.pop() ?? this.#next++;
  }

  giveBack(id: number): void {
    this.#free.push(id);
  }
}
