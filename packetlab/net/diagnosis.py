"""Why this machine does not let us make a virtual network, and the exact command that changes it."""

import errno
import os
from pathlib import Path

from packetlab.model.errors import NamespaceError

_ELSE = "or run it with sudo, or use the replay mode of labs, which needs no network"


def _setting(path: str) -> str:
    try:
        return Path("/proc/sys", path).read_text(encoding="ascii").strip()
    except (OSError, ValueError):
        return ""


def _in_container() -> bool:
    return any(Path(sign).exists() for sign in ("/.dockerenv", "/run/.containerenv"))


def why_not(step: str, number: int, detail: str = "") -> NamespaceError:
    """The error for the step at which making namespaces failed (`start`, `unshare`, `map`, `mount`, ...)."""
    ordinary = os.geteuid() != 0
    reason = detail or (os.strerror(number) if number else "the holder process did not start")
    cause = f"cannot make a virtual network ({step}: {reason})"
    if not Path("/proc/self/ns/user").exists():
        return NamespaceError(
            f"{cause}: /proc is not mounted or this kernel has no user namespaces",
            remedy="mount /proc; the kernel needs CONFIG_USER_NS and CONFIG_NET_NS",
        )
    if _setting("user/max_user_namespaces") == "0":
        return NamespaceError(
            f"{cause}: this machine allows no user namespaces (user.max_user_namespaces is 0)",
            remedy="sudo sysctl user.max_user_namespaces=15000",
        )
    for what in ("net", "mnt", "pid", "uts"):
        if _setting(f"user/max_{what}_namespaces") == "0":
            return NamespaceError(
                f"{cause}: user.max_{what}_namespaces is 0",
                remedy=f"sudo sysctl user.max_{what}_namespaces=15000",
            )
    if number == errno.ENOSPC:
        return NamespaceError(
            f"{cause}: the number of namespaces is used up or nesting is too deep",
            remedy="raise user.max_user_namespaces and user.max_net_namespaces with sysctl",
        )
    if ordinary and _setting("kernel/unprivileged_userns_clone") == "0":
        return NamespaceError(
            f"{cause}: kernel.unprivileged_userns_clone is 0",
            remedy=f"sudo sysctl kernel.unprivileged_userns_clone=1, {_ELSE}",
        )
    if ordinary and _setting("kernel/apparmor_restrict_unprivileged_userns") == "1":
        return NamespaceError(
            f"{cause}: AppArmor takes the power out of an ordinary user's namespaces (Ubuntu 24.04 and later)",
            remedy=f"sudo sysctl kernel.apparmor_restrict_unprivileged_userns=0, {_ELSE}",
        )
    if number in (errno.EPERM, errno.EACCES) and (_in_container() or _seccomp()):
        return NamespaceError(
            f"{cause}: a container's seccomp filter forbids it",
            remedy="start the container with --security-opt seccomp=unconfined --security-opt apparmor=unconfined"
            " (or --privileged), or use the replay mode of labs",
        )
    if number == errno.EINVAL:
        return NamespaceError(
            f"{cause}: this kernel lacks a kind of namespace",
            remedy="the kernel needs CONFIG_USER_NS, CONFIG_NET_NS, CONFIG_PID_NS and CONFIG_UTS_NS",
        )
    return NamespaceError(cause, remedy=f"allow user namespaces for ordinary users, {_ELSE}" if ordinary else "")


def _seccomp() -> bool:
    try:
        status = Path("/proc/self/status").read_text(encoding="ascii", errors="replace")
    except OSError:
        return False
    return "Seccomp:\t2" in status
