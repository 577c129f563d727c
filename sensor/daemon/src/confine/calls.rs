//! seccomp (seccomp(2)): which system calls remain.
//!
//! An allow list: what a new kernel brings is closed until somebody needs it. What is not on it answers "not
//! implemented", upon which libc takes an older way where there is one, and nothing is lost: to kill the process would
//! turn every slip of a parser into a gap of the watch. Not on it: programs (`execve`, `fork`), looking into others
//! (`ptrace`, `process_vm_readv`, `pidfd_getfd`), sockets of kinds that the link does not need, listening, other
//! users, namespaces, mounts, modules, BPF, io_uring, keys.

use std::collections::BTreeMap;

use libc::*;
use seccompiler::{
    BpfProgram, SeccompAction, SeccompCmpArgLen as Length, SeccompCmpOp as Op, SeccompCondition,
    SeccompFilter, SeccompRule, apply_filter,
};

/// In any way.
const FREE: &[c_long] = &[
    // Files; which ones is for Landlock.
    SYS_close,
    SYS_copy_file_range,
    SYS_dup,
    SYS_dup3,
    SYS_faccessat,
    SYS_faccessat2,
    SYS_fadvise64,
    SYS_fallocate,
    SYS_fchmod,
    SYS_fcntl,
    SYS_fdatasync,
    SYS_flock,
    SYS_fstat,
    SYS_fstatfs,
    SYS_fsync,
    SYS_ftruncate,
    SYS_getcwd,
    SYS_getdents64,
    SYS_lseek,
    SYS_mkdirat,
    SYS_newfstatat,
    SYS_openat,
    SYS_pread64,
    SYS_preadv,
    SYS_pwrite64,
    SYS_pwritev,
    SYS_read,
    SYS_readlinkat,
    SYS_readv,
    SYS_renameat,
    SYS_renameat2,
    SYS_statfs,
    SYS_statx,
    SYS_sync_file_range,
    SYS_unlinkat,
    SYS_write,
    SYS_writev,
    // Memory. Compiled expressions (PCRE2) need pages that can be run.
    SYS_brk,
    SYS_madvise,
    SYS_membarrier,
    SYS_mmap,
    SYS_mprotect,
    SYS_mremap,
    SYS_msync,
    SYS_munmap,
    // Threads and signals of this process.
    SYS_exit,
    SYS_exit_group,
    SYS_futex,
    SYS_get_robust_list,
    SYS_getpid,
    SYS_gettid,
    SYS_restart_syscall,
    SYS_rseq,
    SYS_rt_sigaction,
    SYS_rt_sigprocmask,
    SYS_rt_sigreturn,
    SYS_rt_sigtimedwait,
    SYS_sched_getaffinity,
    SYS_sched_yield,
    SYS_set_robust_list,
    SYS_set_tid_address,
    SYS_sigaltstack,
    // Clocks and waiting.
    SYS_clock_getres,
    SYS_clock_gettime,
    SYS_clock_nanosleep,
    SYS_epoll_create1,
    SYS_epoll_ctl,
    SYS_epoll_pwait,
    SYS_epoll_pwait2,
    SYS_eventfd2,
    SYS_getrusage,
    SYS_gettimeofday,
    SYS_nanosleep,
    SYS_pipe2,
    SYS_ppoll,
    SYS_pselect6,
    SYS_timerfd_create,
    SYS_timerfd_settime,
    SYS_times,
    // The link. What may be made and whereto is limited below and by Landlock. Who listens already takes who comes: the
    // status socket was made before.
    SYS_accept4,
    SYS_connect,
    SYS_getpeername,
    SYS_getsockname,
    SYS_getsockopt,
    SYS_recvfrom,
    SYS_recvmmsg,
    SYS_recvmsg,
    SYS_sendmmsg,
    SYS_sendmsg,
    SYS_sendto,
    SYS_setsockopt,
    SYS_shutdown,
    SYS_socketpair,
    // Who and where we are.
    SYS_getegid,
    SYS_geteuid,
    SYS_getgid,
    SYS_getrandom,
    SYS_getuid,
    SYS_sysinfo,
    SYS_uname,
];

