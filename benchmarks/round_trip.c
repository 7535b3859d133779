/* The physical limit: two processes that pass a number to and fro by spinning on one cache line for each direction.
   Prints the nanoseconds of one round trip: the median of many batches.  With an argument both run on one processor and
   give it away instead of spinning. */

#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <time.h>
#include <unistd.h>

enum { BATCHES = 400, CALLS = 500 };

static double seconds(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

static int one_processor;

static void relax(void) {
  if (one_processor) {
    sched_yield();
    return;
  }
#if defined(__x86_64__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  __asm__ volatile("isb" ::: "memory");
#endif
}

static int compare(const void *a, const void *b) {
  double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}

int main(int count, char **arguments) {
  (void)arguments;
  one_processor = count > 1;
  if (one_processor) {
    cpu_set_t first;
    CPU_ZERO(&first);
    CPU_SET((size_t)sched_getcpu(), &first);
    if (sched_setaffinity(0, sizeof first, &first) < 0) return 1;
  }
  char *memory = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) return 1;
  _Atomic unsigned *request = (void *)memory, *reply = (void *)(memory + 128);
  static double batches[BATCHES];
  unsigned turn = 0;

  pid_t other = fork();
  if (other < 0) return 1;
  if (other == 0) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    for (unsigned next = 1;; next++) {
      while (atomic_load_explicit(request, memory_order_acquire) != next) relax();
      atomic_exchange(reply, next);
    }
  }
  for (int batch = 0; batch < BATCHES; batch++) {
    double start = seconds();
    for (int i = 0; i < CALLS; i++) {
      atomic_exchange(request, ++turn);
      while (atomic_load_explicit(reply, memory_order_acquire) != turn) relax();
    }
    batches[batch] = (seconds() - start) / CALLS;
  }
  kill(other, SIGKILL);
  qsort(batches, BATCHES, sizeof *batches, compare);
  printf("%.1f\n", 1e9 * batches[BATCHES / 2]);
  return 0;
}
