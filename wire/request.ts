/** A request after parsing: what the pipeline works on. Values of parameters are still untyped JSON. */
export interface OperationRequest {
  readonly kind: "operation";
  /** 2 when the client announced the newer protocol, else 1. */
  readonly protocol: 1 | 2;
  readonly requestId: string | undefined;
  readonly token: string;
  readonly targetRepo: string;
  readonly cwdHint: CwdHint | undefined;
  readonly route: NamedRoute | RawRoute;
}

/** The operation is named: the MCP server's way. */
export interface NamedRoute {
  readonly kind: "named";
  readonly operation: string;
  readonly params: ReadonlyMap<string, unknown>;
  readonly flags: readonly string[];
}

/** A command line that must be matched to an operation: the stand-in's way. */
export interface RawRoute {
  readonly kind: "raw";
  readonly argv: readonly string[];
}

/** Where the caller says it stands. A hint, never trusted. */
export interface CwdHint {
  readonly toplevel: string;
  readonly originUrl: string;
}

export interface ListRequest {
  readonly kind: "list";
  readonly protocol: 1 | 2;
  readonly token: string;
  readonly prefix: string;
}

export interface DescribeRequest {
  readonly kind: "describe";
  readonly protocol: 1 | 2;
  readonly token: string;
  readonly operation: string;
}

export type Request = OperationRequest | ListRequest | DescribeRequest;
/** Which of the three reply forms a client expects. */
export type ReplyShape = Request["kind"];