/// Older names of the same.
#[cfg(target_arch = "x86_64")]
const FREE_HERE: &[c_long] = &[
    SYS_access,
    SYS_dup2,
    SYS_epoll_wait,
    SYS_lstat,
    SYS_mkdir,
    SYS_open,
    SYS_pipe,
    SYS_poll,
    SYS_readlink,
    SYS_rename,
    SYS_rmdir,
    SYS_select,
    SYS_stat,
    SYS_time,
    SYS_unlink,
];
#[cfg(not(target_arch = "x86_64"))]
const FREE_HERE: &[c_long] = &[];

/// Requests to a descriptor that the standard library makes, and questions to the card, which changes nothing for who
/// has no capability.
const IOCTLS: &[u64] = &[
    TCGETS,
    TIOCGWINSZ,
    FIONBIO,
    FIONREAD,
    FIOCLEX,
    sensor_capture::ETHTOOL_REQUEST,
];

/// Leaves the calls on the list; how many they are.
pub fn limit(resolver: bool, unix: bool) -> anyhow::Result<usize> {
    let (program, count) = program(resolver, unix)?;
    apply_filter(&program)?;
    Ok(count)
}

fn program(resolver: bool, unix: bool) -> anyhow::Result<(BpfProgram, usize)> {
    let mut calls: BTreeMap<i64, Vec<SeccompRule>> = FREE
        .iter()
        .chain(FREE_HERE)
        .map(|call| (*call, Vec::new()))
        .collect();
    // A thread, and no process. `clone3` hides its flags; libc does without.
    let thread = CLONE_THREAD as u64;
    calls.insert(SYS_clone, vec![rule(&[(0, Op::MaskedEq(thread), thread)])?]);
    // To one thread of this process; `abort` needs it.
    let own = u64::from(std::process::id());
    calls.insert(SYS_tgkill, vec![rule(&[(0, Op::Eq, own)])?]);
    calls.insert(SYS_prctl, vec![rule(&[(0, Op::Eq, PR_SET_NAME as u64)])?]);
    // Reading limits.
    calls.insert(SYS_prlimit64, vec![rule(&[(2, Op::Eq, 0)])?]);
    let requests = IOCTLS.iter().map(|request| rule(&[(1, Op::Eq, *request)]));
    calls.insert(SYS_ioctl, requests.collect::<anyhow::Result<_>>()?);
    let mut sockets = Vec::new();
    for family in [AF_INET, AF_INET6] {
        for kind in [Some(SOCK_STREAM), resolver.then_some(SOCK_DGRAM)] {
            let Some(kind) = kind else { continue };
            sockets.push(rule(&[
                (0, Op::Eq, family as u64),
                (1, Op::MaskedEq(0xf), kind as u64),
            ])?);
        }
    }
    if unix {
        sockets.push(rule(&[(0, Op::Eq, AF_UNIX as u64)])?);
    }
    calls.insert(SYS_socket, sockets);
    let count = calls.len();
    let filter = SeccompFilter::new(
        calls,
        SeccompAction::Errno(ENOSYS as u32),
        SeccompAction::Allow,
        std::env::consts::ARCH.try_into()?,
    )?;
    Ok((filter.try_into()?, count))
}

/// All of some arguments: number, comparison, value.
fn rule(conditions: &[(u8, Op, u64)]) -> anyhow::Result<SeccompRule> {
    let conditions = conditions
        .iter()
        .map(|(argument, op, value)| {
            SeccompCondition::new(*argument, Length::Qword, op.clone(), *value)
        })
        .collect::<Result<_, _>>()?;
    Ok(SeccompRule::new(conditions)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_dangerous_is_not_free() {
        for call in [
            SYS_execve,
            SYS_execveat,
            SYS_ptrace,
            SYS_process_vm_readv,
            SYS_process_vm_writev,
            SYS_clone3,
            SYS_bind,
            SYS_listen,
            SYS_setuid,
            SYS_mount,
            SYS_bpf,
            SYS_io_uring_setup,
            SYS_kill,
        ] {
            assert!(
                !FREE.contains(&call) && !FREE_HERE.contains(&call),
                "{call}"
            );
        }
    }

    #[test]
    fn the_list_becomes_a_program() {
        for (resolver, unix) in [(false, false), (true, false), (false, true)] {
            let (program, count) = program(resolver, unix).expect("it compiles");
            assert!(program.len() < 4_096 && count > FREE.len());
        }
    }
}
