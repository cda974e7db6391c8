/*
 * The kernel's vxlan driver between two network namespaces, on one core, set up as Docker does.
 *
 *     cc -O2 main.c -o linux-vxlan
 *     linux-vxlan MILLISECONDS BYTES...      (as root; needs `ip` of iproute2)
 *
 * Both namespaces are anonymous and belong to this process alone: however it ends, they and their devices are gone.
 * Namespace A sends frames with AF_PACKET and sendmmsg into a vxlan device whose underlay is a veth pair. Everything,
 * including the softirqs of the other end, runs on the core that this process is bound to.
 *
 * Prints a line for each size: nanoseconds per frame that the vxlan device in namespace B counts; and per frame that
 * B's end of the veth pair counts if B drops the outer packet at once, because it has another MAC.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { FRAMES = 64, LARGEST = 1464, HEADERS = 42 };

/* Docker's options for the vxlan device; neighbours and forwarding entries are permanent. */
static const char *const SETUP_A[] = {
    "ip link add under type veth peer name under netns /proc/%d/fd/%d",
    "ip link set under address 02:00:00:00:50:01 addrgenmode none up",
    "ip addr add 192.168.50.1/24 dev under",
    "ip neigh add 192.168.50.2 lladdr 02:00:00:00:50:02 nud permanent dev under",
    "ip neigh add 192.168.50.3 lladdr 02:00:00:00:50:03 nud permanent dev under",
    "ip link add vx type vxlan id 4097 dstport 4789 proxy l2miss l3miss",
    "ip link set vx address 02:42:0a:00:09:00 addrgenmode none mtu 1450 up",
    "bridge fdb add 02:42:0a:00:09:04 dev vx dst 192.168.50.2 self permanent",
    "bridge fdb add 02:42:0a:00:09:05 dev vx dst 192.168.50.3 self permanent",
    NULL,
};
static const char *const SETUP_B[] = {
    "ip link set under address 02:00:00:00:50:02 addrgenmode none up",
    "ip addr add 192.168.50.2/24 dev under",
    "ip neigh add 192.168.50.1 lladdr 02:00:00:00:50:01 nud permanent dev under",
    "ip link add vx type vxlan id 4097 dstport 4789 proxy l2miss l3miss",
    "ip link set vx address 02:42:0a:00:09:00 addrgenmode none mtu 1450 up",
    "bridge fdb add 02:42:0a:00:09:03 dev vx dst 192.168.50.1 self permanent",
    NULL,
};

static int namespace_a, namespace_b, sender;
static unsigned char frames[FRAMES][HEADERS + LARGEST];
static struct iovec parts[FRAMES];
static struct mmsghdr messages[FRAMES];

static void fail(const char *what) {
  fprintf(stderr, "%s: %s\n", what, strerror(errno));
  exit(1);
}

static void enter(int namespace) {
  if (setns(namespace, CLONE_NEWNET) != 0) fail("setns");
}

static int make_namespace(void) {
  if (unshare(CLONE_NEWNET) != 0) fail("can't create a network namespace");
  const int namespace = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
  if (namespace < 0) fail("/proc/self/ns/net");
  return namespace;
}

/* Not system(): it ignores SIGINT while it waits, so an interrupt would be lost. */
static int run(const char *command) {
  const pid_t child = fork();
  if (child < 0) fail("fork");
  if (child == 0) {
    execl("/bin/sh", "sh", "-c", command, (char *)NULL);
    _exit(127);
  }
  int status;
  if (waitpid(child, &status, 0) < 0) fail("waitpid");
  return status;
}

static void set_up(int namespace, const char *const *commands) {
  enter(namespace);
  for (; *commands != NULL; commands++) {
    char command[200];
    snprintf(command, sizeof command, *commands, getpid(), namespace_b);
    if (run(command) == 0) continue;
    fprintf(stderr, "failed: %s\n", command);
    exit(1);
  }
}

/* Packets that a device in namespace B has received. */
static long received(const char *device) {
  enter(namespace_b);
  FILE *file = fopen("/proc/self/net/dev", "r");
  if (file == NULL) fail("/proc/self/net/dev");
  char line[400];
  long packets = -1;
  while (packets < 0 && fgets(line, sizeof line, file) != NULL) {
    char name[40];
    long bytes, count;
    if (sscanf(line, " %39[^:]: %ld %ld", name, &bytes, &count) == 3 && strcmp(name, device) == 0) packets = count;
  }
  fclose(file);
  enter(namespace_a);
  return packets;
}

