// Stand-in for `k6/metrics`: sums and counts by name.
export const metrics = {};

class Metric {
  constructor(name) {
    this.name = name;
    metrics[name] = { count: 0, sum: 0 };
  }

  add(value) {
    metrics[this.name].count += 1;
    metrics[this.name].sum += Number(value);
  }
}

export { Metric as Counter, Metric as Rate, Metric as Trend };
