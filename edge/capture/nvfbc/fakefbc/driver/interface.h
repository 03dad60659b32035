// A double of NVIDIA's NvFBC, for tests: it shows whether a caller keeps the rules that NVIDIA documents. It cannot prove anything
// about a driver or a GPU: neither that its structures are laid out like this, nor what it does when, nor how fast.
//
// The interface is declared here a second time, apart from the program's, and structure versions are literals: a slip in one of
// the two is found by the other. Both were written from the same documentation, so a misreading of that is not.
#ifndef FAKEFBC_INTERFACE_H
#define FAKEFBC_INTERFACE_H

#include <stdint.h>

// Versions of the structures in API 1.7: size, revision, API.
enum {
	API = 0x107,
	VERSION_CREATE_HANDLE = 0x07020028,
	VERSION_ONE_WORD = 0x07010004, // destroy handle, bind, release, destroy session
	VERSION_GET_STATUS = 0x0702030c,
	VERSION_CREATE_SESSION = 0x07060040,
	VERSION_SYSTEM_SETUP = 0x07030030,
	VERSION_SYSTEM_GRAB = 0x07020018,
	VERSION_CUDA_SETUP = 0x07010008,
	VERSION_CUDA_GRAB = 0x07020020,
};

enum status {
	SUCCESS, ERR_API_VERSION, ERR_INTERNAL, ERR_INVALID_PARAM, ERR_INVALID_PTR, ERR_INVALID_HANDLE, ERR_MAX_CLIENTS, ERR_UNSUPPORTED,
	ERR_OUT_OF_MEMORY, ERR_BAD_REQUEST, ERR_X, ERR_GLX, ERR_GL, ERR_CUDA, ERR_ENCODER, ERR_CONTEXT, ERR_MUST_RECREATE,
};

enum capture_type { TO_SYS, SHARED_CUDA };
enum { TRACKING_SCREEN = 2, FORMAT_BGRA = 5 };
enum { NOWAIT = 1, FORCE_REFRESH = 2, NOWAIT_IF_NEW_FRAME_READY = 4 };

typedef uint64_t session_handle;

struct one_word {
	uint32_t dwVersion;
};

struct create_handle {
	uint32_t dwVersion;
	const void *privateData;
	uint32_t privateDataSize;
	uint32_t bExternallyManagedContext;
	void *glxCtx;
	void *glxFBConfig;
};

struct get_status {
	uint32_t dwVersion;
	uint32_t bIsCapturePossible;
	uint32_t bCurrentlyCapturing;
	uint32_t bCanCreateNow;
	uint32_t screenWidth, screenHeight;
	uint32_t bXRandRAvailable;
	uint8_t outputs[5][148];
	uint32_t dwOutputNum;
	uint32_t dwNvFBCVersion;
	uint32_t bInModeset;
};

struct create_session {
	uint32_t dwVersion;
	uint32_t eCaptureType;
	uint32_t eTrackingType;
	uint32_t dwOutputId;
	uint32_t captureBox[4];
	uint32_t frameSize[2];
	uint32_t bWithCursor;
	uint32_t bDisableAutoModesetRecovery;
	uint32_t bRoundFrameSize;
	uint32_t dwSamplingRateMs;
	uint32_t bPushModel;
	uint32_t bAllowDirectCapture;
};

struct system_setup {
	uint32_t dwVersion;
	uint32_t eBufferFormat;
	void **ppBuffer;
	uint32_t bWithDiffMap;
	void **ppDiffMap;
	uint32_t dwDiffMapScalingFactor;
	uint32_t diffMapSize[2];
};

struct cuda_setup {
	uint32_t dwVersion;
	uint32_t eBufferFormat;
};

struct grab_info {
	uint32_t dwWidth, dwHeight, dwByteSize, dwCurrentFrame, bIsNewFrame;
	uint64_t ulTimestampUs;
	uint32_t dwMissedFrames, bRequiredPostProcessing, bDirectCapture;
};

struct system_grab {
	uint32_t dwVersion;
	uint32_t dwFlags;
	struct grab_info *pFrameGrabInfo;
	uint32_t dwTimeoutMs;
};

struct cuda_grab {
	uint32_t dwVersion;
	uint32_t dwFlags;
	void *pCUDADeviceBuffer;
	struct grab_info *pFrameGrabInfo;
	uint32_t dwTimeoutMs;
};

struct functions {
	uint32_t dwVersion;
	void *entry[21];
};

enum entry {
	GET_LAST_ERROR, CREATE_HANDLE, DESTROY_HANDLE, GET_STATUS, CREATE_SESSION, DESTROY_SESSION, TO_SYS_SETUP, TO_SYS_GRAB, TO_CUDA_SETUP,
	TO_CUDA_GRAB, BIND_CONTEXT = 13, RELEASE_CONTEXT = 14,
};

#endif
