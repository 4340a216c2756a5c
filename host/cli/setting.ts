/** A member of settings, whose shape is the daemon's. */
export function setting(settings: unknown, name: string): unknown {
  return typeof settings === "object" && settings !== null ? new Map(Object.entries(settings)).get(name) : undefined;
}
