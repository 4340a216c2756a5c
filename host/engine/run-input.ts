import { Transform, type Readable } from "node:stream";

/**
 * Standard input on its way to a program, counted. What comes behind `max` bytes is not passed on, and `tooMuch` is called once.
 */
export function limitedInput(source: Readable, max: number, tooMuch: () => void): Readable {
  let taken = 0;
  const counter = new Transform({
    transform(chunk: Buffer, _encoding, done) {
      taken += chunk.length;
      if (taken <= max) done(null, chunk);
      else {
        source.unpipe(counter);
        source.resume();
        tooMuch();
        done();
      }
    },
  });
  source.once("error", () => counter.end());
  return source.pipe(counter);
}
