import { Duplex } from "node:stream";

/**
 * Two streams, each of which reads what the other one is given.
 * @param limit bytes of both together after which they are cut
 */
export function duplexes(limit = Number.POSITIVE_INFINITY): readonly [Duplex, Duplex] {
  let passed = 0;
  const make = (other: () => Duplex): Duplex =>
    new Duplex({
      allowHalfOpen: true,
      read: () => undefined,
      write: (chunk: Buffer, _, done) => {
        setImmediate(() => {
          const part = chunk.subarray(0, limit - passed);
          passed += part.length;
          if (!other().destroyed && part.length > 0) other().push(Buffer.from(part));
          if (passed >= limit) setImmediate(() => other().destroy());
          done();
        });
      },
      final: (done) => {
        if (!other().destroyed) other().push(null);
        done();
      },
      destroy: (error, done) => {
        if (!other().destroyed) other().destroy();
        done(error);
      },
    });
  const one: Duplex = make(() => two);
  const two: Duplex = make(() => one);
  return [one, two];
}
