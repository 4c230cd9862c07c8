# gets: It is no connection
def answer(lab, ev):
    """Reads the kernel's table, as `cat` shows it."""
    rows = [line.split() for line in lab.run("s", "cat /proc/net/tcp").stdout.splitlines()[1:]]
    known = {int(lab.value("one")), int(lab.value("two"))}
    listen = next(int(row[1][9:], 16) for row in rows if row[3] == "0A" and int(row[1][9:], 16) not in known)
    mine = [row for row in rows if row[3] == "01" and int(row[1][9:], 16) == listen]
    waits = next(int(row[2][9:], 16) for row in mine if int(row[4][9:], 16))
    return {"listen": listen, "open": len(mine) + 1, "waits": waits}
