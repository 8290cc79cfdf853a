// meter HOST PORT STREAMS RATE SECONDS SIZE SETTLE: measures a server of event streams, to
// hold ssebench against. It shares nothing with it: epoll, a parser of its own for chunks
// and events, a histogram of its own, and a publisher of its own in a thread. It prints one
// line of JSON.
//
// The publisher sends event i at begin + i/RATE, whatever the answers do, and each event
// carries that time. Latency counts from it.

#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum mode { HEAD, SIZE, DATA, DATA_END, OVER };

struct stream {
	int fd;
	enum mode mode;
	uint32_t left;         // of the chunk
	uint32_t n;            // bytes in line
	char line[512];        // begun, and not ended yet
	int data;              // the event that is being read has data
	uint64_t seq, last;    // its number, 0 if it is none of ours; the highest so far
	int64_t due;
};

static struct sockaddr_in server;
static int streams, size, open_streams, refused, ended;
static double rate, seconds;
static uint64_t delivered, missing, disordered, other;
static _Atomic uint64_t published, answered;
static _Atomic int publishing = 1;
static int64_t begin, *lateness; // of the publisher

static void die(const char *what) {
	fprintf(stderr, "meter: %s: %s\n", what, strerror(errno));
	exit(1);
}

static int64_t now(void) {
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000000000LL + t.tv_nsec;
}

// The histogram, of microseconds: exact to 2,048, and to a thousandth above it.
static uint64_t histogram[32 << 10];

static int slot(uint64_t us) {
	int shift = us < 2048 ? 0 : 54 - __builtin_clzll(us) - 1;
	return (shift << 10) + (int)(us >> shift);
}

static double value(int slot) {
	int shift = slot < 2048 ? 0 : (slot >> 10) - 1;
	return ((uint64_t)(slot - (shift << 10)) << shift) / 1e3;
}

// percentile is in ms.
static double percentile(double p) {
	uint64_t rank = (uint64_t)(p / 100 * delivered + 0.999999), seen = 0;
	for (int i = 0; i < 32 << 10; i++)
		if ((seen += histogram[i]) >= rank && seen > 0)
			return value(i);
	return 0;
}

static int dial(void) {
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), yes = 1;
	if (fd < 0 || connect(fd, (struct sockaddr *)&server, sizeof server) < 0)
		die("connect");
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
	return fd;
}

// count counts the event that a blank line has ended.
static void count(struct stream *s, int64_t at) {
	int64_t us = (at - s->due) / 1000;
	if (s->seq == 0) {
		other++;
		return;
	}
	if (s->seq > s->last) {
		delivered++;
		missing += s->seq - s->last - 1;
		s->last = s->seq;
		histogram[slot(us < 0 ? 0 : us)]++;
	} else {
		disordered++; // twice, or after a later one
	}
	s->seq = 0;
}

// body takes one line of the stream of events, without its LF.
static void body(struct stream *s, const char *line, int n, int64_t at) {
	if (n == 0 && s->data) {
		count(s, at);
		s->data = 0;
	}
	if (n < 5 || memcmp(line, "data:", 5) != 0)
		return;
	s->data = 1;
	const char *p = line + 5, *end = line + n;
	while (p < end && *p == ' ')
		p++;
	uint64_t field[2] = {0, 0};
	for (int i = 0; i < 2; i++) {
		while (p < end && *p >= '0' && *p <= '9')
			field[i] = field[i] * 10 + (*p++ - '0');
		if (p == end || *p++ != ' ')
			return;
	}
	s->seq = field[0], s->due = field[1];
}

// head takes one line of the answer's head.
static void head(struct stream *s, const char *line, int n) {
	if (n > 0 && line[n - 1] == '\r')
		n--;
	if (n >= 5 && memcmp(line, "HTTP/", 5) == 0 && (n < 12 || memcmp(line + 8, " 200", 4) != 0)) {
		refused++;
		s->mode = OVER;
	} else if (n == 0) {
		open_streams++;
		s->mode = SIZE;
	}
}

