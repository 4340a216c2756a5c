import { CODES, type Code } from "../../wire/codes.ts";
import { CodedError } from "../../wire/errors.ts";
import type { OperationReply, RunInfo } from "../../wire/schema.ts";
import { printable } from "../../wire/text.ts";
import { PacedStream } from "../../terminal/paced-stream.ts";
import { GatewayClient } from "../fleet/gateway-client.ts";
import { gatewayPlace } from "../fleet/gateway-place.ts";
import { Voice } from "./call-voice.ts";
import type { ExecLine } from "./exec-line.ts";
import { jsonText } from "./json-text.ts";
import { EXIT_DENIED, type RunSurroundings } from "./operation-run.ts";

const EXIT_TROUBLE = 1;

function refusalOf({ denied_reason: reason, code = "", hint }: OperationReply): CodedError {
  const known: Code = Object.hasOwn(CODES, code) ? (code as Code) : "rpc_failed";
  return new CodedError(known, reason ?? "it was not started", hint === undefined ? {} : { hint });
}

/** Starts a command on a machine and leaves; prints the id of the run. Returns the exit code. */
export async function startOn(line: ExecLine, target: string, around: RunSurroundings): Promise<number> {
  const { request, gateway, json } = line;
  const stdout = new PacedStream(around.stdout, () => undefined);
  const stderr = new PacedStream(around.stderr, () => undefined);
  const print = (run: RunInfo): void => {
    void stdout.write(Buffer.from(json ? jsonText(run, 0) : `${printable(run.run_id)}\n`));
  };
  const fail = (error: CodedError): void => {
    const { code, message, hint } = error;
    const voice = new Voice(stderr);
    if (json) voice.json({ error: { code, message, hint } });
    else voice.trouble(error);
  };
  let exit = 0;
  try {
    const client = new GatewayClient(gatewayPlace(gateway, around.environment)).on(target);
    const begun = await client.start(request);
    if (begun.kind === "started") print(begun.run);
    else {
      fail(refusalOf(begun.reply));
      exit = EXIT_DENIED;
    }
  } catch (error) {
    if (!(error instanceof CodedError)) throw error;
    fail(error);
    exit = EXIT_TROUBLE;
  }
  await Promise.all([stdout.flushed(), stderr.flushed()]);
  return exit;
}
