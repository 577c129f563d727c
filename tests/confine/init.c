/* The first process of the machine: makes it a Linux as the test knows it, runs the test, tells, and turns the machine off. */
#include <net/if.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/socket.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <unistd.h>

int main(void) {
  int broken = mount("proc", "/proc", "proc", 0, NULL) | mount("sys", "/sys", "sysfs", 0, NULL)
      | mount("dev", "/dev", "devtmpfs", 0, NULL) | mount("tmp", "/tmp", "tmpfs", 0, "mode=1777");
  struct ifreq loopback = {.ifr_name = "lo", .ifr_flags = IFF_UP | IFF_RUNNING};
  int any = socket(AF_INET, SOCK_DGRAM, 0);
  broken |= ioctl(any, SIOCSIFFLAGS, &loopback);
  close(any);
  struct utsname kernel;
  uname(&kernel);
  printf("confine: Linux %s\n", kernel.release);
  fflush(stdout);
  int status = -1;
  pid_t test = broken ? -1 : fork();
  if (test == 0) {
    dup2(1, 2);
    char *words[] = {"/test", "--nocapture", "--test-threads=1", NULL};
    char *environment[] = {"PATH=/bin", "RUST_BACKTRACE=1", NULL};
    execve(words[0], words, environment);
    perror(words[0]);
    _exit(1);
  }
  if (test > 0) waitpid(test, &status, 0);
  printf("confine: %s\n", status == 0 ? "passed" : "failed");
  fflush(stdout);
  sync();
  sleep(1);
  reboot(RB_POWER_OFF);
  return 1;
}
