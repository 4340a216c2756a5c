import { testClasses } from "./corpus-suite.ts";

await testClasses(["remote"], { realSsh: true });
