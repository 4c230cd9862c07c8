"""Availability: serial and parallel parts, a balancer that asks the other server, and what is measured."""

import contextlib

ASKED = "tcp.dstport == {port}"
TRIED = "ip.src == {b.sw.ip} && tcp.dstport == 80"
OK = 200
MOMENTS = 20


@contextlib.contextmanager
def down(lab, *servers):
    """These services are stopped inside, and the others are not."""
    for server in ("s1", "s2"):
        service = lab.service(server, "http")
        service.stop() if server in servers else service.start()
    try:
        yield
    finally:
        for server in servers:
            lab.service(server, "http").start()


def answered(connection):
    return connection.status == OK


# -- guess


def traffic_guess(lab):
    first, second, both = (int(lab.value(each)) for each in ("first", "second", "both"))
    moments = [("s1", "s2")] * both + [("s1",)] * (first - both) + [("s2",)] * (second - both)
    moments += [()] * (MOMENTS - len(moments))
    lab.random("moments").shuffle(moments)
    for dead in moments:
        with down(lab, *dead):
            for server in ("s1", "s2"):
                lab.fetch("b", f"http://{{{server}.ip}}/status/200")


def answers_guess(ev):
    asked = {server: ev.at("b", "sw").connections(f"{TRIED} && ip.dst == {{{server}.ip}}") for server in ("s1", "s2")}
    for server, found in asked.items():
        good = [one for one in found if answered(one)]
        ev.expect(len(found) == MOMENTS, f"{MOMENTS} requests to {server}", str(len(found)),
                  f"{server} answers {len(good)} of {len(found)}", [one.hello for one in good])
    pairs = [(answered(one), answered(other)) for one, other in zip(asked["s1"], asked["s2"], strict=True)]
    return {"serial": sum(map(all, pairs)), "parallel": sum(map(any, pairs))}


def diagnose_guess(ev, given, right):
    first, second = int(ev.value("first")), int(ev.value("second"))
    if given["serial"] == str(MOMENTS - first - second):
        return "Those moments in which both were down have been subtracted twice."
    if given["serial"] == str(right["parallel"]) and given["parallel"] == str(right["serial"]):
        return "The other way round: what needs both fails more often than what needs either."
    return None


# -- balancer


def plan():
    """Which servers are down in each part of the run."""
    return ("all", ()), ("one", ("s1",)), ("dark", ("s1", "s2")), ("other", ("s2",)), ("again", ())


def traffic_balancer(lab):
    program = lab.program("b", "{port}", "{s1.ip}", "{s2.ip}", port="{port}")
    lab.notes["parts"], status = [], 0
    for part, dead in plan():
        with down(lab, *dead):
            for _ in range(int(lab.value("dark" if part == "dark" else "up"))):
                lab.notes["parts"].append(part)
                status = lab.fetch("c", "http://{b.c.ip}:{port}/status/200", timeout=2)
    # The sockets of a program that ends are closed a moment before it is gone.
    lab.notes["code"] = program.process.poll() if status else program.wait(2)


def check_balancer(ev):
    asked = ev.at("c").connections(ASKED)
    tried = ev.at("b", "sw").connections(TRIED)
    ev.expect(bool(asked), "connections of c", "none", "c asks", [one.hello for one in asked[:1]])
    code = ev.notes["code"]
    parts = ev.notes["parts"]
    ev.expect(len(asked) == len(parts), f"{len(parts)} connections of c", str(len(asked)), "", [asked[0].hello])
    if asked[0].refused:
        ended = "" if code is None else f" Your program has ended, with exit code {code}."
        ev.mistake(f"Nothing listens at port {{port}} of b.{ended}", asked[0].refused)
    for at, (one, part) in enumerate(zip(asked, parts, strict=True), 1):
        if answered(one) or part == "dark":
            continue
        until = asked[at].hello if at < len(asked) else None
        mine = [each for each in tried if each.hello.time >= one.hello.time
                and (until is None or each.hello.time < until.time)]  # fmt: skip
        dead = {"one": "s1", "other": "s2"}.get(part, "")
        lost = sum(not answered(each) for each in asked)
        if code is not None:
            ev.mistake(f"Request {at} got no page: your program has ended, with exit code {code}.", one.hello,
                       *[each.refused for each in mine if each.refused])
        if not mine and part in ("other", "again"):
            back = "s1 was" if dead else "both servers were"
            ev.mistake(f"Request {at} was handed to nobody. But {back} there again: who was down once is not down for "
                       "ever.", one.hello)
        if mine and all(each.refused for each in mine):
            ev.mistake(f"Request {at} was sent to {dead}, which was down and refused it, and that was the end of it. "
                       f"The other server was there! So {lost} of {len(asked)} requests were lost.", one.hello,
                       mine[-1].refused)
        ev.mistake(f"Request {at} got no page, although {'both servers were' if not dead else 'one server was'} there.",
                   one.hello, *[each.hello for each in mine])
    good = [one for one in asked if answered(one)]
    for server in ("s1", "s2"):
        mine = [one for one in tried if one.server == ev.value(f"{server}.ip")]
        refused = [one for one in mine if one.refused]
        ev.expect(bool(refused), f"a connection that {server} refuses", "none", f"{server} was down and refused",
                  [one.refused for one in refused])
        if not [one for one in mine if one.hello.time > refused[-1].hello.time]:
            ev.mistake(f"{server} has been there again for a long time, and you never asked it again.",
                       refused[-1].refused, asked[-1].hello)
    ev.expect(True, "", "", f"{len(good)} of {len(asked)} requests were answered: all that could be",
              [one.back.segments[0].seen for one in good])


# -- measure


def answers_measure(ev):
    asked = ev.at("c").connections(ASKED)
    good = [one for one in asked if answered(one)]
    ev.expect(bool(good), "answers", "none", f"{len(good)} of {len(asked)} were answered", [one.hello for one in good])
    part = 100 * len(good) / len(asked)
    return {"availability": (part - 0.51, part + 0.51)}


def diagnose_measure(ev, given, right):
    if given["availability"].startswith("100"):
        return "503 is an answer of b, and no page: it does not count."
    return None
