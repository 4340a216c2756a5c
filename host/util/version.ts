declare const CMD2HOST_VERSION: string | undefined;

/** The version that the build put in; "dev" when it runs from source. */
export const VERSION: string = typeof CMD2HOST_VERSION === "string" ? CMD2HOST_VERSION : "dev";
