import { CodedError } from "../../wire/errors.ts";
import { printable, shortened } from "../../wire/text.ts";
import { RpcException } from "../rpc/exception.ts";
import { Malformed } from "../wire/malformed.ts";
import { AGENT_FULL } from "./schema.ts";

const MAX_TEXT_BYTES = 500;

/** What an agent said, as it may be shown to a person. */
export function shown(text: string): string {
  return printable(shortened(text, MAX_TEXT_BYTES));
}

/** What whoever stopped a call hears. */
export function cancelled(): CodedError {
  return new CodedError("cancelled", "cancelled by the caller");
}

export function unreachable(message: string): CodedError {
  return new CodedError("target_unreachable", message);
}

/** What a person is told of a call to an agent that failed. Bugs are thrown on. */
export function failureOf(error: unknown): CodedError {
  if (error instanceof CodedError) return error;
  if (error instanceof Malformed)
    return new CodedError("rpc_failed", `the agent does not keep to the protocol: ${error.message}`);
  if (error instanceof RangeError) return new CodedError("rpc_failed", `the call cannot be sent: ${error.message}`);
  if (!(error instanceof RpcException)) throw error;
  const text = shown(error.message);
  if (error.kind === "disconnected") return unreachable(`the connection to the agent was lost: ${text}`);
  if (error.message.includes(AGENT_FULL)) return new CodedError("agent_full", `the agent refused the command: ${text}`);
  return new CodedError("rpc_failed", `the agent answered with an error: ${text}`);
}

/** The same of an attempt to authenticate: that the agent refuses it means that it has another key. */
export function refusalOf(error: unknown): CodedError {
  if (error instanceof RpcException && error.kind === "failed")
    return new CodedError("target_key_mismatch", `the agent does not accept the key: ${shown(error.message)}`);
  return failureOf(error);
}
