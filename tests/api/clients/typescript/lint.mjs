// Check an OpenAPI document by Redocly's strict rules; print each problem, and fail if there is one.
import { createConfig, lint } from "@redocly/openapi-core";

const config = await createConfig({ extends: ["recommended-strict"] });
const problems = await lint({ ref: process.argv[2], config });
for (const { ruleId, message, location } of problems) {
  console.log(`${ruleId} at ${location[0]?.pointer}: ${message}`);
}
process.exit(problems.length ? 1 : 0);
