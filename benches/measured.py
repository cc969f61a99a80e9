"""A sandbox of its own for each measurement, and what a run of confctl costs. Shared by the measurements in this folder."""
import collections, contextlib, json, os, pathlib, platform, subprocess, sys, tempfile, time, urllib.request

ROOT = pathlib.Path(__file__).resolve().parents[1]
# An app that is there at once: what is measured is confctl.
SERVER = b"""import http.server, os
class Site(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.send_header("Cache-Control", "max-age=1")
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"ok")
    def log_message(self, *_):
        pass
http.server.ThreadingHTTPServer(("127.0.0.1", int(os.environ["PORT"])), Site).serve_forever()
"""
Ran = collections.namedtuple("Ran", "seconds cpu peak_bytes lines")


class Sandbox:
    def __init__(self, program, folder, scale):
        self.program, self.folder = pathlib.Path(program).resolve(), pathlib.Path(folder)
        bundle = self.folder / "site"
        bundle.mkdir()
        (bundle / "Procfile").write_text("web: python3 server.py\n")
        (bundle / "server.py").write_bytes(SERVER)
        self.site = ["--set", f"app.bundle={bundle}", "--set", "app.health_path=/"]
        self.environment = {
            "PATH": os.environ["PATH"],
            "HOME": str(self.folder / "home"),
            "CONFCTL_SANDBOX_DIR": str(self.folder / "sandbox"),
            "CONFCTL_SANDBOX_TIME_SCALE": str(scale),
        }
        (self.folder / "home").mkdir()

    def run(self, *arguments, expect=0):
        """One run, with its processor time and the most memory it held; its children are not in it."""
        began = time.monotonic()
        process = subprocess.Popen(
            [self.program, *arguments], env=self.environment, cwd=self.folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )
        output, errors = process.stdout.read(), process.stderr.read()
        _, status, usage = os.wait4(process.pid, 0)
        seconds = time.monotonic() - began
        code = os.waitstatus_to_exitcode(status)
        if code != expect:
            sys.exit(f"{' '.join(map(str, arguments))}: ended with {code}\n{output.decode()}\n{errors.decode()}")
        return Ran(seconds, usage.ru_utime + usage.ru_stime, usage.ru_maxrss * 1024, output.decode().splitlines())

    def requests(self):
        """Every request so far, as the sandbox logged it."""
        log = self.folder / "sandbox" / "requests.jsonl"
        return [json.loads(line) for line in log.read_text().splitlines()]

    def life_cycles(self):
        info = json.loads((self.folder / "sandbox" / "sandbox.json").read_text())
        request = urllib.request.Request(
            f"http://127.0.0.1:{info['port']}/_sandbox/life-cycles", headers={"x-sandbox-token": info["token"]}
        )
        with urllib.request.urlopen(request) as answer:
            return json.load(answer)


@contextlib.contextmanager
def sandbox(program, scale):
    with tempfile.TemporaryDirectory(prefix="confctl-bench-") as folder:
        one = Sandbox(program, folder, scale)
        try:
            yield one
        finally:
            subprocess.run([one.program, "sandbox", "stop"], env=one.environment, capture_output=True)


def summary(ran):
    return json.loads(ran.lines[-1])


def machine():
    model = next(
        (line.split(":")[1].strip() for line in open("/proc/cpuinfo") if line.startswith("model name")), platform.machine()
    )
    load = ", ".join(f"{one:.1f}" for one in os.getloadavg())
    return f"{model}, {os.cpu_count()} processors, load {load}"


def program_to_measure(parser):
    parser.add_argument(
        "--program", default=ROOT / "target/release/confctl", help="the confctl to measure (target/release/confctl)"
    )
