import { testClasses } from "./corpus-suite.ts";

await testClasses(["refs", "workspace-objects", "tokens"]);
