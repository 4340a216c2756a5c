/** True in the self-contained executable, whose runtime is Bun. For the few places in which it differs from Node; each says how. */
export const IS_BUN = process.versions["bun"] !== undefined;
