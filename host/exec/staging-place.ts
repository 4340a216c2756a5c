import type { DirHandle } from "../util/dir-handle.ts";

/** The open directories of one staged file, and what is to be done before they are closed. */
export class OpenPlace {
  readonly #handles: DirHandle[] = [];
  #work: () => void = () => undefined;

  keep(handle: DirHandle): DirHandle {
    this.#handles.push(handle);
    return handle;
  }

  atEnd(work: () => void): void {
    this.#work = work;
  }

  /** A second call does nothing. */
  leave(): void {
    const work = this.#work;
    this.#work = () => undefined;
    try {
      work();
    } finally {
      for (const handle of this.#handles.splice(0).reverse()) handle.close();
    }
  }
}
