import { testClasses } from "./corpus-suite.ts";

await testClasses(["workspace-config", "workspace-hooks", "workspace-layout", "environment"]);
