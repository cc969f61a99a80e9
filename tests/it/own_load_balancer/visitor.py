"""A visitor of the site who asks for its pages all the time, one after the other, and notes each answer that is none.

Prints how often which page came, and a line that begins with ERROR for each answer that was none.
"""

import collections
import http.client
import itertools
import os
import sys
import time
import urllib.parse

SITE = urllib.parse.urlsplit(sys.argv[1])
END = sys.argv[2]
PATHS = itertools.cycle(sys.argv[3:] or ["/"])


def ask():
    # Names below `localhost` are this machine, which Python does not know.
    connection = http.client.HTTPConnection("127.0.0.1", SITE.port, timeout=30)
    try:
        connection.request("GET", next(PATHS), headers={"User-Agent": "visitor", "Host": SITE.netloc})
        answer = connection.getresponse()
        page = answer.read().decode(errors="replace").strip()
        return page if answer.status == 200 else f"ERROR {answer.status} {page[:80]}"
    except (http.client.HTTPException, OSError) as error:
        return f"ERROR {error}"
    finally:
        connection.close()


seen = collections.Counter()
while not os.path.exists(END):
    seen[ask()] += 1
    time.sleep(0.05)
for page, times in seen.items():
    print(f"{page} x {times}")
