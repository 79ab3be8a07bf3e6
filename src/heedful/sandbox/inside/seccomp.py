"""The system calls that a program in the sandbox may not make, as a seccomp filter (Linux, Documentation/userspace-api/
seccomp_filter.rst): a small program of classic BPF that the kernel runs before each call.

What is refused, and why the namespaces alone would not do: sockets (AF_VSOCK reaches the host of a virtual machine from
any network namespace), new namespaces and mounts, other processes' memory, the kernel's own keys, modules, BPF,
io_uring (which does what seccomp does not see), shared memory that outlives a process and counts in no limit, and new
processes where only one is allowed. The rest is allowed: which calls Python makes changes with its version.
"""

from __future__ import annotations

import struct

# Each with its number on x86_64 and on aarch64; None where the machine has no such call.
REFUSED: dict[str, tuple[int, int | None]] = {
    "acct": (163, 89),
    "add_key": (248, 217),
    "adjtimex": (159, 171),
    "bpf": (321, 280),
    "chroot": (161, 51),
    "clock_adjtime": (305, 266),
    "clock_settime": (227, 112),
    "delete_module": (176, 106),
    "fanotify_init": (300, 262),
    "finit_module": (313, 273),
    "fsconfig": (431, 431),
    "fsmount": (432, 432),
    "fsopen": (430, 430),
    "fspick": (433, 433),
    "init_module": (175, 105),
    "io_uring_enter": (426, 426),
    "io_uring_register": (427, 427),
    "io_uring_setup": (425, 425),
    "ioperm": (173, None),
    "iopl": (172, None),
    "kcmp": (312, 272),
    "kexec_file_load": (320, 294),
    "kexec_load": (246, 104),
    "keyctl": (250, 219),
    "lookup_dcookie": (212, 18),
    "memfd_create": (319, 279),
    "memfd_secret": (447, 447),
    "migrate_pages": (256, 238),
    "modify_ldt": (154, None),
    "mount": (165, 40),
    "mount_setattr": (442, 442),
    "move_mount": (429, 429),
    "move_pages": (279, 239),
    "mq_open": (240, 180),
    "msgctl": (71, 187),
    "msgget": (68, 186),
    "msgrcv": (70, 188),
    "msgsnd": (69, 189),
    "name_to_handle_at": (303, 264),
    "nfsservctl": (180, 42),
    "open_by_handle_at": (304, 265),
    "open_tree": (428, 428),
    "perf_event_open": (298, 241),
    "personality": (135, 92),
    "pidfd_getfd": (438, 438),
    "pivot_root": (155, 41),
    "process_madvise": (440, 440),
    "process_vm_readv": (310, 270),
    "process_vm_writev": (311, 271),
    "ptrace": (101, 117),
    "quotactl": (179, 60),
    "quotactl_fd": (443, 443),
    "reboot": (169, 142),
    "request_key": (249, 218),
    "semctl": (66, 191),
    "semget": (64, 190),
    "semop": (65, 193),
    "semtimedop": (220, 192),
    "setdomainname": (171, 162),
    "sethostname": (170, 161),
    "setns": (308, 268),
    "settimeofday": (164, 170),
    "shmat": (30, 196),
    "shmctl": (31, 195),
    "shmdt": (67, 197),
    "shmget": (29, 194),
    "socket": (41, 198),
    "swapoff": (168, 225),
    "swapon": (167, 224),
    "syslog": (103, 116),
    "umount2": (166, 39),
    "unshare": (272, 97),
    "userfaultfd": (323, 282),
    "vhangup": (153, 58),
}
# The machines whose numbers these are: AUDIT_ARCH, and the column above.
MACHINES = {"x86_64": (0xC000003E, 0), "aarch64": (0xC00000B7, 1)}
_FORK = {"fork": (57, None), "vfork": (58, None)}
_CLONE, _CLONE3, _SOCKETPAIR = (56, 220), (435, 435), (53, 199)
_X32 = 0x40000000  # numbers from here on are x86_64's second set of the same calls

_NEW_NAMESPACES = 0x7E020000  # CLONE_NEW* of mounts, cgroups, names, IPC, users, processes, network
_THREAD = 0x00010000
_AF_UNIX = 1

_LOAD, _EQUAL, _AT_LEAST, _ANY_BIT, _RETURN = 0x20, 0x15, 0x35, 0x45, 0x06
_NUMBER, _ARCH, _FIRST_ARGUMENT = 0, 4, 16  # struct seccomp_data, of little-endian machines
_ALLOW, _KILL, _ERRNO = 0x7FFF0000, 0x80000000, 0x00050000
_EPERM, _ENOSYS = 1, 38

Instruction = tuple[int, int, int, int]  # code, jump if true, jump if false, constant


def _answer(number: int, verdict: int) -> list[Instruction]:
    return [(_EQUAL, 0, 1, number), (_RETURN, 0, 0, verdict)]


def _clone(number: int, one_process: bool) -> list[Instruction]:
    """clone() for a thread is allowed; for a process only where there may be several; never with new namespaces."""
    body: list[Instruction] = [
        (_LOAD, 0, 0, _FIRST_ARGUMENT),
        (_ANY_BIT, 0, 1, _NEW_NAMESPACES),
        (_RETURN, 0, 0, _ERRNO | _EPERM),
    ]
    if one_process:
        body += [(_ANY_BIT, 1, 0, _THREAD), (_RETURN, 0, 0, _ERRNO | _EPERM)]
    body.append((_RETURN, 0, 0, _ALLOW))
    return [(_EQUAL, 0, len(body), number), *body]


def instructions(machine: str, one_process: bool) -> list[Instruction]:
    """The filter for a machine of `MACHINES`. `one_process`: no process may be started, threads may."""
    arch, column = MACHINES[machine]
    refused = dict(REFUSED) | (_FORK if one_process else {})
    out: list[Instruction] = [
        (_LOAD, 0, 0, _ARCH),
        (_EQUAL, 1, 0, arch),
        (_RETURN, 0, 0, _KILL),
        (_LOAD, 0, 0, _NUMBER),
    ]
    if machine == "x86_64":
        out += [(_AT_LEAST, 0, 1, _X32), (_RETURN, 0, 0, _KILL)]
    for numbers in refused.values():
        number = numbers[column]
        if number is not None:
            out += _answer(number, _ERRNO | _EPERM)
    # Its flags lie in memory, where a filter cannot look; the C library falls back on clone().
    out += _answer(_CLONE3[column], _ERRNO | _ENOSYS)
    pair = [(_LOAD, 0, 0, _FIRST_ARGUMENT), *_answer(_AF_UNIX, _ALLOW), (_RETURN, 0, 0, _ERRNO | _EPERM)]
    out += [(_EQUAL, 0, len(pair), _SOCKETPAIR[column]), *pair]
    out += _clone(_CLONE[column], one_process)
    return [*out, (_RETURN, 0, 0, _ALLOW)]


def assembled(machine: str, one_process: bool) -> bytes:
    """The filter as the kernel takes it: an array of struct sock_filter."""
    return b"".join(struct.pack("=HBBI", *one) for one in instructions(machine, one_process))
