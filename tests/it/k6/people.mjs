// Runs a script of k6's for so many people, one after the other: node people.mjs SCRIPT EXECUTOR PEOPLE. Says what it counted, and
// what it was asked to do.
import execution from "k6/execution";
import { metrics } from "k6/metrics";
import { pathToFileURL } from "node:url";

const [script, executor, people] = process.argv.slice(2);
globalThis.__ENV = {};
const { default: visit, options } = await import(pathToFileURL(script));
execution.scenario.executor = executor;
for (let person = 0; person < Number(people); person += 1) {
  execution.scenario.iterationInTest = person;
  execution.vu.iterationInScenario = 0;
  visit();
  if (executor === "constant-vus") {
    // A virtual user whose person has left begins anew until the time is over.
    execution.vu.iterationInScenario = 1;
    visit();
  }
}
console.log(JSON.stringify({ options, metrics }));