static double now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return t.tv_sec * 1e9 + t.tv_nsec;
}

/* Frames with IPv4 and UDP, one per flow, to the container whose MAC ends with `to`. */
static void make_frames(int bytes, unsigned char to) {
  static const unsigned char head[] = {0x02, 0x42, 0x0a, 0, 9, 0, 0x02, 0x42, 0x0a, 0, 9, 3, 8, 0,
                                       0x45, 0, 0, 0, 0, 0, 0, 0, 64, 17, 0, 0, 10, 0, 9, 3, 10, 0, 9, 0};
  for (int i = 0; i < FRAMES; i++) {
    unsigned char *frame = frames[i];
    memset(frame, 0, bytes);
    memcpy(frame, head, sizeof head);
    frame[5] = frame[33] = to;
    const int total = bytes - 14, udp = total - 20;
    frame[16] = total >> 8;
    frame[17] = total & 255;
    unsigned long sum = 0;
    for (int at = 14; at < 34; at += 2) sum += frame[at] << 8 | frame[at + 1];
    sum = (sum & 0xffff) + (sum >> 16);
    sum = ~((sum & 0xffff) + (sum >> 16)) & 0xffff;
    frame[24] = sum >> 8;
    frame[25] = sum & 255;
    frame[34] = frame[36] = 0x9c;
    frame[35] = i;
    frame[37] = 100;
    frame[38] = udp >> 8;
    frame[39] = udp & 255;
    parts[i] = (struct iovec){frame, bytes};
    messages[i].msg_hdr = (struct msghdr){.msg_iov = &parts[i], .msg_iovlen = 1};
  }
}

static void send_for(double nanoseconds) {
  for (const double start = now(); now() - start < nanoseconds;) {
    if (sendmmsg(sender, messages, FRAMES, 0) < 0 && errno != ENOBUFS && errno != EAGAIN) fail("sendmmsg");
  }
}

/* Nanoseconds per frame that the device received. */
static double measure(int bytes, unsigned char to, const char *device, double nanoseconds) {
  make_frames(bytes, to);
  send_for(nanoseconds / 10);
  const long before = received(device);
  const double start = now();
  send_for(nanoseconds);
  const double took = now() - start;
  const long count = received(device) - before;
  if (count > 0) return took / count;
  fprintf(stderr, "no frame of %d bytes was received\n", bytes);
  exit(1);
}

static void bind_to_last_core(void) {
  cpu_set_t allowed, one;
  if (sched_getaffinity(0, sizeof allowed, &allowed) != 0) fail("sched_getaffinity");
  CPU_ZERO(&one);
  for (int core = CPU_SETSIZE - 1; core >= 0 && CPU_COUNT(&one) == 0; core--) {
    if (CPU_ISSET(core, &allowed)) CPU_SET(core, &one);
  }
  if (sched_setaffinity(0, sizeof one, &one) != 0) fail("sched_setaffinity");
}

int main(int argc, char **argv) {
  const double nanoseconds = argc > 2 ? strtod(argv[1], NULL) * 1e6 : 0;
  if (!(nanoseconds > 0)) return 2;
  for (int i = 2; i < argc; i++) {
    const long bytes = strtol(argv[i], NULL, 10);
    if (bytes < HEADERS || bytes > LARGEST) return 2;
  }
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  bind_to_last_core();
  namespace_b = make_namespace();
  namespace_a = make_namespace();
  set_up(namespace_a, SETUP_A);
  set_up(namespace_b, SETUP_B);
  enter(namespace_a);
  sender = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0);
  const struct sockaddr_ll device = {.sll_family = AF_PACKET, .sll_ifindex = (int)if_nametoindex("vx")};
  if (sender < 0 || bind(sender, (const struct sockaddr *)&device, sizeof device) != 0) fail("AF_PACKET");
  for (int i = 2; i < argc; i++) {
    const int bytes = atoi(argv[i]);
    const double whole = measure(bytes, 4, "vx", nanoseconds);
    printf("%.2f %.2f\n", whole, measure(bytes, 5, "under", nanoseconds));
  }
  return 0;
}
