wrk.method = "POST"
wrk.path = "/register"
wrk.body = '{"email":"p1@closed.load.confctl.invalid"}'
wrk.headers["Content-Type"] = "application/json"
wrk.headers["User-Agent"] = "confctl-load/0.1.0"
