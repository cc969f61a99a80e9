// People who register at a site, as `confctl load` lets them come, for k6 on any number of machines.
// Written by `confctl load --export`; the addresses are made up, and `confctl load --clean` removes them.
//
//   k6 run FILE                            on this machine
//   k6 run -e SITE=https://… -e RUN=b FILE another site, other addresses
import http from "k6/http";
import exec from "k6/execution";
import { sleep } from "k6";
import { Counter, Rate, Trend } from "k6/metrics";

const PLAN = {};
const SITE = __ENV.SITE || PLAN.site;
const RUN = __ENV.RUN || PLAN.run;

// A person is a new browser: no connection and no cookie of whoever came before.
export const options = {
  scenarios: { people: PLAN.scenario },
  noVUConnectionReuse: true,
  userAgent: PLAN.userAgent,
  maxRedirects: 0,
  thresholds: { people_in: [`rate>=${PLAN.leastIn}`] },
};

const peopleIn = new Rate("people_in");
const outcomes = {
  accepted: new Counter("people_accepted"),
  refused: new Counter("people_refused"),
  gaveUp: new Counter("people_gave_up"),
  noPage: new Counter("people_no_page"),
  abandoned: new Counter("people_abandoned"),
};
const shed = new Counter("answers_503");
const registration = new Trend("registration", true);

// From half of it to one and a half.
const around = (seconds) => seconds * (0.5 + Math.random());
const secondsSince = (moment) => (Date.now() - moment) / 1000;
const isSuccess = (answer) => answer.status >= 200 && answer.status < 300;

// Where `--vus` and `--duration` are given, as Distributed Load Testing on AWS does through Taurus, they take the place of the
// scenario: then each virtual user is one person, and comes at a moment of its own.
const isOnePersonEach = () => exec.scenario.executor === "constant-vus";

export default function () {
  if (isOnePersonEach() && exec.vu.iterationInScenario > 0) {
    sleep(1);
    return;
  }
  sleep(Math.random() * (isOnePersonEach() ? PLAN.within : PLAN.slice));
  const outcome = visit();
  outcomes[outcome].add(1);
  peopleIn.add(outcome === "accepted");
}

// Of one run, over all machines, each person has a number; where machines know nothing of each other it is a random one.
function address() {
  const number = isOnePersonEach() ? `r${Math.random().toString(36).slice(2)}` : exec.scenario.iterationInTest;
  return `p${number}@${RUN}${PLAN.suffix}`;
}

function visit() {
  const came = Date.now();
  const patience = PLAN.patience ? around(PLAN.patience) : Infinity;
  const html = page(came, patience);
  if (html === null) return "noPage";
  if (html === undefined) return "abandoned";
  const { assets, action } = read(html);
  for (const path of assets) http.get(SITE + path, { timeout: PLAN.pageLimit, responseType: "none", tags: { name: "asset" } });
  sleep(around(PLAN.think));
  return submit(action, patience);
}

// `null` where it does not come, `undefined` where somebody did not wait for that.
function page(came, patience) {
  for (let tried = 0; tried <= PLAN.reloads; tried += 1) {
    const answer = http.get(`${SITE}/`, { timeout: PLAN.pageLimit, tags: { name: "page" } });
    if (isSuccess(answer)) return answer.body;
    if (tried < PLAN.reloads) {
      const pause = around(PLAN.reloadAfter);
      if (secondsSince(came) + pause > patience) return undefined;
      sleep(pause);
    }
  }
  return null;
}

// What a browser would load, and where the form goes.
function read(html) {
  const found = { assets: [], action: "/register" };
  for (const [, name, attributes] of html.matchAll(/<(link|script|img|form)\b([^>]*)>/g)) {
    const wanted = name === "form" ? /\saction="([^"]*)"/ : /\s(?:href|src)="([^"]*)"/;
    const path = (attributes.match(wanted) || [])[1];
    if (!path || !path.startsWith("/") || path.startsWith("//")) continue;
    if (name === "form") found.action = path;
    else found.assets.push(path);
  }
  return found;
}

// As often as the page's own script, after what the site says and a random part.
function submit(action, patience) {
  const clicked = Date.now();
  const body = JSON.stringify({ email: address() });
  const params = {
    headers: { "Content-Type": "application/json" },
    timeout: PLAN.postLimit,
    responseType: "none",
    tags: { name: "registration" },
  };
  for (let tried = 0; tried < PLAN.tries; tried += 1) {
    const answer = http.post(SITE + action, body, params);
    if (isSuccess(answer)) {
      registration.add(Date.now() - clicked);
      return "accepted";
    }
    if (answer.status === 503) shed.add(1);
    if (isFinal(answer.status)) return "refused";
    if (tried + 1 < PLAN.tries) {
      const wait = Number(answer.headers["Retry-After"]);
      const pause = (wait > 0 ? Math.min(wait, 60) : 1) + Math.random() * Math.min(2 ** tried, 10);
      if (secondsSince(clicked) + pause > patience) {
        sleep(Math.max(0, patience - secondsSince(clicked)));
        return "abandoned";
      }
      sleep(pause);
    }
  }
  return "gaveUp";
}

// Status 0 is no answer at all.
const isFinal = (status) => status >= 300 && status < 500 && status !== 408 && status !== 429;
