// A double of libnvidia-ml.so.1 for tests: one card, and of NVML's functions only those that follow, as if its driver were
// very old. It shows that a function that a driver lacks is never called, and that text and structures come across. It
// cannot show what a real driver answers.

#include <string.h>

typedef struct { char legacy[16]; unsigned domain, bus, device, id, subsystem; char text[32]; } pci;
typedef struct { unsigned session, process, vgpu, codec, width, height, rate, microseconds; } session;

enum { success = 0, too_small = 7, unknown = 999 };

static int card;

const char *nvmlErrorString(int result) { return result == unknown ? "Unknown Error" : "another error"; }
int nvmlInit_v2(void) { return success; }
int nvmlShutdown(void) { return success; }
int nvmlDeviceGetCount_v2(unsigned *count) { *count = 1; return success; }
int nvmlDeviceGetHandleByIndex_v2(unsigned index, void **device) { *device = &card; return index == 0 ? success : unknown; }
int nvmlDeviceGetName(void *device, char *name, unsigned length) { strncpy(name, "NVIDIA Double\xff", length); return device == &card ? success : unknown; }
int nvmlDeviceGetUUID(void *device, char *uuid, unsigned length) { strncpy(uuid, "GPU-0123", length); return success; }
int nvmlDeviceGetPciInfo_v3(void *device, pci *info) { memset(info, 0, sizeof *info); info->bus = 0x65; return success; }
int nvmlDeviceGetPowerUsage(void *device, unsigned *milliwatts) { return unknown; }

// As the real one: the number wanted when the room is too small.
int nvmlDeviceGetEncoderSessions(void *device, unsigned *count, session *sessions) {
	unsigned room = *count;
	*count = 2;
	if (room < 2)
		return too_small;
	sessions[0] = (session){1, 4242, 0, 0, 1280, 720, 60, 1500};
	sessions[1] = (session){2, 4243, 0, 9, 640, 480, 30, 900};
	return success;
}
