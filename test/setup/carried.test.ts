import { join } from "node:path";
import { expect, it } from "vitest";
import { FEATURE_SOURCES } from "../../host/setup/feature-files.ts";
import { bundle } from "../../scripts/executable/bundle.ts";
import { projectRoot, tempDirectory } from "../fixtures/temp.ts";

it("the executable carries what setup puts into a checkout", async () => {
  const { carried } = await bundle(projectRoot, join(tempDirectory(), "main.js"), "0.0.0");
  const feature = FEATURE_SOURCES.map((name) => `feature/src/cmd2host/${name}`);
  expect(carried).toEqual(expect.arrayContaining([...feature, "LICENSE", "shim/LICENSE-musl.txt"]));
});
