import { CodedError } from "../../wire/errors.ts";
import { ownFile } from "../util/own-file.ts";

/** A file of the page, as it is sent. */
export interface Asset {
  readonly type: string;
  readonly bytes: Buffer;
}

/** The files of the page by their path below its address, as `npm run build:page` made them. */
export const ASSETS: ReadonlyMap<string, { readonly file: string; readonly type: string }> = new Map([
  ["", { file: "page/dist/index.html", type: "text/html; charset=utf-8" }],
  ["page.js", { file: "page/dist/page.js", type: "text/javascript; charset=utf-8" }],
  ["page.css", { file: "page/dist/page.css", type: "text/css; charset=utf-8" }],
  ["icon.svg", { file: "page/dist/icon.svg", type: "image/svg+xml" }],
]);

/** @throws CodedError `page_unavailable` when this installation was built without them */
export function pageAssets(): ReadonlyMap<string, Asset> {
  return new Map(
    [...ASSETS].map(([path, { file, type }]) => {
      const bytes = ownFile(file);
      if (bytes === undefined) throw new CodedError("page_unavailable", `this installation has no ${file}`);
      return [path, { type, bytes }] as const;
    }),
  );
}