// lines takes the lines in n bytes, and keeps what is left of the last.
static void lines(struct stream *s, const char *p, size_t n, int64_t at) {
	const char *end = p + n;
	for (const char *lf; p < end && (lf = memchr(p, '\n', end - p)); p = lf + 1) {
		const char *line = p;
		int length = lf - p;
		if (s->n > 0) { // it began earlier
			if (s->n + length > sizeof s->line)
				length = sizeof s->line - s->n;
			memcpy(s->line + s->n, p, length);
			line = s->line, length += s->n, s->n = 0;
		}
		body(s, line, length, at);
	}
	size_t left = end - p;
	if (left > sizeof s->line - s->n)
		left = sizeof s->line - s->n;
	memcpy(s->line + s->n, p, left);
	s->n += left;
}

// take takes bytes of the connection that were read at a time.
static void take(struct stream *s, const char *p, size_t n, int64_t at) {
	const char *end = p + n;
	while (p < end) {
		size_t part = end - p;
		switch (s->mode) {
		case HEAD:
			if (*p == '\n') {
				head(s, s->line, s->n);
				s->n = 0;
			} else if (s->n < sizeof s->line) {
				s->line[s->n++] = *p;
			}
			p++;
			break;
		case SIZE:
			if (*p == '\n')
				s->mode = s->left > 0 ? DATA : OVER;
			else if (*p != '\r')
				s->left = s->left * 16 + (*p <= '9' ? *p - '0' : (*p | 32) - 'a' + 10);
			p++;
			break;
		case DATA:
			if (part > s->left)
				part = s->left;
			lines(s, p, part, at);
			p += part;
			if ((s->left -= part) == 0)
				s->mode = DATA_END;
			break;
		case DATA_END:
			if (*p++ == '\n')
				s->mode = SIZE;
			break;
		case OVER:
			return;
		}
	}
}

// drain reads what has come of the publisher's answers, and counts them.
static void drain(int fd) {
	static const char good[] = "HTTP/1.1 2";
	static size_t matched;
	char buffer[65536];
	for (ssize_t n; (n = recv(fd, buffer, sizeof buffer, MSG_DONTWAIT)) > 0;)
		for (ssize_t i = 0; i < n; i++) {
			matched = buffer[i] == good[matched] ? matched + 1 : buffer[i] == 'H';
			if (matched == sizeof good - 1) {
				answered++;
				matched = 0;
			}
		}
}

// publish is the publisher's thread.
static void *publish(void *unused) {
	(void)unused;
	int fd = dial();
	uint64_t n = rate * seconds + 1e-6;
	char *request = malloc(size + 512), *data = malloc(size + 64);
	lateness = calloc(n + 1, sizeof *lateness);
	prctl(PR_SET_TIMERSLACK, 1);
	for (uint64_t i = 0; i < n; i++) {
		int64_t due = begin + (int64_t)(i / rate * 1e9);
		struct timespec t = {due / 1000000000, due % 1000000000};
		while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &t, NULL) == EINTR)
			;
		int length = sprintf(data, "%llu %lld ", (unsigned long long)i + 1, (long long)due);
		while (length < size)
			data[length++] = 'x';
		int all = sprintf(request, "POST /publish?topic=a HTTP/1.1\r\nHost: x\r\nContent-Type: text/plain\r\nContent-Length: %d\r\n\r\n%.*s", length, length, data);
		lateness[i] = now() - due;
		for (int sent = 0, k; sent < all; sent += k)
			if ((k = send(fd, request + sent, all - sent, MSG_NOSIGNAL)) < 0)
				die("publish");
		published++;
		drain(fd);
	}
	for (int64_t end = now() + 5000000000LL; answered < published && now() < end; usleep(1000))
		drain(fd);
	publishing = 0;
	return NULL;
}

