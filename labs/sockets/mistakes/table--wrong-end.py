# gets: The other end of the connection
def answer(lab, ev):
    """Reads the kernel's table, as `cat` shows it."""
    rows = [line.split() for line in lab.run("s", "cat /proc/net/tcp").stdout.splitlines()[1:]]
    known = {int(lab.value("one")), int(lab.value("two"))}
    listen = next(int(row[1][9:], 16) for row in rows if row[3] == "0A" and int(row[1][9:], 16) not in known)
    mine = [row for row in rows if row[3] == "01" and int(row[1][9:], 16) == listen]
    return {"listen": listen, "open": len(mine), "waits": listen}
