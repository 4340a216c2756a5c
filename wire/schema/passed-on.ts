import { type Static, Type } from "typebox";

/** What a gateway adds to a request that it passes on to an agent, as the member `via`. */
export const PassedOnFile = Type.Object({
  via: Type.Object({
    /** Who asked the gateway. */
    caller: Type.String({ minLength: 1, maxLength: 64 }),
    /** The machine's name in the fleet. */
    target: Type.String({ minLength: 1, maxLength: 512 }),
    /** A UUID: the gateway's decision, and the run on the machine. */
    id: Type.String({ pattern: "^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$" }),
  }),
});

export type PassedOnFields = Static<typeof PassedOnFile>;
