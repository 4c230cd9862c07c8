"""Load balancing by round robin: the servers to which the balancer connects follow each other in a circle."""

ASKED = "tcp.dstport == {port}"
HANDED_ON = "ip.src == {lb.sw.ip} && tcp.dstport == 80"
SERVERS = ("s1", "s2", "s3")


def serve(lab, step):
    return lab.program("lb", "{port}", "{s1.ip}", "{s2.ip}", "{s3.ip}", port="{port}", of=step)


def ask(lab):
    """As many requests as the lab has drawn; ends at the first without an answer, each of which takes its time."""
    for number in range(int(lab.value("count"))):
        if not lab.fetch("c", f"http://{{lb.c.ip}}:{{port}}/echo/{{token}}/{number}", timeout=2):
            return


def name(ev, connection):
    return next((each for each in SERVERS if ev.value(f"{each}.ip") == connection.server), connection.server)


def judge_order(ev, handed):
    """All servers, each in turn."""
    order = [name(ev, one) for one in handed]
    used = list(dict.fromkeys(order))
    hellos = [one.hello for one in handed]
    if len(order) > 1 and len(used) == 1:
        ev.mistake(f"All {len(order)} connections went to {used[0]}, and none to the others. Take the next server for "
                   "each client.", *hellos)
    for at, (one, wanted) in enumerate(zip(order, used * len(order), strict=False)):
        if one != wanted:
            ev.mistake(f"{', '.join(order[: at + 1])}: there is no order in that. Round robin goes round in a circle.",
                       *hellos[: at + 1])
    for missing in sorted(set(SERVERS) - set(used)):
        if len(order) >= len(SERVERS):
            ev.mistake(f"{missing} never gets a request; {' and '.join(used)} take turns.", *hellos)
    ev.expect(True, "", "", f"lb connects to {', '.join(order[:4])} ...: each in turn", hellos)


def judge_answers(ev, asked, handed):
    for one, other in zip(asked, handed, strict=False):
        frames = [one.hello, other.hello, *[each.seen for each in one.back.segments[:1]]]
        if one.status != 200:
            ev.expect(False, "an answer 200 for each request", str(one.status or "none"), "", frames)
        if one.answered != other.answered:
            ev.expect(False, "the answer of the server, unchanged", "another one", "", frames)
    ev.expect(True, "", "", f"c gets {len(asked)} answers, as the servers gave them",
              [one.back.segments[0].seen for one in asked])


# -- guess


def traffic_guess(lab):
    serve(lab, "balancer")  # that of the reference solution, until the learner has one
    ask(lab)


def answers_guess(ev):
    handed = ev.at("lb", "sw").connections(HANDED_ON)
    judge_order(ev, handed)
    mine = ev.at("s1").connections("tcp.dstport == 80")
    ev.expect(bool(mine), "connections to s1", "none", "what s1 sees", [one.hello for one in mine])
    return {"first": len(mine), "seen": "lb" if mine[0].client == ev.value("lb.sw.ip") else "c"}


def diagnose_guess(ev, given, right):
    if given["first"] == str(int(ev.value("count")) // 3) and int(ev.value("count")) % 3:
        return "There is a rest, and s1 is the first in the circle."
    if given["seen"] == "c":
        return "c has a connection with lb, and lb has another one with s1."
    return None


# -- balancer


def traffic_balancer(lab):
    lab.notes["program"] = serve(lab, "")
    ask(lab)


def check_balancer(ev):
    asked = ev.at("c").connections(ASKED)
    ev.expect(bool(asked), "a connection of c to lb", "none", "c connects to lb", [one.hello for one in asked[:1]])
    if asked[0].refused:
        code = ev.notes["program"].process.poll()
        ended = "" if code is None else f" Your program has ended, with exit code {code}."
        ev.mistake(f"lb refused the connection: nothing listens at port {{port}}.{ended}", asked[0].refused)
    handed = ev.at("lb", "sw").connections(HANDED_ON)
    if not handed:
        ev.mistake("Your balancer takes connections, and opens none to a server.", asked[0].hello)
    judge_order(ev, handed)
    if not asked[0].answered and handed[0].answered:
        ev.mistake("The server answered, and nothing of it reached c: carry bytes both ways.", asked[0].hello,
                   handed[0].back.segments[0].seen)
    judge_answers(ev, asked, handed)
    ev.expect(len(handed) == len(asked) == int(ev.value("count")), "{count} connections on both sides",
              f"{len(asked)} and {len(handed)}", "as many to servers as from c", [one.hello for one in handed])


# -- look


def answers_look(ev):
    handed = ev.at("lb", "sw").connections(HANDED_ON)
    ev.expect(bool(handed), "connections of lb", "none", "the last SYN of lb to a server", [handed[-1].hello])
    return {"last": handed[-1].server}


def diagnose_look(ev, given, right):
    if given["last"] == ev.value("lb.c.ip"):
        return "That is lb itself, where c sends its requests."
    return None


# -- use


def begin_use(lab):
    serve(lab, "balancer")


def traffic_use(lab):
    lab.settle()


def check_use(ev):
    c = ev.at("c")
    other = [one for one in c.connections() if one.server == ev.value("lb.c.ip")
             and one.server_port != int(ev.value("port"))]  # fmt: skip
    if other:
        ev.mistake(f"You asked at port {other[0].server_port}; your balancer listens at {{port}}.", other[0].hello)
    asked = c.connections(ASKED)
    ev.expect(bool(asked), "a connection to port {port} of lb", "none", "c asks", [one.hello for one in asked])
    if len(asked) < 3:
        ev.mistake(f"You asked {'once' if len(asked) == 1 else 'twice'}: that shows no circle. Three times, at least.",
                   asked[0].hello)
    handed = ev.at("lb", "sw").connections(HANDED_ON)
    judge_order(ev, handed)
    judge_answers(ev, asked, handed)
