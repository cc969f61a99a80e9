// Stand-in for `k6/http`: real requests by curl, one after the other and waited for, as k6's own are.
import { spawnSync } from "node:child_process";

function ask(method, url, body, params) {
  const limit = parseInt(params.timeout, 10) / 1000;
  const words = ["-sS", "-i", "--max-time", String(limit), "-X", method, "-A", "k6 stand-in"];
  for (const [name, value] of Object.entries(params.headers || {})) words.push("-H", `${name}: ${value}`);
  if (body !== null) words.push("--data-binary", body);
  const ran = spawnSync("curl", [...words, url], { encoding: "utf8" });
  const [head, ...rest] = ran.stdout.split("\r\n\r\n");
  const [first, ...lines] = head.split("\r\n");
  // As k6 writes names of headers.
  const capital = (name) => name.replace(/(^|-)[a-z]/g, (letter) => letter.toUpperCase());
  const headers = Object.fromEntries(lines.map((line) => [capital(line.split(":")[0].toLowerCase()), line.replace(/^[^:]*: */, "")]));
  const text = params.responseType === "none" ? null : rest.join("\r\n\r\n");
  return { status: Number(first.split(" ")[1]) || 0, headers, body: text };
}

export default {
  get: (url, params = {}) => ask("GET", url, null, params),
  post: (url, body, params = {}) => ask("POST", url, body, params),
};
