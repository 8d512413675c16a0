/** Something open that can be closed. */
export interface Closable {
  close(): unknown;
}

/** What has been opened one after the other, to be closed together: the last first. */
export class Closing {
  readonly #opened: Closable[] = [];

  /** Takes charge of what has just been opened, and gives it back. */
  add<T extends Closable>(opened: T): T {
    this.#opened.push(opened);
    return opened;
  }

  /** Closes everything. */
  async close(): Promise<void> {
    for (let last = this.#opened.pop(); last !== undefined; last = this.#opened.pop()) await last.close();
  }
}