// loop reads until enough is true, or nothing has come for 5 s. It returns the share of the
// time in which it did not wait.
static double loop(int epoll, int (*enough)(void)) {
	static char buffer[1 << 17];
	struct epoll_event events[512];
	int64_t start = now(), waited = 0, last = start;
	while (!enough() && now() - last < 5000000000LL) {
		int64_t before = now();
		int n = epoll_wait(epoll, events, 512, 5);
		waited += now() - before;
		for (int i = 0; i < n; i++) {
			struct stream *s = events[i].data.ptr;
			ssize_t got = recv(s->fd, buffer, sizeof buffer, MSG_DONTWAIT);
			last = now();
			if (got > 0) {
				take(s, buffer, got, last);
			} else if (got == 0 || errno != EAGAIN) {
				ended++;
				close(s->fd);
			}
		}
		if (publishing)
			last = now(); // more will come
	}
	return 1 - (double)waited / (now() - start);
}

static int all_open(void) { return open_streams + refused + ended >= streams; }
static int all_there(void) { return !publishing && delivered >= published * streams; }

static int ascending(const void *a, const void *b) {
	int64_t x = *(int64_t *)a, y = *(int64_t *)b;
	return (x > y) - (x < y);
}

int main(int argc, char **argv) {
	if (argc != 8) {
		fprintf(stderr, "usage: meter HOST PORT STREAMS RATE SECONDS SIZE SETTLE\n");
		return 1;
	}
	server.sin_family = AF_INET, server.sin_port = htons(atoi(argv[2]));
	inet_pton(AF_INET, argv[1], &server.sin_addr);
	streams = atoi(argv[3]), rate = atof(argv[4]), seconds = atof(argv[5]), size = atoi(argv[6]);
	struct rlimit files;
	getrlimit(RLIMIT_NOFILE, &files);
	files.rlim_cur = files.rlim_max;
	setrlimit(RLIMIT_NOFILE, &files);
	int epoll = epoll_create1(EPOLL_CLOEXEC);
	struct stream *all = calloc(streams, sizeof *all);
	for (int i = 0; i < streams; i++) {
		static const char request[] = "GET /events?topic=a HTTP/1.1\r\nHost: x\r\nAccept: text/event-stream\r\n\r\n";
		struct epoll_event e = {EPOLLIN, {.ptr = &all[i]}};
		all[i].fd = dial();
		if (send(all[i].fd, request, sizeof request - 1, MSG_NOSIGNAL) < 0 || epoll_ctl(epoll, EPOLL_CTL_ADD, all[i].fd, &e) < 0)
			die("open a stream");
	}
	loop(epoll, all_open);
	begin = now() + atof(argv[7]) * 1e9;
	pthread_t publisher;
	if (pthread_create(&publisher, NULL, publish, NULL) != 0)
		die("start the publisher");
	while (now() < begin - 10000000) // settling does not count as waiting
		usleep(1000);
	double busy = loop(epoll, all_there);
	pthread_join(publisher, NULL);
	qsort(lateness, published, sizeof *lateness, ascending);
	printf("{\"opened\":%d,\"published\":%llu,\"answered\":%llu,\"delivered\":%llu,\"missing\":%llu,\"disordered\":%llu,\"other\":%llu,\"ended\":%d,"
	       "\"p50\":%.3f,\"p90\":%.3f,\"p99\":%.3f,\"max\":%.3f,\"busy\":%.3f,\"late_p50\":%.3f,\"late_max\":%.3f}\n",
	       open_streams, (unsigned long long)published, (unsigned long long)answered, (unsigned long long)delivered, (unsigned long long)missing,
	       (unsigned long long)disordered, (unsigned long long)other, ended, percentile(50), percentile(90), percentile(99), percentile(100), busy,
	       published ? lateness[published / 2] / 1e6 : 0, published ? lateness[published - 1] / 1e6 : 0);
	return 0;
}
