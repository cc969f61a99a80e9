// Stand-in for `k6/execution`: whose turn it is, as people.mjs sets it.
export default {
  scenario: { executor: "", iterationInTest: 0 },
  vu: { iterationInScenario: 0 },
};
