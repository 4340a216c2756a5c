import { CODES, type Code } from "../../wire/codes.ts";
import { CodedError } from "../../wire/errors.ts";
import type { Reply } from "../../wire/outcome.ts";
import type { ExplainOperationRequest, ExplainRequest, OperationRequest } from "../../wire/request.ts";
import type { Explanation } from "../../wire/schema.ts";
import type { Session } from "../auth/token-store.ts";
import { explain, type ExplainingRooms } from "./explain.ts";
import type { Trail } from "./trail.ts";

/** Whom the owner of the host is to the pipeline. No token is this session's. */
function ownersSession(projectId: string): Session {
  return { id: "owner", key: "", projectId, repo: "" };
}

/** Explains a request of any project for the owner of the host. */
export async function explainForOwner(
  rooms: ExplainingRooms,
  project: string,
  asked: OperationRequest,
): Promise<Explanation> {
  const authenticate = (): Session => ownersSession(project);
  const owners: ExplainingRooms = { ...rooms, settings: rooms.settings, authenticate };
  return explain(owners, { ...asked, offersStdin: true }, "owner");
}

/** What the record says of an explanation that says no; undefined when it says yes. */
function denial({ code, message = "", hint = "" }: Explanation): CodedError | undefined {
  return code === undefined || !Object.hasOwn(CODES, code)
    ? undefined
    : new CodedError(code as Code, message, { hint });
}

/** The same with what it says masked: it repeats what was asked for, and that may be a secret. */
function masked(explanation: Explanation, mask: (text: string) => string): Explanation {
  const { message, hint, near } = explanation;
  return {
    ...explanation,
    ...(message === undefined ? {} : { message: mask(message) }),
    ...(hint === undefined ? {} : { hint: mask(hint) }),
    ...(near === undefined ? {} : { near: near.map((one) => ({ ...one, why: mask(one.why) })) }),
  };
}

/** What the engine does with what sessions ask. */
export interface Telling {
  /** Records it, with what it would be denied for. */
  readonly record: (denied?: CodedError) => void;
  /** Hides what must not be said, by the rules of the project that was found. */
  readonly mask: (text: string) => string;
}

/**
 * Answers who asks what would become of a request.
 * @throws CodedError `unauthenticated` for sessions that are none, and for whoever asks as the owner without being it
 */
export async function aboutExplaining(
  rooms: ExplainingRooms,
  request: ExplainOperationRequest | ExplainRequest,
  isOwner: boolean,
  trail: Trail,
  { record, mask }: Telling,
): Promise<Reply> {
  if (request.kind === "explain") {
    if (!isOwner) throw new CodedError("unauthenticated", "Authentication failed");
    return { shape: "explanation", explanation: await explainForOwner(rooms, request.project, request.asked) };
  }
  rooms.authenticate(request.token);
  const asked = { ...request.asked, offersStdin: request.asked.offersStdin || request.asked.needsStdin };
  const explanation = masked(await explain(rooms, asked, "session", trail), mask);
  record(denial(explanation));
  return { shape: "explanation", explanation };
}
