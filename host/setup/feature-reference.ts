/** Where the devcontainer feature is published. Until it is, setup puts it into the checkout, as a local feature. */
export const PUBLISHED_FEATURE: string | undefined = undefined;

const REFERENCE = /^(?:\.{1,2}\/[\w./-]+|[\w.-]+(?::[0-9]+)?(?:\/[\w.-]+)+(?::[\w.-]+|@sha256:[0-9a-f]{64})?)$/;

/** True for a reference of a feature: in a registry, or a directory beside devcontainer.json. */
export function isFeatureReference(text: string): boolean {
  return REFERENCE.test(text);
}
