import { CodedError } from "../../wire/errors.ts";

/** The coded error that a call ends with. */
export async function failure(promise: Promise<unknown>): Promise<CodedError> {
  const thrown: unknown = await promise.then(
    () => undefined,
    (error: unknown) => error,
  );
  if (!(thrown instanceof CodedError)) throw new Error("did not fail with a coded error", { cause: thrown });
  return thrown;
}
