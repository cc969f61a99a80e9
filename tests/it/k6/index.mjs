// Stand-in for `k6`: nobody waits here.
export const sleep = () => {};
