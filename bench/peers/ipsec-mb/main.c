/*
 * AES-128-GCM with Intel's multi-buffer library in a C loop: what a core of this machine can do without JavaScript.
 *
 *     cc -O2 main.c -lIPSec_MB -o ipsec-mb       (Debian: gcc libipsec-mb-dev)
 *     ipsec-mb MILLISECONDS BYTES...             measures packets of these sizes, in turn
 *     ipsec-mb show BYTES                        a sealed packet of zeros in hexadecimal: by a call, by a job
 *     ipsec-mb version
 *
 * Prints nanoseconds per packet: one call per packet to seal and to open, then bursts of jobs to seal and to open.
 */
#include <intel-ipsec-mb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { PACKETS = 60, SLOT = 16384, AAD = 8, ICV = 8, NONCE = 12, MOST_SIZES = 64 };
enum { CALL, BURST };

static IMB_MGR *manager;
static struct gcm_key_data *key;
static struct gcm_context_data context;
static unsigned char *arena;
static unsigned char nonce[PACKETS][16], aad[PACKETS][16], tag[PACKETS][16];
static unsigned long length[PACKETS];

static double now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return t.tv_sec * 1e9 + t.tv_nsec;
}

static void by_calls(int open) {
  for (int i = 0; i < PACKETS; i++) {
    unsigned char *at = arena + i * SLOT;
    if (open) IMB_AES128_GCM_DEC(manager, key, &context, at, at, length[i], nonce[i], aad[i], AAD, tag[i], ICV);
    else IMB_AES128_GCM_ENC(manager, key, &context, at, at, length[i], nonce[i], aad[i], AAD, tag[i], ICV);
  }
}

static void by_a_burst(int open) {
  IMB_JOB *jobs[PACKETS];
  if (IMB_GET_NEXT_BURST(manager, PACKETS, jobs) != PACKETS) exit(1);
  for (int i = 0; i < PACKETS; i++) {
    IMB_JOB *job = jobs[i];
    job->cipher_mode = IMB_CIPHER_GCM;
    job->hash_alg = IMB_AUTH_AES_GMAC;
    job->cipher_direction = open ? IMB_DIR_DECRYPT : IMB_DIR_ENCRYPT;
    job->chain_order = open ? IMB_ORDER_HASH_CIPHER : IMB_ORDER_CIPHER_HASH;
    job->enc_keys = job->dec_keys = key;
    job->key_len_in_bytes = 16;
    job->src = job->dst = arena + i * SLOT;
    job->cipher_start_src_offset_in_bytes = job->hash_start_src_offset_in_bytes = 0;
    job->msg_len_to_cipher_in_bytes = job->msg_len_to_hash_in_bytes = length[i];
    job->iv = nonce[i];
    job->iv_len_in_bytes = NONCE;
    job->u.GCM.aad = aad[i];
    job->u.GCM.aad_len_in_bytes = AAD;
    job->auth_tag_output = tag[i];
    job->auth_tag_output_len_in_bytes = ICV;
  }
  if (IMB_SUBMIT_BURST_NOCHECK(manager, PACKETS, jobs) != PACKETS) exit(1);
}

static void pass(int how, int open) {
  if (how == CALL) by_calls(open);
  else by_a_burst(open);
}

static double measure(int how, int open, double nanoseconds) {
  pass(how, open);
  const double start = now();
  double end = start;
  long passes = 0;
  for (; end - start < nanoseconds; end = now(), passes++) pass(how, open);
  return (end - start) / passes / PACKETS;
}

static void show(int how) {
  memset(arena, 0, SLOT);
  pass(how, 0);
  for (unsigned long i = 0; i < length[0]; i++) printf("%02x", arena[i]);
  for (int i = 0; i < ICV; i++) printf("%02x", tag[0][i]);
  printf("\n");
}

int main(int argc, char **argv) {
  if (argc == 2 && strcmp(argv[1], "version") == 0) {
    printf("%s\n", imb_get_version_str());
    return 0;
  }
  unsigned long sizes[MOST_SIZES];
  const int count = argc - 2;
  if (count < 1 || count > MOST_SIZES) return 2;
  for (int i = 0; i < count; i++) {
    sizes[i] = strtoul(argv[2 + i], NULL, 10);
    if (sizes[i] == 0 || sizes[i] > SLOT) return 2;
  }
  unsigned char raw[16];
  for (int i = 0; i < 16; i++) raw[i] = i;
  manager = alloc_mb_mgr(0);
  key = aligned_alloc(64, 1024);
  arena = aligned_alloc(64, PACKETS * SLOT);
  if (manager == NULL || key == NULL || arena == NULL) return 1;
  init_mb_mgr_auto(manager, NULL);
  IMB_AES128_GCM_PRE(manager, raw, key);
  memset(arena, 0, PACKETS * SLOT);
  for (int i = 0; i < PACKETS; i++) {
    length[i] = sizes[i % count];
    nonce[i][NONCE - 1] = i;
  }
  if (strcmp(argv[1], "show") == 0) {
    show(CALL);
    show(BURST);
    return 0;
  }
  const double nanoseconds = strtod(argv[1], NULL) * 1e6;
  if (nanoseconds <= 0) return 2;
  for (int how = CALL; how <= BURST; how++) {
    for (int open = 0; open < 2; open++) printf("%.2f ", measure(how, open, nanoseconds));
  }
  printf("\n");
  return 0;
}
