import { testClasses } from "./corpus-suite.ts";

await testClasses([
  ...["json", "protocol", "patterns", "paths", "files", "terminal", "approval"],
  ...["arguments-git", "arguments-gh", "arguments-aws", "arguments-programs"],
]);
