/** Filled in by the bundler (a `define`); absent when the sources run as they are. */
declare const CMD2HOST_VERSION: string | undefined;

/** The build's version, `dev` when there is none. */
export const VERSION: string = typeof CMD2HOST_VERSION === "string" ? CMD2HOST_VERSION : "dev";
