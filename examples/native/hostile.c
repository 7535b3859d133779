/* A library that does more than it says. */

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

static int tried_at_once;

static int read_passwords(void) {
  char text[64];
  int file = open("/etc/passwd", O_RDONLY);
  return file < 0 ? -errno : (int)read(file, text, sizeof text);
}

/* Runs when the library is loaded, before any function is called. */
__attribute__((constructor)) static void at_once(void) { tried_at_once = read_passwords(); }

int add(int a, int b) { return a + b; }

int what_the_constructor_got(void) { return tried_at_once; }

int passwords(void) { return read_passwords(); }

int forks(void) {
  pid_t child = fork();
  return child < 0 ? -errno : child;
}

int connects(void) {
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(80), .sin_addr = {htonl(INADDR_LOOPBACK)}};
  int connection = socket(AF_INET, SOCK_STREAM, 0);
  if (connection < 0) return -errno;
  return connect(connection, (struct sockaddr *)&address, sizeof address) < 0 ? -errno : connection;
}

int crashes(void) { return *(volatile int *)0; }

int never_ends(void) {
  for (volatile int one = 1; one;) continue;
  return 0;
}
