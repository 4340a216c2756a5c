import { join } from "node:path";

/** Where a gateway keeps what is its own, below `cache_dir`. */
export interface GatewayPlaces {
  readonly root: string;
  readonly lockSocket: string;
  readonly link: string;
  readonly agents: string;
  readonly enrolment: string;
  readonly audit: string;
  readonly keys: string;
  readonly budgets: string;
}

export function gatewayPlaces(root: string): GatewayPlaces {
  return {
    root,
    // The daemon's name for it, so that commands of the owner find it.
    lockSocket: join(root, "daemon.lock"),
    link: join(root, "link"),
    agents: join(root, "agents"),
    enrolment: join(root, "enrolment"),
    audit: join(root, "audit"),
    keys: join(root, "keys"),
    budgets: join(root, "budgets.json"),
  };
}
