/* Preloaded into Samba, whose LDAP server has its ports hard-coded: gives it free ports instead of 389, 636, 3268 and 3269.
 *
 * ADSYNC_LDAP_PORTS names a file with four lines, one for each of these ports in order. A number in it is the port to use,
 * 0 (or no file) means a free one. What was bound is written back there, so that a start knows its ports and a restart
 * finds them again. Free ports are found by binding them, which nobody can race, and below Linux' ephemeral range, where
 * no outgoing connection takes them between a stop and a restart. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { PORTS = 4, LOWEST = 10240, HIGHEST = 32000, TRIES = 1000 };
static const in_port_t hard_coded[PORTS] = {389, 636, 3268, 3269};
static unsigned bound[PORTS];

static void read_ports(const char *file) {
  static int done;
  FILE *in = done++ ? NULL : fopen(file, "r");
  for (int i = 0; in && i < PORTS; i++)
    if (fscanf(in, "%u", &bound[i]) != 1) break;
  if (in) fclose(in);
}

static void write_ports(const char *file) {
  FILE *out = fopen(file, "w");
  for (int i = 0; out && i < PORTS; i++) fprintf(out, "%u\n", bound[i]);
  if (out) fclose(out);
}

static in_port_t *port_in(struct sockaddr *address) {
  if (address->sa_family == AF_INET) return &((struct sockaddr_in *)address)->sin_port;
  if (address->sa_family == AF_INET6) return &((struct sockaddr_in6 *)address)->sin6_port;
  return NULL;
}

int bind(int fd, const struct sockaddr *address, socklen_t length) {
  static int (*real)(int, const struct sockaddr *, socklen_t);
  if (!real) *(void **)&real = dlsym(RTLD_NEXT, "bind");
  const char *file = getenv("ADSYNC_LDAP_PORTS");
  struct sockaddr_storage copy;
  if (!file || !address || length > sizeof copy) return real(fd, address, length);
  memcpy(&copy, address, length);
  in_port_t *port = port_in((struct sockaddr *)&copy);
  for (int i = 0; port && i < PORTS; i++) {
    if (ntohs(*port) != hard_coded[i]) continue;
    read_ports(file);
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    unsigned seed = (unsigned)getpid() ^ (unsigned)now.tv_nsec;
    int result = -1;
    for (int try = 0; try < TRIES && result; try++) {
      unsigned wanted = bound[i] ? bound[i] : LOWEST + (unsigned)rand_r(&seed) % (HIGHEST - LOWEST);
      *port = htons((in_port_t)wanted);
      result = real(fd, (struct sockaddr *)&copy, length);
      if (!result) bound[i] = wanted;
      else if (bound[i] || errno != EADDRINUSE) break;
    }
    if (!result) write_ports(file);
    return result;
  }
  return real(fd, address, length);
}

/* Samba asks on which port a connection came in, and treats the Global Catalog's differently. */
int getsockname(int fd, struct sockaddr *address, socklen_t *length) {
  static int (*real)(int, struct sockaddr *, socklen_t *);
  if (!real) *(void **)&real = dlsym(RTLD_NEXT, "getsockname");
  int result = real(fd, address, length);
  in_port_t *port = !result && address && *length >= sizeof(struct sockaddr_in) ? port_in(address) : NULL;
  for (int i = 0; port && i < PORTS; i++)
    if (bound[i] && ntohs(*port) == bound[i]) {
      *port = htons(hard_coded[i]);
      break;
    }
  return result;
}
